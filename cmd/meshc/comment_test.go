package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// meshc diff --comment keeps one comment on the pull request of a job, against a server in GitHub's shape. Each run
// replaces it: also the one that finds nothing to compare, since the text would be about another commit.
func TestDiffComment(t *testing.T) {
	body, written := "", 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		comment := func() any {
			return map[string]any{"id": 1, "body": body, "html_url": "https://forge.example.org/c/1", "user": map[string]any{"login": "bot"}}
		}
		var out any
		switch req.Method + " " + strings.TrimPrefix(req.URL.Path, "/api/v3") {
		case "GET /user":
			out = map[string]any{"login": "bot"}
		case "GET /repos/acme/shop/issues/7/comments":
			list := []any{}
			if body != "" {
				list = append(list, comment())
			}
			out = list
		case "POST /repos/acme/shop/issues/7/comments", "PATCH /repos/acme/shop/issues/comments/1":
			if req.Method == http.MethodPatch == (body == "") {
				t.Errorf("%s where the comment is %q", req.Method, body)
			}
			var said struct{ Body string }
			assert.NoError(t, json.NewDecoder(req.Body).Decode(&said))
			body = said.Body
			written++
			out = comment()
		default:
			w.WriteHeader(http.StatusNotFound)
			out = map[string]any{"message": "Not Found"}
		}
		assert.NoError(t, json.NewEncoder(w).Encode(out))
	}))
	defer server.Close()
	t.Chdir(t.TempDir())
	t.Setenv("GITHUB_TOKEN", "tok-S3cret")
	t.Setenv("GITHUB_SERVER_URL", server.URL)
	t.Setenv("GITHUB_REPOSITORY", "acme/shop")
	t.Setenv("GITHUB_REF", "refs/pull/7/merge")
	for _, other := range []string{"GITEA_ACTIONS", "FORGEJO_ACTIONS", "CI_MERGE_REQUEST_IID"} {
		t.Setenv(other, "")
	}
	write := func(intents string) {
		require.NoError(t, os.WriteFile("shop.mesh", []byte("mesh shop strict\nservice a account a\nservice b account b\n"+intents), 0o644))
	}
	git := func(args ...string) {
		out, err := exec.Command("git", append([]string{"-c", "user.name=ann", "-c", "user.email=ann@example.org"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	diff := func(code int, args ...string) string {
		var stdout, stderr bytes.Buffer
		got := run(append([]string{"diff", "--from", "HEAD", "--format", "json"}, args...), nil, &stdout, &stderr)
		require.Equal(t, code, got, stderr.String())
		return stderr.String()
	}
	write("a -> b\n")
	git("init", "-q")
	git("add", "-A")
	git("commit", "-qm", "first")

	write("any -> b\n")
	assert.Contains(t, diff(0, "--comment"), "commented: https://forge.example.org/c/1")
	assert.Regexp(t, "^<!-- meshc:comment/default -->\n⚠️ \\*\\*`meshc: opens shop/b to any.*`\\*\\*\n", body)
	assert.Contains(t, body, "### ⚠️ Danger")

	write("any -> \n")
	diff(1, "--comment")
	assert.Contains(t, body, "nothing was compared: `the project has 1 error")
	assert.NotContains(t, body, "Danger")

	write("a -> b\n")
	diff(0, fmt.Sprintf("--comment=%s/acme/shop/pull/7", server.URL))
	assert.Contains(t, body, "No connection changes.")
	assert.Equal(t, 3, written)

	assert.Contains(t, diff(2, "--comment=https://example.org"), "is not the URL of a pull request")
	t.Setenv("GITHUB_REF", "refs/heads/main")
	assert.Contains(t, diff(2, "--comment"), "--comment=URL")
	t.Setenv("GITHUB_TOKEN", "")
	assert.Contains(t, diff(2, "--comment"), "--comment=URL")
}

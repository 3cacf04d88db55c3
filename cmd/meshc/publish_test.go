package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops"
)

// TestPullRequest publishes to git's own backend over HTTP, with pull requests in the shapes of Gitea's API: one is
// opened, updated, and closed when there is nothing left to propose. The token is never printed, committed or sent.
func TestPullRequest(t *testing.T) {
	git, err := exec.LookPath("git")
	require.NoError(t, err)
	const token = "S3cret-0123456789abcdef"
	dir := t.TempDir()
	repository := filepath.Join(dir, "acme", "env.git")
	require.NoError(t, gitops.Init(repository, time.Unix(0, 0)))
	config := exec.Command(git, "config", "http.receivepack", "true")
	config.Dir = repository
	require.NoError(t, config.Run())

	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"}, Stderr: io.Discard}
	var pull map[string]any
	var sent bytes.Buffer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, ok := r.BasicAuth(); !strings.HasPrefix(r.URL.Path, "/api/") {
			if !ok || password != token {
				w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			backend.ServeHTTP(w, r)
			return
		}
		body := map[string]any{}
		data, _ := io.ReadAll(r.Body)
		sent.Write(data)
		json.Unmarshal(data, &body)
		var out any = []any{}
		switch r.Method + " " + r.URL.Path {
		case "GET /api/v1/repos/acme/env/pulls":
			if pull != nil {
				out = []any{pull}
			}
		case "POST /api/v1/repos/acme/env/pulls":
			pull = map[string]any{
				"number": 7, "html_url": "https://git.example.org/acme/env/pulls/7", "title": body["title"], "body": body["body"],
				"head": map[string]any{"ref": body["head"]}, "base": map[string]any{"ref": body["base"]},
			}
			out = pull
		case "PATCH /api/v1/repos/acme/env/pulls/7":
			out = pull
			if body["state"] == "closed" {
				pull = nil
				break
			}
			pull["title"], pull["body"] = body["title"], body["body"]
		default:
			w.WriteHeader(http.StatusNotFound)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(out)
	}))
	defer server.Close()

	for name, value := range map[string]string{
		"GITEA_TOKEN": token, "GITEA_HOST": server.URL, "GITHUB_TOKEN": "", "GITLAB_TOKEN": "", "SOURCE_DATE_EPOCH": "1805068800", "HOME": dir, "GIT_CONFIG_GLOBAL": os.DevNull,
		"GIT_AUTHOR_NAME": "ann", "GIT_AUTHOR_EMAIL": "ann@example.org", "GIT_COMMITTER_NAME": "ann", "GIT_COMMITTER_EMAIL": "ann@example.org",
	} {
		t.Setenv(name, value)
	}
	project := filepath.Join(dir, "project")
	require.NoError(t, os.MkdirAll(project, 0o755))
	write := func(name, format string, args ...any) {
		require.NoError(t, os.WriteFile(filepath.Join(project, name), fmt.Appendf(nil, format, args...), 0o644))
	}
	write("meshc.yaml", "apiVersion: meshc.dev/v1alpha1\nkind: Project\nenvironments:\n  prod: {repository: %q, path: mesh}\n", server.URL+"/acme/env.git")
	const mesh = "mesh shop strict\nservice a account a port 80 http\nservice b account b port 80 http\nany -> a\na -> b\n"
	publish := func(flags ...string) string {
		var stdout, stderr bytes.Buffer
		code := run(append([]string{"publish", project, "--env", "prod"}, flags...), strings.NewReader(""), &stdout, &stderr)
		require.Equal(t, 0, code, stderr.String())
		assert.NotContains(t, stdout.String()+stderr.String(), token)
		return stdout.String()
	}
	write("shop.mesh", mesh)
	publish("--direct")

	write("shop.mesh", mesh+"any -> b\n")
	dry := publish("--pr", "--dry-run")
	assert.Nil(t, pull)
	said := publish("--pr")
	assert.Regexp(t, `^prod: opens shop/b to any, 1 connection opened: [0-9a-f]{10} on meshc/prod-mesh of .*; opened https://git.example.org/acme/env/pulls/7\n$`, said)
	assert.Equal(t, "meshc: prod: opens shop/b to any, 1 connection opened", pull["title"])
	assert.Contains(t, pull["body"], "- `any -> shop/b` in `shop.mesh:6`")
	assert.Contains(t, dry, "\n\nmeshc: prod: opens shop/b to any, 1 connection opened\n\n")
	assert.Contains(t, dry, "- `any -> shop/b` in `shop.mesh:6`")

	write("shop.mesh", mesh+"deny a -> b:80 DELETE because \"@ann asked\"\n")
	assert.Contains(t, publish("--pr"), "; updated https://git.example.org/acme/env/pulls/7")
	assert.Equal(t, "meshc: prod: 1 connection closed", pull["title"])
	assert.Contains(t, pull["body"], "- `shop/a -> shop/b:80 DELETE` in `shop.mesh:6`, because `@ann asked`")
	assert.Contains(t, publish("--pr"), "already proposed on meshc/prod-mesh of")

	write("shop.mesh", mesh)
	assert.Contains(t, publish("--pr"), "up to date; the proposal on meshc/prod-mesh was withdrawn; closed https://git.example.org/acme/env/pulls/7")
	assert.Nil(t, pull)
	assert.NotContains(t, sent.String(), token)
	log := exec.Command(git, "log", "--all", "-p")
	log.Dir = repository
	text, err := log.Output()
	require.NoError(t, err)
	assert.NotContains(t, string(text), token)
}

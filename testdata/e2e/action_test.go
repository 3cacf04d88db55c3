package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"code.gitea.io/sdk/gitea"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/testdata/e2e/program"
)

// TestAction runs the step of action.yml that compares, as a runner of Gitea does for a pull request: there is one
// comment, whose first line is the danger, and the next run changes it in place.
func TestAction(t *testing.T) {
	s := startGitea(t)
	repository := s.repository(t, "action")
	bin, work := t.TempDir(), filepath.Join(t.TempDir(), "shop")
	program.Run(t, "../..", "go", "build", "-o", bin, "./cmd/meshc")
	address, err := url.Parse(repository)
	require.NoError(t, err)
	address.User = url.UserPassword("bot", s.token)
	git := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(string(program.Run(t, work, "git", append([]string{"-c", "user.name=ann", "-c", "user.email=ann@example.org"}, args...)...)))
	}
	program.Run(t, "", "git", "clone", "-q", address.String(), work)
	require.NoError(t, os.CopyFS(work, os.DirFS("../../examples/shop")))
	git("add", ".")
	git("commit", "-qm", "shop")
	git("push", "-q", "origin", "HEAD:main")
	base := git("rev-parse", "HEAD")
	change := func(intents string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(work, "shop.mesh"), []byte(intents), 0o644))
		git("commit", "-qam", "change")
		git("push", "-q", "origin", "HEAD:change")
	}
	change("mesh shop strict; istio-ingress/ingress -> frontend -> backend -> db; any -> db\n")
	client := s.client(t)
	pull, _, err := client.CreatePullRequest("bot", "action", gitea.CreatePullRequestOption{Head: "change", Base: "main", Title: "change"})
	require.NoError(t, err)
	_, _, err = client.CreateIssueComment("bot", "action", pull.Index, gitea.CreateIssueCommentOption{Body: "please look"})
	require.NoError(t, err)

	text, err := os.ReadFile("../../action.yml")
	require.NoError(t, err)
	var action struct {
		Runs struct {
			Steps []struct{ ID, Run string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &action))
	script := ""
	for _, step := range action.Runs.Steps {
		if step.ID == "run" {
			script = step.Run
		}
	}
	require.NotEmpty(t, script)
	run := func() (said, summary string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "summary")
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "VERB=diff", "ENVIRONMENT=", "PROJECT=.", "COMMENT=true", "BASE="+base,
			"GITEA_TOKEN="+s.token, "GITHUB_TOKEN="+s.token, "GITEA_ACTIONS=true", "GITHUB_SERVER_URL="+s.url, "GITHUB_REPOSITORY=bot/action", "GITHUB_REF=refs/pull/1/head", "GITHUB_STEP_SUMMARY="+file)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(out), string(text)
	}
	comments := func() []*gitea.Comment {
		t.Helper()
		found, _, err := client.ListIssueComments("bot", "action", pull.Index, gitea.ListIssueCommentOptions{})
		require.NoError(t, err)
		return found
	}

	said, summary := run()
	assert.Contains(t, said, "commented: "+s.url)
	assert.Contains(t, summary, "Danger")
	first := comments()
	require.Len(t, first, 2)
	assert.Equal(t, "please look", first[0].Body)
	assert.Regexp(t, "^<!-- meshc:comment/default -->\n⚠️ \\*\\*`meshc: opens shop/db to any", first[1].Body)
	assert.Contains(t, s.render(t, first[1].Body), "Danger")

	change("mesh shop strict; istio-ingress/ingress -> frontend -> backend -> db\n")
	_, _ = run()
	again := comments()
	require.Len(t, again, 2, "the comment is changed in place")
	assert.Equal(t, first[1].ID, again[1].ID)
	assert.Contains(t, again[1].Body, "No connection changes.")
	assert.Equal(t, "please look", again[0].Body)
	for _, text := range []string{said, summary, again[1].Body} {
		assert.NotContains(t, text, s.token)
	}
}

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/e2e/program"
)

// TestCommand uses the command line: it creates a project, opens a pull request and updates it after a change to the
// intents. The token must appear nowhere.
func TestCommand(t *testing.T) {
	s := startGitea(t)
	repository := s.repository(t, "command")
	bin, project := t.TempDir(), filepath.Join(t.TempDir(), "demo")
	program.Run(t, "../..", "go", "build", "-o", bin, "./cmd/meshc")
	said := ""
	meshc := func(args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, "meshc"), args...)
		cmd.Env = append(os.Environ(), "GITEA_TOKEN="+s.token, "GITEA_HOST="+repository, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=bot", "GIT_AUTHOR_EMAIL=bot@example.org", "GIT_COMMITTER_NAME=bot", "GIT_COMMITTER_EMAIL=bot@example.org")
		out, err := cmd.CombinedOutput()
		said += string(out)
		require.NoError(t, err, "%s", out)
	}
	add := func(file, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(project, file), os.O_APPEND|os.O_WRONLY, 0o644)
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	meshc("init", project)
	add("meshc.yaml", "\nenvironments:\n  prod:\n    repository: "+repository+"\n    branch: main\n    path: mesh\n")

	meshc("publish", project, "--env", "prod", "--pr")
	first := s.open(t, "command")
	require.Len(t, first, 1)
	assert.Contains(t, first[0].Title, "meshc: prod: ")

	add("shop.mesh", "mesh shop\nfrontend -> db:5432 because \"INC-7 @everyone <b>\"\n")
	meshc("publish", project, "--env", "prod", "--pr")
	again := s.open(t, "command")
	require.Len(t, again, 1)
	assert.Equal(t, first[0].Index, again[0].Index, "the same pull request")
	assert.NotEqual(t, first[0].Body, again[0].Body)
	assert.Contains(t, again[0].Body, "frontend")
	assert.NotContains(t, s.render(t, again[0].Body), `href="/everyone"`)
	meshc("publish", project, "--env", "prod", "--pr")
	assert.Contains(t, said, "already proposed")
	for _, text := range []string{said, again[0].Body, again[0].Title} {
		assert.NotContains(t, text, s.token)
	}
}

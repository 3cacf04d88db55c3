// Package e2e publishes to real servers on 127.0.0.1: to Gitea, with pull requests, and to OpenSSH. `make e2e` runs it.
// `make test` does not, because the first run builds Gitea, which takes up to ten minutes.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"code.gitea.io/sdk/gitea"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/e2e/program"
)

const giteaVersion = "v1.26.0"

// server is the Gitea that all tests share, with the token of its administrator.
type server struct {
	url, token string
	log        *bytes.Buffer
}

var (
	once   sync.Once
	shared server
	stop   = func() {}
)

func TestMain(m *testing.M) {
	code := m.Run()
	stop()
	os.Exit(code)
}

// startGitea starts the shared server on its first call.
func startGitea(t *testing.T) server {
	t.Helper()
	once.Do(func() {
		binary, source := program.Module{
			Name: "gitea", Path: "code.gitea.io/gitea", Version: giteaVersion,
			Flags: []string{"-tags", "sqlite sqlite_unlock_notify timetzdata", "-ldflags", "-s -w -X main.Version=" + giteaVersion[1:]},
		}.Build(t)
		shared = runGitea(t, binary, source)
	})
	require.NotEmpty(t, shared.url, "Gitea did not start")
	return shared
}

func runGitea(t *testing.T, binary, source string) server {
	t.Helper()
	state, err := os.MkdirTemp("", "gitea")
	require.NoError(t, err)
	port := program.FreePort(t)
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	config := filepath.Join(state, "app.ini")
	for _, dir := range []string{"home", "custom", "data", "repos"} {
		require.NoError(t, os.MkdirAll(filepath.Join(state, dir), 0o755))
	}
	user := strings.TrimSpace(string(program.Run(t, "", "id", "-un")))
	require.NoError(t, os.WriteFile(config, []byte(strings.NewReplacer("{state}", state, "{port}", fmt.Sprint(port), "{source}", source, "{user}", user).Replace(appINI)), 0o600))
	env := append(os.Environ(), "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT=true", "HOME="+filepath.Join(state, "home"), "GITEA_CUSTOM="+filepath.Join(state, "custom"))
	gitea := func(args ...string) string {
		cmd := exec.Command(binary, append([]string{"-c", config}, args...)...)
		cmd.Env = env
		out, err := cmd.Output()
		require.NoError(t, err, "gitea %s: %s", args, out)
		return strings.TrimSpace(string(out))
	}
	require.NoError(t, os.WriteFile(filepath.Join(state, "internal_token"), []byte(gitea("generate", "secret", "INTERNAL_TOKEN")), 0o600))
	gitea("migrate")
	gitea("admin", "user", "create", "--admin", "--username", "bot", "--password", "Passw0rd!x", "--email", "bot@example.org", "--must-change-password=false")
	said := strings.Split(gitea("admin", "user", "generate-access-token", "--username", "bot", "--token-name", "t", "--scopes", "all", "--raw"), "\n")
	s := server{url: url, token: said[len(said)-1], log: &bytes.Buffer{}}
	web := exec.Command(binary, "-c", config, "web")
	web.Env, web.Stdout, web.Stderr = env, s.log, s.log
	require.NoError(t, web.Start())
	stop = func() {
		_ = web.Process.Kill()
		_ = web.Wait()
		os.RemoveAll(state)
	}
	require.Eventually(t, func() bool {
		res, err := http.Get(url + "/api/v1/version")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode == http.StatusOK
	}, time.Minute, 100*time.Millisecond, "Gitea does not answer: %s", s.log)
	return s
}

func (s server) client(t *testing.T) *gitea.Client {
	t.Helper()
	c, err := gitea.NewClient(s.url, gitea.SetToken(s.token))
	require.NoError(t, err)
	return c
}

// repository creates a repository with one commit on main and returns its URL.
func (s server) repository(t *testing.T, name string) string {
	t.Helper()
	_, _, err := s.client(t).CreateRepo(gitea.CreateRepoOption{Name: name, AutoInit: true, DefaultBranch: "main", Private: true})
	require.NoError(t, err)
	return s.url + "/bot/" + name + ".git"
}

// render returns the HTML that Gitea shows for Markdown in bot/env.
func (s server) render(t *testing.T, text string) string {
	t.Helper()
	question, err := json.Marshal(map[string]string{"Mode": "gfm", "Context": "bot/env", "Text": text})
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodPost, s.url+"/api/v1/markdown", bytes.NewReader(question))
	require.NoError(t, err)
	req.Header.Set("Authorization", "token "+s.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, string(page))
	return string(page)
}

const appINI = `RUN_USER = {user}
RUN_MODE = prod
WORK_PATH = {state}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = {source}
APP_DATA_PATH = {state}/data
[database]
DB_TYPE = sqlite3
PATH = {state}/data/gitea.db
[repository]
ROOT = {state}/repos
DEFAULT_BRANCH = main
[security]
INSTALL_LOCK = true
SECRET_KEY = test-only
INTERNAL_TOKEN_URI = file:{state}/internal_token
PASSWORD_HASH_ALGO = pbkdf2_hi
[service]
DISABLE_REGISTRATION = true
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
[session]
PROVIDER = memory
[actions]
ENABLED = false
[packages]
ENABLED = false
[log]
MODE = console
LEVEL = Warn
[update_checker]
ENABLED = false
`

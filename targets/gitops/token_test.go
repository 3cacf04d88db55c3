package gitops_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops"
)

func TestForgeOf(t *testing.T) {
	t.Parallel()
	env := environ(t, "GITHUB_SERVER_URL", "https://ghe.example.org", "CI_SERVER_URL", "https://code.example.org:8443/gitlab", "GITEA_HOST", "git.example.org, tea.example.org:3000")
	for host, want := range map[string]gitops.Forge{
		"github.com": gitops.GitHub, "GHE.example.org": gitops.GitHub, "acme.ghe.com": gitops.GitHub,
		"gitlab.com": gitops.GitLab, "code.example.org:8443": gitops.GitLab, "gitlab.example.org:8443": gitops.GitLab,
		"codeberg.org": gitops.Gitea, "git.example.org": gitops.Gitea, "tea.example.org:3000": gitops.Gitea,
		"example.org": gitops.NoForge, "evil-github.com": gitops.NoForge,
	} {
		require.Equal(t, want, gitops.ForgeOf(host, env), host)
	}
}

// The project says which host and which kind of forge it is; only the environment says that a token is for it.
func TestTokenFor(t *testing.T) {
	t.Parallel()
	tokens := []string{"GITHUB_TOKEN", token, "GITLAB_TOKEN", token, "GITEA_TOKEN", token}
	for _, c := range []struct {
		forge gitops.Forge
		host  string
		env   []string
		sent  bool
	}{
		{gitops.GitHub, "github.com", nil, true},
		{gitops.GitLab, "GitLab.com:443", nil, true},
		{gitops.Gitea, "codeberg.org", nil, true},
		{gitops.Gitea, "github.com", nil, false},
		{gitops.GitHub, "github.com:8443", nil, false},
		{gitops.GitHub, "github.evil.example", nil, false},
		{gitops.GitHub, "github.com.evil.example", nil, false},
		{gitops.GitHub, "evil.ghe.com", nil, false},
		{gitops.GitLab, "gitlab.evil.example", nil, false},
		{gitops.Gitea, "gitea.evil.example", nil, false},
		{gitops.Gitea, "localhost:3000", nil, false},
		{gitops.GitHub, "ghe.example.org", []string{"GITHUB_SERVER_URL", "https://ghe.example.org"}, true},
		{gitops.Gitea, "ghe.example.org", []string{"GITHUB_SERVER_URL", "https://ghe.example.org"}, false},
		{gitops.Gitea, "tea.example.org", []string{"GITHUB_SERVER_URL", "https://tea.example.org", "GITEA_ACTIONS", "true"}, true},
		{gitops.GitHub, "tea.example.org", []string{"GITHUB_SERVER_URL", "https://tea.example.org", "GITEA_ACTIONS", "true"}, false},
		{gitops.GitLab, "code.example.org", []string{"CI_SERVER_URL", "https://code.example.org/gitlab"}, true},
		{gitops.GitLab, "code.example.org:8443", []string{"CI_SERVER_URL", "https://code.example.org"}, false},
		{gitops.Gitea, "git.example.org:3000", []string{"GITEA_HOST", "git.example.org:3000"}, true},
		{gitops.Gitea, "git.example.org", []string{"GITEA_HOST", "https://Git.example.org/"}, true},
		{gitops.GitLab, "git.example.org", []string{"GITEA_HOST", "git.example.org"}, false},
		{gitops.Gitea, "", nil, false},
	} {
		got := gitops.TokenFor(c.forge, c.host, environ(t, append(c.env, tokens...)...))
		require.Equal(t, c.sent, got.Value == token, "%s %s %v", c.forge, c.host, c.env)
		require.Equal(t, c.sent, got.Refusal == "", "%s %s %v", c.forge, c.host, c.env)
	}
	require.Equal(t, gitops.Token{Variable: "GITEA_TOKEN"}, gitops.TokenFor(gitops.Gitea, "git.example.org", environ(t)))
}

// A server that only the project names gets no token, whatever kind of forge the project says that it is.
func TestTokenIsNotForAnyHost(t *testing.T) {
	t.Parallel()
	for _, kind := range []gitops.Forge{gitops.NoForge, gitops.GitHub, gitops.GitLab, gitops.Gitea} {
		var sent []string
		o := direct(t, answer(t, func(w http.ResponseWriter, r *http.Request) {
			sent = append(sent, r.Header.Get("Authorization"))
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
		}))
		o.Forge, o.DryRun, o.Getenv = kind, true, environ(t, "GITHUB_TOKEN", token, "GITLAB_TOKEN", token, "GITEA_TOKEN", token)
		e := refused(t, delivery("prod", shop()), o)
		require.Equal(t, gitops.Unauthorized, e.Kind)
		require.NotEmpty(t, sent)
		for _, header := range sent {
			require.Empty(t, header)
		}
		if kind == gitops.Gitea {
			require.Regexp(t, `^GITEA_TOKEN is not sent to (127.0.0.1:\d+), which only the project names: set GITEA_HOST=127.0.0.1:\d+ in the environment`, e.Help)
		}
	}
}

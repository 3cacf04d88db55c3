package gitops

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Forge is a kind of server with pull requests.
type Forge string

const (
	GitHub  Forge = "github"
	GitLab  Forge = "gitlab"
	Gitea   Forge = "gitea" // and Forgejo
	NoForge Forge = ""
)

// kinds is what is specific to each kind of forge.
var kinds = map[Forge]struct {
	token string   // the environment variable with the token
	hosts string   // the environment variable with the self-hosted servers that the token is for
	known []string // the public servers
	user  string   // for git over HTTP, the user whose password is the token
}{
	GitHub: {"GITHUB_TOKEN", "GITHUB_HOST", []string{"github.com"}, "x-access-token"},
	GitLab: {"GITLAB_TOKEN", "GITLAB_HOST", []string{"gitlab.com"}, "oauth2"},
	Gitea:  {"GITEA_TOKEN", "GITEA_HOST", []string{"codeberg.org", "gitea.com"}, "oauth2"},
}

// ForgeOf returns the kind of forge at a host, with its port unless that is the usual one. It is derived from the name,
// and from the variables of the environment that name servers.
func ForgeOf(host string, getenv func(string) string) Forge {
	host = plainHost(host)
	for _, forge := range slices.Sorted(maps.Keys(kinds)) {
		if forge.mayHaveToken(host, getenv) {
			return forge
		}
	}
	for prefix, forge := range map[string]Forge{"github.": GitHub, "gitlab.": GitLab, "gitea.": Gitea, "forgejo.": Gitea} {
		if strings.HasPrefix(host, prefix) {
			return forge
		}
	}
	if strings.HasSuffix(host, ".ghe.com") {
		return GitHub
	}
	return NoForge
}

// Token is what the environment says about the token for a forge at a host.
type Token struct {
	Value    string // empty if there is none, or if it must not be sent to the host
	Variable string // that holds it
	Refusal  string // why the token must not be sent to the host; empty if it may be, or if there is none
	Remedy   string // how to permit it
}

// TokenFor returns the token for a forge at a host, with its port unless that is the usual one. The repository that a
// project names may be chosen by anyone who can propose a change to the project. A token is therefore only for the
// public servers of its forge, the server that runs this CI job, and the servers that the environment names.
func TokenFor(forge Forge, host string, getenv func(string) string) Token {
	kind, ok := kinds[forge]
	if !ok {
		return Token{}
	}
	t := Token{Variable: kind.token, Value: getenv(kind.token)}
	if host = plainHost(host); t.Value != "" && !forge.mayHaveToken(host, getenv) {
		t.Value = ""
		t.Refusal = kind.token + " is not sent to " + host + ", which only the project names"
		t.Remedy = "set " + kind.hosts + "=" + host + " in the environment if the token is for that server"
	}
	return t
}

func (f Forge) mayHaveToken(host string, getenv func(string) string) bool {
	trusted := append(slices.Clone(kinds[f].known), ciServer(f, getenv))
	trusted = append(trusted, strings.FieldsFunc(getenv(kinds[f].hosts), func(r rune) bool { return r == ',' || r == ' ' })...)
	return slices.ContainsFunc(trusted, func(named string) bool { return named != "" && plainHost(named) == host })
}

// ciServer returns the URL of the forge that runs this CI job, if it is of this kind.
// https://docs.github.com/actions/reference/workflows-and-actions/variables,
// https://docs.gitlab.com/ci/variables/predefined_variables/
func ciServer(f Forge, getenv func(string) string) string {
	gitea := getenv("GITEA_ACTIONS") == "true" || getenv("FORGEJO_ACTIONS") == "true" // these set GitHub's variables too
	switch {
	case f == GitLab:
		return getenv("CI_SERVER_URL")
	case f == Gitea && gitea, f == GitHub && !gitea:
		return getenv("GITHUB_SERVER_URL")
	}
	return ""
}

// plainHost returns the host of a host or URL in lower case, with its port unless that is the one of HTTPS.
func plainHost(named string) string {
	host := named
	if u, err := url.Parse(named); err == nil && u.Host != "" {
		host = u.Host
	}
	return strings.TrimSuffix(strings.ToLower(host), ":443")
}

// IsLoopback reports whether a host, without a port, is this machine, to which a token may be sent unencrypted.
func IsLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

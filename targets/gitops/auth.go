package gitops

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/kevinburke/ssh_config"
	sshagent "github.com/xanzy/ssh-agent"
	"golang.org/x/crypto/ssh"
)

// A user name of this length in a URL is a token.
const minTokenLength = 20

// credentials are a user, a password and a description of their origin.
type credentials struct{ name, password, from string }

// findCredentials reads the URL, then the environment. git's credential helpers run only if the server requires
// credentials.
func (p *publisher) findCredentials() error {
	e := p.remote.endpoint
	switch e.Protocol {
	case "http", "https":
		name, password := e.User, e.Password
		e.User, e.Password = "", "" // so that no error message contains them
		token := p.token()
		switch {
		case password != "":
			p.user = credentials{name, password, "the repository's URL"}
		case token.Value != "":
			if e.Protocol == "http" && !IsLoopback(e.Host) {
				return fail(Invalid, "use https or ssh", "%s would be sent to %s unencrypted", token.Variable, e.Host)
			}
			p.user = credentials{kinds[p.forge()].user, token.Value, token.Variable}
		case len(name) >= minTokenLength:
			p.user = credentials{name, "", "the repository's URL"}
		}
		p.hint = name
		p.useCredentials()
	case "ssh":
		p.secrets.Add(e.User, e.Password)
		p.remote.auth = p.sshKeys()
	}
	return nil
}

func (p *publisher) forge() Forge {
	if p.o.Forge != NoForge {
		return p.o.Forge
	}
	return ForgeOf(hostOf(p.remote.endpoint), p.getenv)
}

// token returns the token of the environment for HTTP.
func (p *publisher) token() Token {
	if !strings.HasPrefix(p.remote.endpoint.Protocol, "http") {
		return Token{}
	}
	return TokenFor(p.forge(), hostOf(p.remote.endpoint), p.getenv)
}

func (p *publisher) useCredentials() {
	p.remote.auth = nil
	if p.user.from != "" {
		p.secrets.Add(p.user.name, p.user.password)
		if p.user.password == "" {
			p.secrets.Add("", p.user.name)
		}
		p.remote.auth = &githttp.BasicAuth{Username: p.user.name, Password: p.user.password}
	}
}

// askHelper runs git's credential helper once, and reports whether it returned a password. It neither approves nor
// rejects the password, so the helper's store does not change.
func (p *publisher) askHelper(ctx context.Context) bool {
	e := p.remote.endpoint
	if p.asked || p.user.from != "" || !strings.HasPrefix(e.Protocol, "http") {
		return false
	}
	p.asked = true
	question := "protocol=" + e.Protocol + "\nhost=" + hostOf(e) + "\npath=" + strings.TrimPrefix(e.Path, "/") + "\n"
	if p.hint != "" {
		question += "username=" + p.hint + "\n"
	}
	cmd := gitCommand(ctx, p.o.Dir, append(p.childEnv(), "GIT_ASKPASS=", "SSH_ASKPASS="), "credential", "fill")
	cmd.Stdin = strings.NewReader(question + "\n")
	out, err := cmd.Output()
	if err != nil {
		return false
	}
	found := credentials{from: "git's credential helper"}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "username":
			found.name = value
		case "password":
			found.password = value
		}
	}
	if found.password == "" {
		return false
	}
	p.user = found
	p.useCredentials()
	return true
}

// credentialHelp says how to provide credentials, or why those of the environment were not used.
func (p *publisher) credentialHelp() string {
	const or = ", or configure a credential helper for git"
	switch token := p.token(); {
	case token.Refusal != "":
		return token.Refusal + ": " + token.Remedy + or
	case token.Variable != "":
		return "set " + token.Variable + or
	}
	return "set GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN, and GITHUB_HOST, GITLAB_HOST or GITEA_HOST to the server" + or
}

func hostOf(e *transport.Endpoint) string {
	if e.Port != 0 {
		return net.JoinHostPort(strings.Trim(e.Host, "[]"), strconv.Itoa(e.Port))
	}
	return e.Host
}

// sshKeys collects the keys that ssh would offer: those of the agent, then the files that ~/.ssh/config names for the
// host, then the default files. It skips files with a passphrase; those keys must be in the agent.
func (p *publisher) sshKeys() *sshAuth {
	e, home := p.remote.endpoint, p.getenv("HOME")
	a := &sshAuth{user: cmp.Or(e.User, ssh_config.Get(e.Host, "User"))}
	if a.user == "" {
		if u, err := user.Current(); err == nil {
			a.user = u.Username
		}
	}
	var from []string
	if p.getenv("SSH_AUTH_SOCK") != "" {
		if agent, _, err := sshagent.New(); err == nil {
			a.agent = agent.Signers
			from = append(from, "the SSH agent")
		}
	}
	files := []string{ssh_config.Get(e.Host, "IdentityFile")}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		files = append(files, "~/.ssh/"+name)
	}
	for _, name := range files {
		if rest, ok := strings.CutPrefix(name, "~/"); ok {
			name = filepath.Join(home, rest)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if key, err := ssh.ParsePrivateKey(text); err == nil {
			a.keys = append(a.keys, key)
			from = append(from, name)
		}
	}
	a.knownHosts = filepath.SplitList(p.getenv("SSH_KNOWN_HOSTS"))
	if len(a.knownHosts) == 0 {
		a.knownHosts = []string{filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"}
	}
	a.address = net.JoinHostPort(cmp.Or(ssh_config.Get(e.Host, "Hostname"), strings.Trim(e.Host, "[]")), strconv.Itoa(cmp.Or(e.Port, gitssh.DefaultPort)))
	p.user.from = cmp.Or(strings.Join(from, ", "), "nowhere: there is no SSH agent and no key in ~/.ssh")
	return a
}

// sshAuth holds the keys to offer and the files of known hosts.
type sshAuth struct {
	user       string
	agent      func() ([]ssh.Signer, error)
	keys       []ssh.Signer
	knownHosts []string // files
	address    string
}

func (a *sshAuth) Name() string   { return gitssh.PublicKeysCallbackName }
func (a *sshAuth) String() string { return a.Name() }

func (a *sshAuth) ClientConfig() (*ssh.ClientConfig, error) {
	known, err := gitssh.NewKnownHostsDb(a.knownHosts...)
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User:              a.user,
		HostKeyCallback:   known.HostKeyCallback(),
		HostKeyAlgorithms: known.HostKeyAlgorithms(a.address),
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			keys := a.keys
			if a.agent != nil {
				if more, err := a.agent(); err == nil {
					keys = append(more, keys...)
				}
			}
			return keys, nil
		})},
	}, nil
}

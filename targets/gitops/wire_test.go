package gitops_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/meshc/meshc/targets/gitops"
)

const token = "glpat-S3cret/with+odd=chars"

// httpServer serves the folder of a repository with git http-backend. With the token, any user may read and write.
func httpServer(t testing.TB, repository string) string {
	t.Helper()
	run(t, repository, "git", "config", "http.receivepack", "true")
	backend := &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(run(t, "", "git", "--exec-path")), "git-http-backend"),
		Env:    []string{"GIT_PROJECT_ROOT=" + filepath.Dir(repository), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1"},
		Stderr: io.Discard,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, ok := r.BasicAuth(); !ok || password != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you with "+r.Header.Get("Authorization"), http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(repository)
}

// sshServer starts an SSH server that accepts one key and runs git. It returns the URL and the environment for a
// publish.
func sshServer(t testing.TB, repository string) (string, func(string) string) {
	t.Helper()
	home := t.TempDir()
	host, client := newKey(t, filepath.Join(home, "host")), newKey(t, filepath.Join(home, ".ssh/id_ed25519"))
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(client.PublicKey().Marshal()) {
			return nil, os.ErrPermission
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config)
		}
	}()
	address := listener.Addr().String()
	line := knownhosts.Line([]string{knownhosts.Normalize(address)}, host.PublicKey())
	require.NoError(t, os.WriteFile(filepath.Join(home, ".ssh/known_hosts"), []byte(line+"\n"), 0o600))
	return "ssh://git@" + address + repository, environ(t, "HOME", home)
}

func newKey(t testing.TB, path string) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	return signer
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				if r.Type != "exec" {
					continue
				}
				var command struct{ Line string }
				if ssh.Unmarshal(r.Payload, &command) != nil || !strings.HasPrefix(command.Line, "git-") {
					r.Reply(false, nil)
					continue
				}
				r.Reply(true, nil)
				cmd := exec.Command("sh", "-c", command.Line)
				cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, channel, channel.Stderr()
				status := uint32(0)
				if cmd.Run() != nil {
					status = 1
				}
				channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				channel.Close()
				return
			}
		}()
	}
}

// remotes returns options for the same repository over each protocol, with credentials.
func remotes(t testing.TB, repository string) map[string]gitops.Options {
	t.Helper()
	out := map[string]gitops.Options{}
	o := direct(t, repository)
	out["path"] = o
	o.Repository = "file://" + repository
	out["file URL"] = o
	o.Repository = httpServer(t, repository)
	withPassword := o
	o.Getenv = environ(t, "GITEA_TOKEN", token, "GITEA_HOST", o.Repository)
	out["HTTP with a token of the environment"] = o
	withPassword.Repository = strings.Replace(o.Repository, "http://", "http://bot:"+strings.ReplaceAll(token, "/", "%2F")+"@", 1)
	out["HTTP with a password in the URL"] = withPassword
	helped := withPassword
	helped.Repository = o.Repository
	helped.Getenv = environ(t)
	write(t, helped.Getenv("HOME"), ".gitconfig", "[credential]\n\thelper = \"!f() { echo username=bot; echo password="+token+"; }; f\"\n")
	out["HTTP with git's credential helper"] = helped
	o.Repository, o.Getenv = sshServer(t, repository)
	out["SSH"] = o
	return out
}

func TestRemotes(t *testing.T) {
	t.Parallel()
	for name := range remotes(t, bare(t)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := bare(t)
			o := remotes(t, repository)[name]
			publish(t, delivery("prod", shop()), o)
			require.True(t, publish(t, delivery("prod", shop()), o).UpToDate)

			next := delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n").without("shop/10-b.yaml"))
			o.Direct = false
			result := publish(t, next, o)
			require.NotContains(t, result.Repository, token)
			require.Equal(t, under("prod", next, tree{"README.md": "hands off\n"}), content(t, repository, "meshc/prod-prod"))
			require.True(t, publish(t, next, o).UpToDate)
			require.True(t, publish(t, delivery("prod", shop()), o).Withdrawn)
			run(t, repository, "git", "fsck", "--strict", "--full")
			require.Len(t, log(t, repository, "main"), 2)

			files, err := gitops.Fetch(t.Context(), nil, o)
			require.NoError(t, err)
			require.Equal(t, under("", delivery("prod", shop()), nil), under("", files, nil))
		})
	}
}

func TestRemotesEmpty(t *testing.T) {
	t.Parallel()
	for name := range remotes(t, bare(t)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := empty(t)
			o := remotes(t, repository)[name]
			publish(t, delivery("prod", shop()), o)
			require.Equal(t, under("prod", delivery("prod", shop()), nil), content(t, repository, "main"))
			require.Equal(t, gitops.NoBranch, func() gitops.Kind {
				o.Branch = "trunk"
				return refused(t, delivery("prod", shop()), o).Kind
			}())
		})
	}
}

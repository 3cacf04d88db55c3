package gitops_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops"
)

// answer starts an HTTP server that gives the same answer to every request.
func answer(t testing.TB, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL + "/env.git"
}

// listen starts a server that passes each connection to a function.
func listen(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return listener.Addr().String()
}

// A misbehaving remote gives a clear error, within the timeout and without the token.
func TestRemoteFaults(t *testing.T) {
	t.Parallel()
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	noise := strings.Repeat("\x00\xff0032deadbeef\n", 4000)
	for name, c := range map[string]struct {
		url     func(t testing.TB) string
		timeout time.Duration
		kind    gitops.Kind
		want    string
	}{
		"nobody listens": {
			url: func(t testing.TB) string {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				defer l.Close()
				return "http://" + l.Addr().String() + "/env.git"
			},
			kind: gitops.Unreachable, want: "connection refused",
		},
		"no such host": {
			url:  func(testing.TB) string { return "https://git.invalid/env.git" },
			kind: gitops.Unreachable, want: "git.invalid",
		},
		"a bad token": {
			url: func(t testing.TB) string {
				return answer(t, func(w http.ResponseWriter, r *http.Request) {
					http.Error(w, "bad: "+r.Header.Get("Authorization")+" "+token, http.StatusUnauthorized)
				})
			},
			kind: gitops.Unauthorized, want: "rejects the credentials from GITEA_TOKEN",
		},
		"a token that may only read": {
			url: func(t testing.TB) string {
				good := httpServer(t, bare(t))
				return answer(t, func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.String(), "receive-pack") {
						http.Error(w, "no write access with "+token, http.StatusForbidden)
						return
					}
					forward(t, w, r, good)
				})
			},
			kind: gitops.Unauthorized, want: "rejects the credentials from GITEA_TOKEN",
		},
		"no such repository": {
			url:  func(t testing.TB) string { return httpServer(t, bare(t)) + "x" },
			kind: gitops.NotFound, want: "there is no repository at",
		},
		"an HTTP server that hangs": {
			url:     func(t testing.TB) string { return "http://" + listen(t, silent) + "/env.git" },
			timeout: 300 * time.Millisecond, kind: gitops.TimedOut, want: "did not answer within 300ms",
		},
		"an SSH server that hangs": {
			url:     func(t testing.TB) string { return "ssh://git@" + listen(t, silent) + "/env.git" },
			timeout: 300 * time.Millisecond, kind: gitops.TimedOut, want: "did not answer within 300ms",
		},
		"a server that hangs in the middle": {
			url: func(t testing.TB) string {
				return answer(t, func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, "001e# service=git-upload-pack\n0000")
					w.(http.Flusher).Flush()
					<-r.Context().Done()
				})
			},
			timeout: 300 * time.Millisecond, kind: gitops.TimedOut, want: "did not answer within 300ms",
		},
		"a server that breaks off": {
			url: func(t testing.TB) string {
				return "http://" + listen(t, func(c net.Conn) {
					_, _ = http.ReadRequest(bufio.NewReader(c))
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n001e# service=git-upload-pack\n0000")
					c.Close()
				}) + "/env.git"
			},
			kind: gitops.Unreachable, want: "unexpected EOF",
		},
		"a web page": {
			url: func(t testing.TB) string {
				return answer(t, func(w http.ResponseWriter, _ *http.Request) {
					io.WriteString(w, "<!doctype html><title>Sign in "+token+"</title>")
				})
			},
			kind: gitops.Garbled, want: "cannot be understood",
		},
		"noise": {
			url: func(t testing.TB) string {
				return answer(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, noise) })
			},
			kind: gitops.Garbled, want: "cannot be understood",
		},
		"an answer without end": {
			url: func(t testing.TB) string {
				return answer(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
					io.WriteString(w, "001e# service=git-upload-pack\n0000")
					for n := 0; ; n++ {
						line := fmt.Sprintf("%040x refs/heads/%08d%s\x00side-band-64k\n", n+1, n, strings.Repeat("x", 10_000))
						if n > 0 {
							line = strings.Replace(line, "\x00side-band-64k", "", 1)
						}
						if _, err := fmt.Fprintf(w, "%04x%s", len(line)+4, line); err != nil {
							return
						}
					}
				})
			},
			kind: gitops.Garbled, want: "the answer of the repository is too large",
		},
		"noise in place of objects": {
			url: func(t testing.TB) string {
				good := httpServer(t, bare(t))
				return answer(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPost {
						io.WriteString(w, noise)
						return
					}
					forward(t, w, r, good)
				})
			},
			kind: gitops.Garbled, want: "cannot be understood",
		},
		"a server that is down": {
			url: func(t testing.TB) string {
				return answer(t, func(w http.ResponseWriter, _ *http.Request) {
					http.Error(w, "maintenance", http.StatusServiceUnavailable)
				})
			},
			kind: gitops.Unreachable, want: "answered 503",
		},
		"a host key that is not known": {
			url: func(t testing.TB) string {
				url, _ := sshServer(t, bare(t))
				return url
			},
			kind: gitops.Unauthorized, want: "the host key of",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := direct(t, c.url(t))
			o.Getenv = environ(t, "GITEA_TOKEN", token, "GITEA_HOST", o.Repository)
			write(t, o.Getenv("HOME"), ".ssh/known_hosts", "")
			if c.timeout > 0 {
				o.Timeout = c.timeout
			}
			start := time.Now()
			e := refused(t, delivery("prod", shop()), o)
			require.Less(t, time.Since(start), 20*time.Second)
			require.Contains(t, e.Error(), c.want)
			require.Equal(t, c.kind, e.Kind, e.Error())
			require.NotEmpty(t, e.Help)
			requireNoSecret(t, e)
		})
	}
}

// forward proxies a request to another server.
func forward(t testing.TB, w http.ResponseWriter, r *http.Request, url string) {
	req, err := http.NewRequest(r.Method, strings.TrimSuffix(url, "/env.git")+r.URL.RequestURI(), r.Body)
	require.NoError(t, err)
	req.Header, req.ContentLength = r.Header.Clone(), r.ContentLength
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	for k, v := range res.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body)
}

func requireNoSecret(t testing.TB, e *gitops.Error) {
	t.Helper()
	for _, text := range []string{e.Error(), e.Message, e.Help, fmt.Sprintf("%+v", *e), fmt.Sprintf("%#v", e.Remote)} {
		requireClean(t, text)
	}
}

// requireClean fails the test if a text contains the token in any encoding.
func requireClean(t testing.TB, text string) {
	t.Helper()
	for _, form := range []string{token, "glpat-S3cret%2Fwith", "S3cret", "b2F1dGgyOmdscGF0L", "Z2xwYXQt"} {
		require.NotContains(t, text, form)
	}
}

// No commit, result, message, error or file contains the token, although all servers repeat it.
func TestNoSecret(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	write(t, repository, "hooks/pre-receive", "#!/bin/sh\ncat > /dev/null\necho 'you sent "+token+"' >&2\n[ -z \"$(git config meshc.deny)\" ]\n")
	require.NoError(t, os.Chmod(filepath.Join(repository, "hooks/pre-receive"), 0o755))
	o := direct(t, httpServer(t, repository))
	o.Repository = strings.Replace(o.Repository, "://", "://"+"oauth2:"+strings.ReplaceAll(token, "/", "%2F")+"@", 1)
	o.Source = o.Repository + "@0123abc"
	o.Describe = func(gitops.Change) (gitops.Message, error) {
		return gitops.Message{Title: "with " + token, Body: "see " + o.Repository}, nil
	}
	result := publish(t, delivery("prod", shop()), o)
	requireClean(t, result.Repository)
	requireClean(t, run(t, repository, "git", "log", "--all", "--format=%B%an%ae"))
	require.Contains(t, run(t, repository, "git", "log", "-1", "--format=%s", "main"), "with [redacted]")

	run(t, repository, "git", "config", "meshc.deny", "true")
	e := refused(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n")), o)
	require.Equal(t, gitops.Refused, e.Kind)
	require.Equal(t, []string{"you sent [redacted]"}, e.Remote)
	requireNoSecret(t, e)
}

// A token is never sent unencrypted, and credentials do not follow a redirect to another host.
func TestTokenOnTheWay(t *testing.T) {
	t.Parallel()
	o := direct(t, "http://gitea.example.org/env.git")
	o.Getenv = environ(t, "GITEA_TOKEN", token, "GITEA_HOST", "gitea.example.org")
	e := refused(t, delivery("prod", shop()), o)
	require.Equal(t, "GITEA_TOKEN would be sent to gitea.example.org unencrypted", e.Message)

	seen := make(chan string, 8)
	other := answer(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		http.Error(w, "no", http.StatusUnauthorized)
	})
	other = strings.Replace(other, "127.0.0.1", "localhost", 1)
	first := answer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.TrimSuffix(other, "/env.git")+r.URL.RequestURI(), http.StatusFound)
	})
	o.Repository, o.Getenv = first, environ(t, "GITEA_TOKEN", token, "GITEA_HOST", first)
	e = refused(t, delivery("prod", shop()), o)
	require.Equal(t, gitops.Unauthorized, e.Kind)
	elsewhere := strings.TrimSuffix(strings.TrimPrefix(other, "http://"), "/env.git")
	require.Equal(t, first+" redirects to "+elsewhere+", and credentials are not sent there", e.Message)
	require.Equal(t, "give the address at "+elsewhere+" as the repository", e.Help)
	require.Equal(t, "", <-seen)
}

// The error names a lock that a killed git left, not the timeout.
func TestLeftOverLock(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	publish(t, delivery("prod", shop()), direct(t, repository))
	write(t, repository, "refs/heads/main.lock", "")
	o := direct(t, repository)
	o.Timeout = 2 * time.Second
	e := refused(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n")), o)
	require.Equal(t, gitops.Contended, e.Kind)
	require.Contains(t, e.Error(), "main.lock")
	require.Contains(t, e.Help, "a lock that remains was left by a git process that was killed")
}

// A repository that forbids replacing branches accepts a first proposal, and no second one.
func TestNoFastForward(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	run(t, repository, "git", "config", "receive.denyNonFastForwards", "true")
	o := review(t, repository)
	publish(t, delivery("prod", shop()), o)
	e := refused(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n")), o)
	require.Equal(t, gitops.Refused, e.Kind)
	require.Contains(t, e.Help, "exempt branches meshc/* from")
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	o := direct(t, "http://"+listen(t, func(c net.Conn) { cancel(); _, _ = io.Copy(io.Discard, c) })+"/env.git")
	_, _, err := gitops.Publish(ctx, delivery("prod", shop()), o)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "the publish was cancelled", err.Error())
}

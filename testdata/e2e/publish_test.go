package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"code.gitea.io/sdk/gitea"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
	"github.com/meshc/meshc/targets/gitops/forge"
	"github.com/meshc/meshc/testdata/e2e/program"
)

func delivery(environment string, version int) []targets.File {
	files := []targets.File{
		{Path: "kustomization.yaml", Data: []byte("resources: [shop]\n")},
		{Path: "shop/10-a.yaml", Data: fmt.Appendf(nil, "version: %d\n", version)},
		{Path: "shop/kustomization.yaml", Data: []byte("resources: [10-a.yaml]\n")},
	}
	files = append(files, targets.File{Path: targets.LockName, Data: targets.NewLock(environment, files).Text()})
	slices.SortFunc(files, func(a, b targets.File) int { return cmp.Compare(a.Path, b.Path) })
	return files
}

func environ(t *testing.T, pairs ...string) func(string) string {
	t.Helper()
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return func(key string) string { return env[key] }
}

func options(t *testing.T, repository string, getenv func(string) string) gitops.Options {
	t.Helper()
	return gitops.Options{
		Repository: repository, Path: "clusters/prod", Environment: "prod", Source: "shop@0123abc",
		Author: gitops.Identity{Name: "bot", Email: "bot@example.org"}, Dir: t.TempDir(), Getenv: getenv, Timeout: 5 * time.Minute,
		Describe: func(c gitops.Change) (gitops.Message, error) {
			return gitops.Message{Title: fmt.Sprintf("meshc: prod: %d files written", len(c.Written))}, nil
		},
	}
}

func publish(t *testing.T, version int, o gitops.Options) gitops.Result {
	t.Helper()
	result, findings, err := gitops.Publish(context.Background(), delivery(o.Environment, version), o)
	require.NoError(t, err)
	require.Empty(t, findings)
	return result
}

// open returns the open pull requests of a repository.
func (s server) open(t *testing.T, name string) []*gitea.PullRequest {
	t.Helper()
	found, _, err := s.client(t).ListRepoPullRequests("bot", name, gitea.ListPullRequestsOptions{State: gitea.StateOpen})
	require.NoError(t, err)
	return found
}

// TestPullRequest follows a change from its first proposal through an update to the merge, and withdraws another.
func TestPullRequest(t *testing.T) {
	s := startGitea(t)
	repository := s.repository(t, "env")
	_, _, err := s.client(t).AdminCreateUser(gitea.CreateUserOption{Username: "ann", Email: "ann@example.org", Password: "Passw0rd!x", MustChangePassword: new(bool)})
	require.NoError(t, err)
	permission := gitea.AccessModeWrite
	_, err = s.client(t).AddCollaborator("bot", "env", "ann", gitea.AddCollaboratorOption{Permission: &permission})
	require.NoError(t, err)

	getenv := environ(t, "GITEA_TOKEN", s.token, "GITEA_HOST", repository)
	o := options(t, repository, getenv)
	f, err := forge.Open(forge.Options{Repository: repository, Getenv: getenv})
	require.NoError(t, err)
	ensure := func(result gitops.Result, body string) forge.Pull {
		p, err := f.Ensure(t.Context(), forge.Request{
			Head: result.Branch, Base: result.Base, Environment: "prod", Title: result.Message.Title, Body: body,
			Labels: []string{"mesh", "prod"}, Reviewers: []string{"@ann"}, Draft: true,
		})
		require.NoError(t, err)
		require.Empty(t, p.Warnings)
		return p
	}

	first := ensure(publish(t, 1, o), "one, because "+forge.Escape("@ann said #1 <b>so</b>"))
	require.True(t, first.Created)
	open := s.open(t, "env")
	require.Len(t, open, 1)
	require.Equal(t, "WIP: meshc: prod: 4 files written", open[0].Title)
	require.True(t, open[0].Draft)
	require.Len(t, open[0].Labels, 2)
	require.Equal(t, "ann", open[0].RequestedReviewers[0].UserName)
	page := s.render(t, forge.Escape("@ann said #1 <b>so</b> https://evil.example"))
	require.Contains(t, page, "><code>@ann said #1 &lt;b&gt;so&lt;/b&gt; https://evil.example</code></p>")
	require.NotContains(t, page, "<a ")

	second := ensure(publish(t, 2, o), "two")
	require.False(t, second.Created)
	require.Equal(t, first.URL, second.URL)
	open = s.open(t, "env")
	require.Len(t, open, 1)
	require.Contains(t, open[0].Body, "two")
	require.NotContains(t, open[0].Body, "one")
	require.Len(t, open[0].RequestedReviewers, 1)
	require.Equal(t, open[0].Head.Sha, publish(t, 2, o).Commit)

	title := "meshc: prod: ready"
	_, _, err = s.client(t).EditPullRequest("bot", "env", number(t, first), gitea.EditPullRequestOption{Title: title})
	require.NoError(t, err)
	// Gitea looks for conflicts in the background before it merges.
	require.Eventually(t, func() bool {
		merged, _, err := s.client(t).MergePullRequest("bot", "env", number(t, first), gitea.MergePullRequestOption{Style: gitea.MergeStyleSquash})
		return err == nil && merged
	}, 20*time.Second, 200*time.Millisecond)
	result := publish(t, 2, o)
	require.True(t, result.UpToDate)
	require.False(t, result.Withdrawn)
	files, err := gitops.Fetch(t.Context(), nil, o)
	require.NoError(t, err)
	require.Len(t, files, 4)

	third := ensure(publish(t, 3, o), "three")
	require.True(t, third.Created)
	require.NotEqual(t, first.URL, third.URL)
	require.True(t, publish(t, 2, o).Withdrawn)
	_, err = f.Close(t.Context(), "meshc/prod-clusters-prod", "main")
	require.NoError(t, err)
	require.Empty(t, s.open(t, "env"))
}

// TestProtectedBranch publishes to a protected branch: --direct fails with Gitea's message, a proposal succeeds.
func TestProtectedBranch(t *testing.T) {
	s := startGitea(t)
	repository := s.repository(t, "guarded")
	_, _, err := s.client(t).CreateBranchProtection("bot", "guarded", gitea.CreateBranchProtectionOption{BranchName: "main", RuleName: "main", EnablePush: false})
	require.NoError(t, err)
	o := options(t, repository, environ(t, "GITEA_TOKEN", s.token, "GITEA_HOST", repository))
	o.Direct = true
	_, _, err = gitops.Publish(t.Context(), delivery("prod", 1), o)
	var e *gitops.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, gitops.Refused, e.Kind)
	require.Contains(t, e.Error(), "protected")
	require.Equal(t, "propose the change without --direct, or let the account write to the branch", e.Help)
	o.Direct = false
	require.Equal(t, "meshc/prod-clusters-prod", publish(t, 1, o).Branch)
}

func TestBadToken(t *testing.T) {
	s := startGitea(t)
	repository := s.repository(t, "private")
	const bad = "0123456789abcdef0123456789abcdef01234567"
	_, _, err := gitops.Publish(t.Context(), delivery("prod", 1), options(t, repository, environ(t, "GITEA_TOKEN", bad, "GITEA_HOST", repository)))
	var e *gitops.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, gitops.Unauthorized, e.Kind)
	require.NotContains(t, e.Error(), bad)
	f, err := forge.Open(forge.Options{Repository: repository, Getenv: environ(t, "GITEA_TOKEN", bad, "GITEA_HOST", repository)})
	require.NoError(t, err)
	_, err = f.Ensure(t.Context(), forge.Request{Head: "meshc/prod-clusters-prod", Base: "main", Environment: "prod", Title: "t", Body: "b"})
	require.ErrorAs(t, err, &e)
	require.Equal(t, gitops.Unauthorized, e.Kind)
	require.NotContains(t, e.Error(), bad)
}

// TestSixteenAtOnce runs 16 publishers at once, each to its own folder: first on one branch, then each with a proposal.
func TestSixteenAtOnce(t *testing.T) {
	s := startGitea(t)
	repository := s.repository(t, "busy")
	for _, direct := range []bool{true, false} {
		var all sync.WaitGroup
		errs := make([]error, 16)
		for n := range errs {
			o := options(t, repository, environ(t, "GITEA_TOKEN", s.token, "GITEA_HOST", repository))
			o.Environment, o.Path, o.Direct = fmt.Sprint("e", n), fmt.Sprint("clusters/e", n), direct
			version := 1
			if !direct {
				version = 2
			}
			all.Go(func() {
				_, _, err := gitops.Publish(context.Background(), delivery(o.Environment, version), o)
				if err == nil && !direct {
					var f *forge.Forge
					if f, err = forge.Open(forge.Options{Repository: repository, Getenv: o.Getenv}); err == nil {
						_, err = f.Ensure(context.Background(), forge.Request{Head: gitops.ReviewBranch(o.Environment, o.Path), Base: "main", Environment: o.Environment, Title: "t" + o.Environment, Body: "b"})
					}
				}
				errs[n] = err
			})
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	commits, _, err := s.client(t).ListRepoCommits("bot", "busy", gitea.ListCommitOptions{SHA: "main", ListOptions: gitea.ListOptions{PageSize: 50}})
	require.NoError(t, err)
	require.Len(t, commits, 17)
	for _, c := range commits {
		require.LessOrEqual(t, len(c.Parents), 1)
	}
	require.Len(t, s.open(t, "busy"), 16)
}

// TestOpenSSH publishes to OpenSSH's server with a key from a file.
func TestOpenSSH(t *testing.T) {
	daemon := "/usr/sbin/sshd"
	home := t.TempDir()
	require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // sshd's privilege separation directory
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".ssh"), 0o700))
	for _, key := range []string{"host", ".ssh/id_ed25519"} {
		program.Run(t, home, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	}
	port := program.FreePort(t)
	config := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s/host\nAuthorizedKeysFile %s/.ssh/id_ed25519.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPidFile none\n", port, home, home)
	require.NoError(t, os.WriteFile(filepath.Join(home, "config"), []byte(config), 0o600))
	program.Start(t, nil, daemon, "-D", "-e", "-f", filepath.Join(home, "config"))
	host, err := os.ReadFile(filepath.Join(home, "host.pub"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(home, ".ssh/known_hosts"), fmt.Appendf(nil, "[127.0.0.1]:%d %s", port, host), 0o600))

	repository := filepath.Join(home, "env with space.git")
	require.NoError(t, gitops.Init(repository, time.Unix(0, 0)))
	user := strings.TrimSpace(string(program.Run(t, "", "id", "-un")))
	o := options(t, fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", user, port, repository), environ(t, "HOME", home))
	require.Eventually(t, func() bool { return program.Listens(port) }, 10*time.Second, 20*time.Millisecond)
	o.Direct = true
	publish(t, 1, o)
	require.True(t, publish(t, 1, o).UpToDate)
	o.Direct = false
	require.Equal(t, "meshc/prod-clusters-prod", publish(t, 2, o).Branch)
	require.True(t, publish(t, 1, o).Withdrawn)
	program.Run(t, repository, "git", "fsck", "--strict")
}

// number returns the number of a pull request, the last element of its URL.
func number(t *testing.T, p forge.Pull) int64 {
	n, err := strconv.ParseInt(path.Base(p.URL), 10, 64)
	require.NoError(t, err)
	return n
}

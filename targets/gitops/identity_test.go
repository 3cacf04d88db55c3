package gitops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops"
)

// Author and date come from the options, else from git's variables, else from its configuration.
func TestIdentity(t *testing.T) {
	t.Parallel()
	const config = "[user]\n\tname = Ann Config\n\temail = ann@example.org\n"
	for name, c := range map[string]struct {
		options func(*gitops.Options)
		env     []string
		want    string
	}{
		"options": {
			options: func(o *gitops.Options) {},
			env:     []string{"GIT_AUTHOR_NAME", "Eve", "GIT_AUTHOR_DATE", "2020-01-01T00:00:00Z"},
			want:    "bot|bot@example.org|2027-03-01 12:00:00 +0000|bot|bot@example.org|2027-03-01 12:00:00 +0000",
		},
		"variables": {
			options: func(o *gitops.Options) { o.Author, o.Now = gitops.Identity{}, time.Time{} },
			env: []string{
				"GIT_AUTHOR_NAME", "Eve", "GIT_AUTHOR_EMAIL", "eve@example.org", "GIT_AUTHOR_DATE", "@1000000000 +0200",
				"GIT_COMMITTER_NAME", "Com <x>\n", "GIT_COMMITTER_DATE", "Mon, 02 Jan 2006 15:04:05 -0700",
			},
			want: "Eve|eve@example.org|2001-09-09 03:46:40 +0200|Com x|ann@example.org|2006-01-02 15:04:05 -0700",
		},
		"configuration": {
			options: func(o *gitops.Options) { o.Author = gitops.Identity{} },
			want:    "Ann Config|ann@example.org|2027-03-01 12:00:00 +0000|Ann Config|ann@example.org|2027-03-01 12:00:00 +0000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := bare(t)
			o := direct(t, repository)
			o.Getenv = environ(t, c.env...)
			write(t, o.Getenv("HOME"), ".gitconfig", config)
			c.options(&o)
			publish(t, delivery("prod", shop()), o)
			require.Equal(t, c.want, strings.TrimSpace(run(t, repository, "git", "log", "-1", "--date=iso", "--format=%an|%ae|%ad|%cn|%ce|%cd", "main")))
		})
	}
	t.Run("reproducible", func(t *testing.T) {
		t.Parallel()
		repository := bare(t)
		o := direct(t, repository)
		o.Now, o.Getenv = time.Time{}, environ(t, "SOURCE_DATE_EPOCH", "1805068800")
		publish(t, delivery("prod", shop()), o)
		require.Equal(t, "1805068800 1805068800\n", run(t, repository, "git", "log", "-1", "--format=%at %ct", "main"))
	})
	t.Run("no date", func(t *testing.T) {
		t.Parallel()
		o := direct(t, bare(t))
		o.Now, o.Getenv = time.Time{}, environ(t, "GIT_AUTHOR_DATE", "tomorrow")
		require.Equal(t, `GIT_AUTHOR_DATE is not a date: "tomorrow"`, refused(t, delivery("prod", shop()), o).Message)
	})
}

// An address is rewritten as git would.
func TestInsteadOf(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := direct(t, "https://git.example.org/acme/env.git")
	write(t, o.Getenv("HOME"), ".gitconfig", "[url \""+repository+"\"]\n\tinsteadOf = other:\n\tinsteadOf = https://git.example.org/acme/env.git\n")
	publish(t, delivery("prod", shop()), o)
	require.Contains(t, content(t, repository, "main"), "prod/shop/10-a.yaml")
	o.Repository = "other:"
	require.True(t, publish(t, delivery("prod", shop()), o).UpToDate)
}

// Dates are read as git reads them.
func TestDates(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	for i, text := range []string{
		"1600000000 +0200", "@1600000000", "2020-01-02T03:04:05Z", "2020-01-02T03:04:05+02:00", "2020-01-02T03:04:05+0200", "2020-01-02 03:04:05 -0700",
		"2020-01-02 03:04:05", "2020-01-02T03:04", "2020-01-02 03:04", "2020.01.02 03:04:05", "2020-01-02T03:04:05.678Z", "01/02/2020 03:04:05", "02.01.2020 03:04",
		"Thu, 02 Jan 2020 03:04:05 +0200",
	} {
		o := direct(t, repository)
		o.Dir = filepath.Dir(repository) // so that no process of git takes the commit
		o.Now, o.Getenv = time.Time{}, environ(t, "GIT_AUTHOR_DATE", text)
		publish(t, delivery("prod", shop().with("shop/10-a.yaml", strings.Repeat("a", i))), o)
		git := run(t, repository, "env", "GIT_AUTHOR_DATE="+text, "git", "commit-tree", "-m", "x", "main^{tree}")
		dates := strings.Fields(run(t, repository, "git", "log", "--no-walk=unsorted", "--format=%at", strings.TrimSpace(git), "main"))
		require.Len(t, dates, 2)
		require.Equal(t, dates[0], dates[1], text)
	}
}

// A commit is signed if git is configured to sign, and git verifies the signature.
func TestSignatures(t *testing.T) {
	t.Parallel()
	t.Run("SSH", func(t *testing.T) {
		t.Parallel()
		repository := bare(t)
		o := direct(t, repository)
		home := o.Getenv("HOME")
		key := filepath.Join(home, "signing")
		run(t, home, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
		write(t, home, ".gitconfig", "[commit]\n\tgpgSign = true\n[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = ~/signing\n")
		publish(t, delivery("prod", shop()), o)
		public, err := os.ReadFile(key + ".pub")
		require.NoError(t, err)
		write(t, home, "allowed", "bot@example.org "+string(public))
		require.Equal(t, "G bot@example.org\n", run(t, repository, "git", "-c", "gpg.ssh.allowedSignersFile="+filepath.Join(home, "allowed"), "log", "-1", "--format=%G? %GS", "main"))
	})
	t.Run("SSH agent", func(t *testing.T) {
		t.Parallel()
		repository := bare(t)
		o := direct(t, repository)
		home := o.Getenv("HOME")
		agent := filepath.Join(home, "agent")
		run(t, home, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(home, "signing"))
		pid := strings.Split(strings.Split(run(t, home, "ssh-agent", "-a", agent), "SSH_AGENT_PID=")[1], ";")[0]
		t.Cleanup(func() { run(t, home, "kill", pid) })
		run(t, home, "env", "SSH_AUTH_SOCK="+agent, "ssh-add", "-q", filepath.Join(home, "signing"))
		o.Getenv = environ(t, "HOME", home, "SSH_AUTH_SOCK", agent, "GIT_CONFIG_GLOBAL", filepath.Join(home, ".gitconfig"))
		write(t, home, ".gitconfig", "[commit]\n\tgpgSign = true\n[gpg]\n\tformat = ssh\n[gpg \"ssh\"]\n\tdefaultKeyCommand = ssh-add -L\n")
		publish(t, delivery("prod", shop()), o)
		require.Contains(t, run(t, repository, "git", "cat-file", "commit", "main"), "-----BEGIN SSH SIGNATURE-----")
	})
	t.Run("OpenPGP", func(t *testing.T) {
		t.Parallel()
		home, err := os.MkdirTemp("", "gpg") // the path of its agent's socket must be short
		require.NoError(t, err)
		t.Cleanup(func() {
			run(t, "", "env", "GNUPGHOME="+home, "gpgconf", "--kill", "all")
			os.RemoveAll(home)
		})
		require.NoError(t, os.Chmod(home, 0o700))
		gpg := func(args ...string) string {
			return run(t, home, "env", append([]string{"GNUPGHOME=" + home}, args...)...)
		}
		gpg("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "bot <bot@example.org>", "ed25519", "sign")
		repository := bare(t)
		o := direct(t, repository)
		o.Getenv = environ(t, "GNUPGHOME", home)
		write(t, o.Getenv("HOME"), ".gitconfig", "[commit]\n\tgpgSign = true\n")
		publish(t, delivery("prod", shop()), o)
		require.Equal(t, "U bot <bot@example.org>\n", strings.Replace(gpg("git", "-C", repository, "log", "-1", "--format=%G? %GS", "main"), "G ", "U ", 1))
	})
	t.Run("no key", func(t *testing.T) {
		t.Parallel()
		repository := bare(t)
		o := direct(t, repository)
		write(t, o.Getenv("HOME"), ".gitconfig", "[commit]\n\tgpgSign = true\n[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = ~/missing\n")
		e := refused(t, delivery("prod", shop()), o)
		require.Contains(t, e.Error(), "the commit cannot be signed with ssh-keygen")
		require.Equal(t, "check that `git commit -S` works here, or turn commit.gpgsign off", e.Help)
		require.Len(t, log(t, repository, "main"), 1)
	})
}

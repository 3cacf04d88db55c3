package gitops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/gitops"
)

// plant adds hooks and a configuration to a repository that create the file ran. Somebody may have proposed them.
func plant(t testing.TB, repository string) (ran string) {
	t.Helper()
	ran = filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(repository, "hooks", "pre-receive")
	write(t, repository, "hooks/pre-receive", "#!/bin/sh\ntouch "+ran+"\n")
	require.NoError(t, os.Chmod(script, 0o755))
	for _, hook := range []string{"update", "post-receive", "post-update", "reference-transaction", "proc-receive"} {
		text, err := os.ReadFile(script)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(repository, "hooks", hook), text, 0o755))
	}
	config, err := os.ReadFile(filepath.Join(repository, "config"))
	require.NoError(t, err)
	write(t, repository, "config", string(config)+`
[core]
	fsmonitor = "touch `+ran+`"
	alternateRefsCommand = "touch `+ran+`"
[commit]
	gpgSign = true
[gpg]
	program = `+script+`
[credential]
	helper = "!touch `+ran+`"
`)
	return ran
}

// The hooks and the configuration of a repository in the project are part of what somebody may propose.
func TestRepositoryInProject(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(project, repository string) string{
		"a path":          func(project, repository string) string { return "deep/env.git" },
		"an absolute one": func(project, repository string) string { return repository },
		"a URL":           func(project, repository string) string { return "file://" + repository },
		"a link": func(project, repository string) string {
			link := filepath.Join(project, "link")
			if os.Symlink("deep/env.git", link) != nil {
				return repository
			}
			return link
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			project := filepath.Join(t.TempDir(), "project")
			repository := filepath.Join(project, "deep", "env.git")
			require.NoError(t, os.CopyFS(repository, os.DirFS(bare(t))))
			run(t, project, "git", "init", "-q", ".")
			ran := plant(t, repository)
			o := direct(t, address(project, repository))
			o.Dir = filepath.Join(project, "deep")
			if name == "a path" {
				o.Dir = project
			}
			publish(t, delivery("prod", shop()), o)
			require.Equal(t, under("prod", delivery("prod", shop()), tree{"README.md": "hands off\n"}), content(t, repository, "main"))

			o.Direct = false
			require.Equal(t, "meshc/prod-prod", publish(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n")), o).Branch)
			require.Equal(t, "meshc/prod-prod", publish(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 3\n")), o).Branch)
			run(t, repository, "git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "pack-refs", "--all")
			require.True(t, publish(t, delivery("prod", shop()), o).Withdrawn)
			run(t, repository, "git", "fsck", "--strict", "--full")
			require.Equal(t, "main\n", run(t, repository, "git", "for-each-ref", "--format=%(refname:short)"))
			require.NoFileExists(t, ran)
		})
	}
	t.Run("that leads elsewhere", func(t *testing.T) {
		t.Parallel()
		for name, change := range map[string]func(repository string) error{
			"commondir": func(repository string) error {
				return os.WriteFile(filepath.Join(repository, "commondir"), []byte("/elsewhere"), 0o644)
			},
			"objects/info/alternates": func(repository string) error {
				return os.WriteFile(filepath.Join(repository, "objects/info/alternates"), []byte("/elsewhere"), 0o644)
			},
			"refs/heads": func(repository string) error {
				return os.Rename(filepath.Join(repository, "refs/heads"), filepath.Join(repository, "../heads"))
			},
		} {
			project := t.TempDir()
			repository := filepath.Join(project, "env.git")
			require.NoError(t, os.CopyFS(repository, os.DirFS(bare(t))))
			require.NoError(t, os.MkdirAll(filepath.Join(repository, "objects/info"), 0o755))
			require.NoError(t, change(repository))
			if name == "refs/heads" {
				require.NoError(t, os.Symlink("../../heads", filepath.Join(repository, name)))
			}
			o := direct(t, repository)
			o.Dir = project
			e := refused(t, delivery("prod", shop()), o)
			require.Equal(t, gitops.Unusable, e.Kind)
			require.Contains(t, e.Message, name)
		}
	})
	t.Run("with a lock", func(t *testing.T) {
		t.Parallel()
		project := t.TempDir()
		require.NoError(t, os.CopyFS(filepath.Join(project, "env.git"), os.DirFS(bare(t))))
		write(t, project, "env.git/refs/heads/main.lock", "")
		o := direct(t, "env.git")
		o.Dir, o.Timeout = project, 2e9
		e := refused(t, delivery("prod", shop()), o)
		require.Equal(t, gitops.Contended, e.Kind)
		require.Contains(t, e.Error(), "main.lock")
	})
}

// A project may look like a bare repository to git, which would then run the commands in its configuration.
func TestProjectThatLooksLikeARepository(t *testing.T) {
	t.Parallel()
	for name, around := range map[string]bool{"in a work tree": true, "in none": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer := t.TempDir()
			project := filepath.Join(outer, "project")
			require.NoError(t, os.CopyFS(project, os.DirFS(bare(t))))
			if around {
				run(t, outer, "git", "init", "-q", ".")
				run(t, outer, "git", "add", "-A")
				run(t, outer, "git", "commit", "-q", "-m", "looks like a repository")
			}
			ran := plant(t, project)
			o := direct(t, httpServer(t, bare(t)))
			o.Dir = project
			e := refused(t, delivery("prod", shop()), o)
			require.Equal(t, gitops.Unauthorized, e.Kind)
			o.Repository = bare(t)
			publish(t, delivery("prod", shop()), o)
			require.Equal(t, around, strings.HasSuffix(gitops.Source(t.Context(), project), "-dirty"))
			require.NoFileExists(t, ran)
		})
	}
}

package gitops_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

func TestDirect(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	files := delivery("prod", shop())
	result := publish(t, files, direct(t, repository))

	require.Equal(t, under("prod", files, tree{"README.md": "hands off\n"}), content(t, repository, "main"))
	require.Equal(t, []string{"meshc: prod: 1 connection opened", "by hand"}, log(t, repository, "main"))
	require.Equal(t, "main", result.Branch)
	require.Empty(t, result.Change.Old)
	require.Len(t, result.Change.New, 4)
	require.Equal(t, `meshc: prod: 1 connection opened

opened: frontend -> backend

Meshc-Source: shop@0123abc
Meshc-Environment: prod
Meshc-Path: prod
Meshc-Tree: `+run(t, repository, "git", "rev-parse", "main^{tree}"), run(t, repository, "git", "log", "-1", "--format=%B", "main")[:len("meshc: prod: 1 connection opened\n\nopened: frontend -> backend\n\nMeshc-Source: shop@0123abc\nMeshc-Environment: prod\nMeshc-Path: prod\nMeshc-Tree: ")+41])
	require.Equal(t, "bot <bot@example.org> 1803902400", run(t, repository, "git", "log", "-1", "--format=%an <%ae> %at", "main")[:len("bot <bot@example.org> 1803902400")])
	run(t, repository, "git", "fsck", "--strict", "--full")
}

// Publishing the same files again makes no commit. The same files and date make the same commit everywhere.
func TestSameTwice(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	first := publish(t, delivery("prod", shop()), direct(t, repository))
	again := publish(t, delivery("prod", shop()), direct(t, repository))
	require.True(t, again.UpToDate)
	require.Empty(t, again.Commit)
	require.Empty(t, again.Change.Written)
	require.Equal(t, again.Change.Old, again.Change.New)
	require.Equal(t, first.Commit+"\n", run(t, repository, "git", "rev-parse", "main"))
}

func TestChangeAndPrune(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	publish(t, delivery("prod", shop().with("gone/10-z.yaml", "z: 1\n")), direct(t, repository))
	edit(t, repository, "main", func(work string) {
		write(t, work, "prod/shop/notes.txt", "of somebody else\n")
		write(t, work, "prod/gone/notes.txt", "of somebody else\n")
	})
	next := shop().with("shop/10-a.yaml", "a: 2\n").without("shop/10-b.yaml").with("deep/er/10-c.yaml", "c: 1\n")
	files := delivery("prod", next)
	var seen gitops.Change
	o := direct(t, repository)
	o.Describe = func(c gitops.Change) (gitops.Message, error) {
		seen = c
		return gitops.Message{Title: "next"}, nil
	}
	publish(t, files, o)

	require.Equal(t, under("prod", files, tree{
		"README.md": "hands off\n", "prod/shop/notes.txt": "of somebody else\n", "prod/gone/notes.txt": "of somebody else\n",
	}), content(t, repository, "main"))
	require.Equal(t, []string{".meshc.lock", "deep/er/10-c.yaml", "shop/10-a.yaml"}, seen.Written)
	require.Equal(t, []string{"gone/10-z.yaml", "shop/10-b.yaml"}, seen.Removed)
	require.Equal(t, under("", seen.Old, nil), map1(shop().with("gone/10-z.yaml", "z: 1\n")))
	require.Equal(t, under("", seen.New, nil), map1(next))
	run(t, repository, "git", "fsck", "--strict", "--full")

	got, err := gitops.Fetch(context.Background(), nil, direct(t, repository))
	require.NoError(t, err)
	require.Equal(t, under("", files, nil), under("", got, nil))
}

func map1(t tree) tree { return under("", nil, t) }

func TestEverythingGoes(t *testing.T) {
	t.Parallel()
	repository := empty(t)
	o := direct(t, repository)
	o.Path = ""
	publish(t, delivery("prod", shop()), o)
	publish(t, []targets.File{}, o)
	require.Empty(t, content(t, repository, "main"))
	run(t, repository, "git", "fsck", "--strict", "--full")
}

// Files that meshc did not write stop the publish, unless Overwrite is set.
func TestFindings(t *testing.T) {
	t.Parallel()
	next := shop().with("shop/10-a.yaml", "a: 2\n")
	for name, c := range map[string]struct {
		before   tree // published first; nil: nothing was
		edit     func(t testing.TB, work string)
		want     []string
		stubborn bool // --overwrite does not help either
	}{
		"a file that meshc does not own": {
			edit: func(t testing.TB, work string) { write(t, work, "prod/shop/10-a.yaml", "mine\n") },
			want: []string{"MESH4001 prod/shop/10-a.yaml was not written by meshc"},
		},
		"a generated file that was changed": {
			before: shop(),
			edit:   func(t testing.TB, work string) { write(t, work, "prod/shop/10-b.yaml", "b: 1\nhotfix: true\n") },
			want:   []string{"MESH4002 prod/shop/10-b.yaml was changed by hand"},
		},
		"a generated file that was deleted": {
			before: shop(),
			edit: func(t testing.TB, work string) {
				require.NoError(t, os.Remove(filepath.Join(work, "prod/shop/10-b.yaml")))
			},
			want: []string{"MESH4002 prod/shop/10-b.yaml was deleted by hand"},
		},
		"a generated file that was changed and would go": {
			before: shop().with("shop/10-c.yaml", "c: 1\n"),
			edit:   func(t testing.TB, work string) { write(t, work, "prod/shop/10-c.yaml", "c: 2\n") },
			want:   []string{"MESH4002 prod/shop/10-c.yaml was changed by hand"},
		},
		"a link in place of a generated file": {
			before: shop(),
			edit: func(t testing.TB, work string) {
				require.NoError(t, os.Remove(filepath.Join(work, "prod/shop/10-b.yaml")))
				require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(work, "prod/shop/10-b.yaml")))
			},
			want: []string{"MESH4002 prod/shop/10-b.yaml was changed by hand"},
		},
		"a link in place of a folder": {
			edit: func(t testing.TB, work string) {
				require.NoError(t, os.MkdirAll(filepath.Join(work, "prod"), 0o755))
				require.NoError(t, os.Symlink("../../outside", filepath.Join(work, "prod/shop")))
			},
			want:     []string{"MESH4001 prod/shop is a symbolic link, where meshc would write a folder"},
			stubborn: true,
		},
		"a file in place of a folder": {
			edit:     func(t testing.TB, work string) { write(t, work, "prod/shop", "a file\n") },
			want:     []string{"MESH4001 prod/shop is a file, where meshc would write a folder"},
			stubborn: true,
		},
		"a folder in place of a file": {
			edit:     func(t testing.TB, work string) { write(t, work, "prod/shop/10-a.yaml/x", "x\n") },
			want:     []string{"MESH4001 prod/shop/10-a.yaml is a folder, where meshc would write a file"},
			stubborn: true,
		},
		"a submodule in place of a folder": {
			edit: func(t testing.TB, work string) {
				require.NoError(t, os.MkdirAll(filepath.Join(work, "prod/shop"), 0o755))
				run(t, work, "git", "update-index", "--add", "--cacheinfo", "160000,"+run(t, work, "git", "rev-parse", "HEAD")[:40]+",prod/shop")
				run(t, work, "git", "commit", "-q", "-m", "submodule")
			},
			want:     []string{"MESH4001 prod/shop is a submodule, where meshc would write a folder"},
			stubborn: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := bare(t)
			o := direct(t, repository)
			if c.before != nil {
				publish(t, delivery("prod", c.before), o)
			}
			edit(t, repository, "main", func(work string) { c.edit(t, work) })
			was := run(t, repository, "git", "rev-parse", "main")

			_, findings, err := gitops.Publish(context.Background(), delivery("prod", next), o)
			require.NoError(t, err)
			require.Equal(t, c.want, texts(findings))
			require.NotEmpty(t, findings[0].Help)
			require.Equal(t, was, run(t, repository, "git", "rev-parse", "main"))

			o.Overwrite = true
			if c.stubborn {
				_, findings, err = gitops.Publish(context.Background(), delivery("prod", next), o)
				require.NoError(t, err)
				require.Equal(t, c.want, texts(findings))
				return
			}
			publish(t, delivery("prod", next), o)
			require.Equal(t, under("prod", delivery("prod", next), tree{"README.md": "hands off\n"}), content(t, repository, "main"))
		})
	}
}

// The finding shows what was changed.
func TestFindingShowsDiff(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	publish(t, delivery("prod", shop()), direct(t, repository))
	edit(t, repository, "main", func(work string) { write(t, work, "prod/shop/10-b.yaml", "b: 1\nhotfix: true\n") })
	_, findings, err := gitops.Publish(context.Background(), delivery("prod", shop()), direct(t, repository))
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, []string{"--- in the repository\n+++ as meshc writes it\n@@ -1,2 +1 @@\n b: 1\n-hotfix: true"}, findings[0].Notes)
	require.Equal(t, "express the change as intents, and restore the file with --overwrite", findings[0].Help)
}

// An error names the reason and a remedy.
func TestUnusable(t *testing.T) {
	t.Parallel()
	lock := delivery("prod", shop())
	for name, c := range map[string]struct {
		repository func(t testing.TB) string
		options    func(*gitops.Options)
		kind       gitops.Kind
		want       string // of the message; REPO is the repository
		help       string
	}{
		"no repository": {
			repository: func(t testing.TB) string { return filepath.Join(t.TempDir(), "nothing") },
			kind:       gitops.NotFound, want: "there is no repository at REPO",
			help: "check the path, or make one there with `git init --bare`",
		},
		"a branch that is broken": {
			repository: func(t testing.TB) string {
				repository := bareWith(t, func(work string) { write(t, work, "x", "a file\n") })
				write(t, repository, "refs/heads/main", "zz\n")
				return repository
			},
			kind: gitops.Unusable, want: "the branch main of the repository is broken: refs/heads/main names no commit",
			help: "git fsck in the repository shows what is broken",
		},
		"a file where the folder should be": {
			repository: func(t testing.TB) string {
				return bareWith(t, func(work string) { write(t, work, "prod", "a file\n") })
			},
			kind: gitops.Unusable, want: "prod of REPO is a file, where a folder is needed",
			help: "publish into another folder, or move it away",
		},
		"a link where the folder should be": {
			repository: func(t testing.TB) string {
				return bareWith(t, func(work string) { require.NoError(t, os.Symlink("../../etc", filepath.Join(work, "prod"))) })
			},
			kind: gitops.Unusable, want: "prod of REPO is a symbolic link, where a folder is needed",
			help: "publish into another folder, or move it away",
		},
		"a submodule where the folder should be": {
			repository: func(t testing.TB) string {
				return bareWith(t, func(work string) {
					run(t, work, "git", "commit", "-q", "--allow-empty", "-m", "first")
					require.NoError(t, os.MkdirAll(filepath.Join(work, "prod"), 0o755))
					run(t, work, "git", "update-index", "--add", "--cacheinfo", "160000,"+run(t, work, "git", "rev-parse", "HEAD")[:40]+",prod")
				})
			},
			kind: gitops.Unusable, want: "prod of REPO is a submodule, where a folder is needed",
			help: "publish into another folder, or move it away",
		},
		"a lock from a newer version": {
			repository: func(t testing.TB) string {
				return bareWith(t, func(work string) { write(t, work, "prod/.meshc.lock", "# of the future\nformat 3\n") })
			},
			kind: gitops.NewerLock, want: "prod/.meshc.lock cannot be read: .meshc.lock:2: format 3 is newer than this meshc, which knows 2; use a newer meshc",
			help: "use the meshc that wrote it, or a later one",
		},
		"a corrupt lock": {
			repository: func(t testing.TB) string {
				return bareWith(t, func(work string) { write(t, work, "prod/.meshc.lock", "<<<<<<< HEAD\n") })
			},
			kind: gitops.BadLock, want: "prod/.meshc.lock cannot be read: .meshc.lock:1: no `format` line; restore the file from git's history",
			help: "or rewrite it with --overwrite, which takes over every file that meshc would write",
		},
		"the folder of another environment": {
			repository: func(t testing.TB) string {
				return bareWith(t, func(work string) {
					for _, f := range delivery("staging", shop()) {
						write(t, work, "prod/"+f.Path, string(f.Data))
					}
				})
			},
			kind: gitops.BadLock, want: "prod holds the environment staging",
			help: "give each environment a folder of its own, or take this one over with --overwrite",
		},
		"a branch that is not there": {
			repository: func(t testing.TB) string {
				repository := bare(t)
				run(t, repository, "git", "branch", "-m", "main", "trunk")
				run(t, repository, "git", "symbolic-ref", "HEAD", "refs/heads/trunk")
				return repository
			},
			options: func(o *gitops.Options) { o.Branch = "main" },
			kind:    gitops.NoBranch, want: "REPO has no branch main",
			help: "the repository has trunk; its default branch is trunk",
		},
		"a proposal to an empty repository": {
			repository: func(t testing.TB) string { return empty(t) },
			options:    func(o *gitops.Options) { o.Direct = false },
			kind:       gitops.Empty, want: "REPO has no commit yet, so there is nothing to propose a change to",
			help: "make its first commit with --direct, then propose changes to it",
		},
		"SHA-256 objects": {
			repository: func(t testing.TB) string {
				dir := filepath.Join(t.TempDir(), "r.git")
				run(t, "", "git", "init", "-q", "--bare", "--object-format=sha256", dir)
				return dir
			},
			kind: gitops.Unsupported, want: "the repository has a format that is not supported: ",
			help: "use a repository with git's usual formats",
		},
		"a hook that declines": {
			repository: func(t testing.TB) string {
				repository := bare(t)
				write(t, repository, "hooks/pre-receive", "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n")
				require.NoError(t, os.Chmod(filepath.Join(repository, "hooks/pre-receive"), 0o755))
				return repository
			},
			kind: gitops.Refused, want: "REPO refuses the commit on main: pre-receive hook declined: not on a Friday",
			help: "a hook of the repository refused it, and its output says why",
		},
		"a branch that somebody works on": {
			repository: func(t testing.TB) string {
				dir := t.TempDir()
				run(t, dir, "git", "init", "-q", "-b", "main")
				run(t, dir, "git", "commit", "-q", "--allow-empty", "-m", "first")
				return dir
			},
			kind: gitops.Refused, want: "REPO refuses the commit on main: branch is currently checked out",
			help: "publish to a bare repository: this one has a work tree in use",
		},
		"a path that leads out": {
			repository: func(t testing.TB) string { return bare(t) },
			options:    func(o *gitops.Options) { o.Path = "../prod" },
			kind:       gitops.Invalid, want: `"../prod" cannot be a folder in a repository`,
			help: "give a folder of the repository, such as clusters/prod",
		},
		"a path into .git": {
			repository: func(t testing.TB) string { return bare(t) },
			options:    func(o *gitops.Options) { o.Path = ".Git/hooks" },
			kind:       gitops.Invalid, want: `".Git/hooks" cannot be a folder in a repository`,
			help: "give a folder of the repository, such as clusters/prod",
		},
		"a protocol that is not spoken": {
			repository: func(t testing.TB) string { return "ftp://example.org/env.git" },
			kind:       gitops.Unsupported, want: "ftp:// is not supported",
			help: "give a path, or an https:// or ssh:// URL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := direct(t, c.repository(t))
			if c.options != nil {
				c.options(&o)
			}
			e := refused(t, lock, o)
			require.Contains(t, e.Error(), strings.ReplaceAll(c.want, "REPO", o.Repository))
			require.Equal(t, c.kind, e.Kind)
			require.Equal(t, c.help, e.Help)
		})
	}
}

func TestOverwriteCorruptLock(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := direct(t, repository)
	publish(t, delivery("prod", shop()), o)
	edit(t, repository, "main", func(work string) { write(t, work, "prod/.meshc.lock", "garbage") })
	o.Overwrite = true
	files := delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n"))
	publish(t, files, o)
	require.Equal(t, under("prod", files, tree{"README.md": "hands off\n"}), content(t, repository, "main"))
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	o := direct(t, repository)
	o.DryRun = true
	was := run(t, repository, "git", "for-each-ref")
	result := publish(t, delivery("prod", shop()), o)
	require.Len(t, result.Change.Written, 5)
	require.Equal(t, "meshc: prod: 1 connection opened", result.Message.Title)
	require.Equal(t, was, run(t, repository, "git", "for-each-ref"))
	require.Contains(t, run(t, repository, "git", "count-objects"), "3 objects") // no more than the first commit made
}

// An empty repository accepts its first commit with Direct, whatever the name of its branch.
func TestFirstCommit(t *testing.T) {
	t.Parallel()
	repository := filepath.Join(t.TempDir(), "env.git")
	run(t, "", "git", "init", "-q", "--bare", "-b", "trunk", repository)
	result := publish(t, delivery("prod", shop()), direct(t, repository))
	require.Equal(t, "trunk", result.Branch)
	require.Equal(t, under("prod", delivery("prod", shop()), nil), content(t, repository, "trunk"))
	require.Len(t, log(t, repository, "trunk"), 1)
}

// Two environments in one repository are independent, even if one folder contains the other.
func TestTwoEnvironments(t *testing.T) {
	t.Parallel()
	repository := bare(t)
	prod, staging := direct(t, repository), direct(t, repository)
	prod.Path, staging.Path, staging.Environment = "clusters", "clusters/staging", "staging"
	publish(t, delivery("prod", shop()), prod)
	publish(t, delivery("staging", shop().with("shop/10-a.yaml", "a: 9\n")), staging)
	publish(t, delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n")), prod)
	require.True(t, publish(t, delivery("staging", shop().with("shop/10-a.yaml", "a: 9\n")), staging).UpToDate)
	want := under("clusters", delivery("prod", shop().with("shop/10-a.yaml", "a: 2\n")), tree{"README.md": "hands off\n"})
	require.Equal(t, under("clusters/staging", delivery("staging", shop().with("shop/10-a.yaml", "a: 9\n")), want), content(t, repository, "main"))
}

func TestInit(t *testing.T) {
	t.Parallel()
	repository := filepath.Join(t.TempDir(), "build", "prod.git")
	require.NoError(t, gitops.Init(repository, now))
	require.NoError(t, gitops.Init(repository, now))
	run(t, repository, "git", "fsck", "--strict")
	o := review(t, "build/prod.git")
	o.Dir = filepath.Dir(filepath.Dir(repository))
	result := publish(t, delivery("prod", shop()), o)
	require.Equal(t, "meshc/prod-prod", result.Branch)
	require.Equal(t, under("prod", delivery("prod", shop()), nil), content(t, repository, "meshc/prod-prod"))
	require.Empty(t, content(t, repository, "main"))
}

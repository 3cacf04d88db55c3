package gitops

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/meshc/meshc/targets"
)

// Snapshot is files of a repository at a revision.
type Snapshot struct {
	Root   string         // the absolute path of the work tree
	Commit string         // full hash
	Files  []targets.File // sorted by path, which is relative to Root; without links and submodules
}

// At reads the files below dir, a folder in a work tree, at a revision in the syntax of git rev-parse. It reads those
// for whose path want returns true. A folder that does not exist at the revision has no files. The error is an *Error.
func At(dir, revision string, want func(path string) bool) (Snapshot, error) {
	repository, root, err := around(dir)
	if err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{Root: root}
	const unshallow = "a shallow clone lacks older commits: fetch them with `git fetch --unshallow`"
	hash, err := catchPanic(func() (*plumbing.Hash, error) { return repository.ResolveRevision(plumbing.Revision(revision)) })
	if err != nil {
		return s, fail(NotFound, "name a commit, branch or tag that git log shows; "+unshallow, "the repository has no revision %s", revision)
	}
	s.Commit = hash.String()
	tree, err := treeOf(&view{store: repository.Storer}, *hash)
	if err != nil {
		return s, fail(Garbled, unshallow, "the repository cannot be read at %s: %v", revision, err)
	}
	within, err := filepath.Rel(root, real(dir))
	if err != nil {
		return s, fail(Invalid, "", "%s is not in the repository", filepath.ToSlash(dir))
	}
	prefix := ""
	for _, name := range strings.Split(filepath.ToSlash(within), "/") {
		if name == "." {
			continue
		}
		entries, err := entriesOf(repository.Storer, tree)
		if err != nil {
			return s, fail(Garbled, unshallow, "the repository cannot be read at %s: %v", revision, err)
		}
		tree = plumbing.ZeroHash
		for _, e := range entries {
			if e.Name == name && e.Mode == filemode.Dir {
				tree = e.Hash
			}
		}
		prefix += name + "/"
	}
	if s.Files, err = readFiles(repository.Storer, prefix, tree, func(string) bool { return true }, want); err != nil {
		var known *Error
		if errors.As(err, &known) {
			return s, known
		}
		return s, fail(Garbled, "git fsck shows what is wrong with it", "the repository cannot be read at %s: %v", revision, err)
	}
	return s, nil
}

// Root returns the work tree that contains a folder.
func Root(dir string) (string, error) {
	_, root, err := around(dir)
	return root, err
}

// around opens the repository that contains a folder.
func around(dir string) (*git.Repository, string, error) {
	repository, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return nil, "", fail(NotFound, "run meshc in a clone of it", "%s is not in a git repository", filepath.ToSlash(dir))
	}
	work, err := repository.Worktree()
	if err != nil {
		return nil, "", fail(Unsupported, "run meshc in a clone of it", "the repository around %s has no work tree", filepath.ToSlash(dir))
	}
	return repository, real(work.Filesystem.Root()), nil
}

// real resolves the symbolic links of a path that exists.
func real(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}

// Source returns REPO@SHA for Options.Source: the URL from which the repository around dir was cloned, without secrets,
// and its commit, followed by `-dirty` if tracked files have changed. It is empty if there is no repository or no
// commit.
func Source(ctx context.Context, dir string) string {
	repository, root, err := around(dir)
	if err != nil {
		return ""
	}
	head, err := repository.Head()
	if err != nil {
		return ""
	}
	if _, err := object.GetCommit(repository.Storer, head.Hash()); err != nil {
		return ""
	}
	name := filepath.Base(root)
	if origin, err := repository.Remote("origin"); err == nil && len(origin.Config().URLs) > 0 {
		if e, err := transport.NewEndpoint(origin.Config().URLs[0]); err == nil && e.Protocol != "file" {
			name = (&Secrets{}).Redact(publicName(e))
		}
	}
	text := name + "@" + head.Hash().String()
	// git compares modification times; go-git would read every file.
	status := gitCommand(ctx, dir, os.Environ(), "status", "--porcelain", "--untracked-files=no")
	if out, err := status.Output(); err == nil && len(bytes.TrimSpace(out)) > 0 {
		text += "-dirty"
	}
	return strings.ReplaceAll(text, "\n", " ")
}

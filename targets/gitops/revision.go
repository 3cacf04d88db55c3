package gitops

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/meshc/meshc/targets"
)

// Snapshot is files of a repository as they were at a revision.
type Snapshot struct {
	Root   string         // the work tree, absolute
	Commit string         // full hash
	Files  []targets.File // sorted by path, relative to Root; links and submodules are left out
}

// At reads those files in and below dir, a folder of a repository's work tree, that want asks for by their path, as they
// were at a revision as git rev-parse names it. A folder that was not there has none. The error is an *Error.
func At(dir, revision string, want func(path string) bool) (Snapshot, error) {
	repository, root, err := around(dir)
	if err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{Root: root}
	const unshallow = "a shallow clone lacks older commits: fetch them with `git fetch --unshallow`"
	hash, err := guarded(func() (*plumbing.Hash, error) { return repository.ResolveRevision(plumbing.Revision(revision)) })
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
	if err := s.collect(repository.Storer, prefix, tree, want); err != nil {
		var known *Error
		if errors.As(err, &known) {
			return s, known
		}
		return s, fail(Garbled, "git fsck shows what is wrong with it", "the repository cannot be read at %s: %v", revision, err)
	}
	return s, nil
}

func (s *Snapshot) collect(store storer.EncodedObjectStorer, prefix string, tree plumbing.Hash, want func(string) bool) error {
	entries, err := entriesOf(store, tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := prefix + e.Name
		switch {
		case e.Mode == filemode.Dir:
			if err := s.collect(store, path+"/", e.Hash, want); err != nil {
				return err
			}
		case e.Mode.IsFile() && e.Mode != filemode.Symlink && want(path):
			data, err := readBlob(store, e.Hash)
			if err != nil {
				return err
			}
			s.Files = append(s.Files, targets.File{Path: path, Data: data})
		}
	}
	return nil
}

// Root is the work tree that a folder is in.
func Root(dir string) (string, error) {
	_, root, err := around(dir)
	return root, err
}

// around opens the repository that a folder is in.
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

// real is a path without symbolic links, where there is anything at it.
func real(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}

// Source is REPO@SHA of the repository that a folder is in, for Options.Source: where it was cloned from, without any
// secret, and its commit, with `-dirty` where files that git knows were changed since. It is empty where there is no
// repository or no commit.
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
	// go-git would read every file to find out.
	status := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no")
	status.Dir = dir
	if out, err := status.Output(); err == nil && len(bytes.TrimSpace(out)) > 0 {
		text += "-dirty"
	}
	return strings.ReplaceAll(text, "\n", " ")
}

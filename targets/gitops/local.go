package gitops

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// A repository on this disk is read in place. Unless it is part of the project, git's receive-pack writes it, so that
// its hooks, configuration and locks apply, and a killed publisher does no harm. (go-git truncates the file of a
// reference before it writes it.)

// open opens a repository on this disk.
func (r *remote) open() (*view, error) {
	if r.isPart {
		if err := checkSelfContained(real(r.endpoint.Path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return openLocal(r.endpoint.Path)
}

// openLocal reads the branches of a repository, bare or not.
func openLocal(path string) (*view, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil, git.ErrRepositoryNotExists
	}
	repository, err := git.PlainOpenWithOptions(path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	switch {
	case errors.Is(err, git.ErrUnsupportedExtensionRepositoryFormatVersion), errors.Is(err, git.ErrUnknownExtension), errors.Is(err, git.ErrUnsupportedRepositoryFormatVersion):
		return nil, fail(Unsupported, "use a repository with git's usual formats", "the repository has a format that is not supported: %v", err)
	case err != nil:
		return nil, err
	}
	store, ok := repository.Storer.(*filesystem.Storage)
	if !ok {
		return nil, git.ErrRepositoryNotExists
	}
	dir := commonDir(store.Filesystem().Root())
	fast := openStore(dir)
	v := &view{store: fast, close: func() { fast.Close() }}
	if head, err := fast.Reference(plumbing.HEAD); err == nil && head.Type() == plumbing.SymbolicReference {
		v.head = head.Target().Short()
	}
	if v.branches, err = localBranches(dir, fast); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// commonDir returns the folder with the objects and branches, given the git folder of a possibly linked work tree.
func commonDir(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "commondir"))
	if err != nil {
		return dir
	}
	return pathOf(strings.TrimSpace(string(text)), dir)
}

// localBranches lists the branches. go-git would include the lock file of a branch that is being moved.
func localBranches(dir string, s storer.ReferenceStorer) (map[string]plumbing.Hash, error) {
	const heads = "refs/heads/"
	branches := map[string]plumbing.Hash{}
	add := func(name string) error {
		r, err := s.Reference(plumbing.ReferenceName(heads + name))
		if errors.Is(err, plumbing.ErrReferenceNotFound) {
			return nil // deleted in the meantime
		}
		if err == nil && r.Type() == plumbing.HashReference {
			if r.Hash().IsZero() { // go-git parses invalid text as zero
				return fail(Unusable, "git fsck in the repository shows what is broken", "the branch %s of the repository is broken: %s%s names no commit", name, heads, name)
			}
			branches[name] = r.Hash()
		}
		return err
	}
	packed, err := os.ReadFile(filepath.Join(dir, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(packed)) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), " "+heads); ok {
			if err := add(name); err != nil {
				return nil, err
			}
		}
	}
	root := filepath.Join(dir, heads)
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && (e.IsDir() || strings.HasSuffix(path, ".lock")) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return add(filepath.ToSlash(rel))
	})
	return branches, err
}

// moved reports whether a branch is no longer at the start of its move, without starting a process.
func (r *remote) moved(moves []move) bool {
	v, err := r.open()
	if err != nil {
		return false
	}
	defer v.close()
	return slices.ContainsFunc(moves, func(m move) bool { return v.branches[m.branch] != m.old })
}

// Init creates a bare repository at path, unless there is one. It has an empty first commit on main, which a first
// proposal can be compared with. The folder is created atomically.
func Init(path string, now time.Time) error {
	if _, err := os.Stat(filepath.Join(path, "HEAD")); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(filepath.Dir(path), ".meshc-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft)
	main := plumbing.NewBranchReferenceName("main")
	repository, err := git.PlainInitWithOptions(draft, &git.PlainInitOptions{Bare: true, InitOptions: git.InitOptions{DefaultBranch: main}})
	if err != nil {
		return err
	}
	first, err := emptyCommit(repository.Storer, now)
	if err != nil {
		return err
	}
	if err := repository.Storer.SetReference(plumbing.NewHashReference(main, first)); err != nil {
		return err
	}
	if err := os.Chmod(draft, 0o755); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		if _, late := os.Stat(filepath.Join(path, "HEAD")); late == nil {
			return nil // another run was first
		}
		if _, there := os.Lstat(path); there == nil {
			return fail(Unusable, "move it away, or name a repository", "%s is in the way of a repository", path)
		}
		return err
	}
	return nil
}

func emptyCommit(s storer.EncodedObjectStorer, now time.Time) (plumbing.Hash, error) {
	tree := s.NewEncodedObject()
	if err := (&object.Tree{}).Encode(tree); err != nil {
		return plumbing.ZeroHash, err
	}
	root, err := s.SetEncodedObject(tree)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	who := object.Signature{Name: "meshc", Email: "meshc@localhost", When: now}
	o := s.NewEncodedObject()
	c := object.Commit{Author: who, Committer: who, TreeHash: root, Message: "An environment repository\n"}
	if err := c.Encode(o); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("first commit: %w", err)
	}
	return s.SetEncodedObject(o)
}

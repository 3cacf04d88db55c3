package gitops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// A repository on this disk is read in place, object by object, and written by git's own receive-pack: its
// hooks, its settings and its locks hold for meshc too, and a publisher that dies in the middle takes nothing
// with it. go-git's own writing of a reference truncates the file first.

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
	v := &view{references: references{branches: map[string]plumbing.Hash{}}, store: repository.Storer, close: func() {}}
	if s, ok := repository.Storer.(*filesystem.Storage); ok {
		fast := openStore(s.Filesystem().Root())
		v.store, v.close = fast, func() { fast.Close() }
	}
	if head, err := repository.Reference(plumbing.HEAD, false); err == nil && head.Type() == plumbing.SymbolicReference {
		v.head = head.Target().Short()
	}
	all, err := repository.References()
	if err != nil {
		return nil, err
	}
	err = all.ForEach(func(r *plumbing.Reference) error {
		if r.Name().IsBranch() && r.Type() == plumbing.HashReference {
			v.branches[r.Name().Short()] = r.Hash()
		}
		return nil
	})
	return v, err
}

// Init makes a bare repository at path, with a first commit on main that holds nothing, so that a first
// proposal has something to be compared with. A repository that is there already is left as it is. The
// folder appears complete or not at all.
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
		if strings.Contains(err.Error(), "not empty") || errors.Is(err, os.ErrExist) {
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

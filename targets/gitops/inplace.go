package gitops

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// A repository below the project, in files that git can check out, may be part of a change that somebody proposes to
// the project. git would run its hooks and the commands in its configuration, so such a repository is written without
// git.

// isPartOf reports whether git could check out the repository at path as part of the project in dir. It compares
// folders, not names, because a file system may ignore case.
func isPartOf(path, dir string) bool {
	if _, err := os.Lstat(path + "/.git"); err == nil {
		return false // git checks out nothing of that name
	}
	root, err := filepath.Abs(cmp.Or(workTree(dir), dir))
	if err != nil {
		return true
	}
	project, err := os.Stat(root)
	if err != nil {
		return true
	}
	at, err := filepath.Abs(real(path))
	if err != nil {
		return true
	}
	for {
		if info, err := os.Stat(at); err == nil && os.SameFile(info, project) {
			return true
		}
		parent := filepath.Dir(at)
		if isGitDir(filepath.Base(at)) || parent == at {
			return false
		}
		at = parent
	}
}

// workTree returns the folder at or above dir that has a .git, as git finds it; empty if there is none.
func workTree(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// checkSelfContained returns an error if a repository leads to other files, which would be read or written in its
// place.
func checkSelfContained(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if elsewhere := []string{"commondir", "gitdir", "objects/info/alternates"}; e.IsDir() || e.Type().IsRegular() && !slices.Contains(elsewhere, rel) {
			return nil
		}
		return fail(Unusable, "use a repository outside of the project", "a repository in the project must be complete, and this one refers to other files: %s", rel)
	})
}

// writeInPlace moves branches of a repository on this disk as git does: new objects first, and each branch by the
// rename of its lock.
func (r *remote) writeInPlace(moves []move, fresh *objects) error {
	store := openStore(r.endpoint.Path)
	defer store.Close()
	if slices.ContainsFunc(moves, func(m move) bool { return !m.new.IsZero() }) {
		pack, err := fresh.pack()
		if err != nil {
			return err
		}
		if err := packfile.UpdateObjectStorage(store, pack); err != nil {
			return err
		}
	}
	for _, m := range moves {
		if err := r.moveBranch(m, store); err != nil {
			return err
		}
	}
	return nil
}

func (r *remote) moveBranch(m move, store storer.ReferenceStorer) error {
	name := filepath.Join(r.endpoint.Path, "refs", "heads", filepath.FromSlash(m.branch))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	lock := name + ".lock"
	f, err := os.OpenFile(lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &rejection{fmt.Sprintf("unable to create the lock %s: it exists", filepath.ToSlash(lock))}
	}
	if err != nil {
		return err
	}
	defer os.Remove(lock)
	_, err = fmt.Fprintln(f, m.new)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	old := plumbing.ZeroHash
	switch at, err := store.Reference(plumbing.NewBranchReferenceName(m.branch)); {
	case err == nil:
		old = at.Hash()
	case !errors.Is(err, plumbing.ErrReferenceNotFound):
		return err
	}
	switch {
	case old != m.old:
		return errRaced
	case !m.new.IsZero():
		return os.Rename(lock, name)
	}
	if err := r.unpackBranch(m.branch); err != nil {
		return err
	}
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unpackBranch removes a branch from packed-refs.
func (r *remote) unpackBranch(branch string) error {
	name := filepath.Join(r.endpoint.Path, "packed-refs")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if _, packed, _ := strings.Cut(strings.TrimSpace(line), " "); packed != plumbing.NewBranchReferenceName(branch).String() {
			kept.WriteString(line)
		}
	}
	if kept.Len() == len(text) {
		return nil
	}
	f, err := os.OpenFile(name+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(kept.String())
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

package gitops

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/meshc/meshc/targets"
)

// level is one folder on the way to PATH.
type level struct {
	name    string
	tree    plumbing.Hash // zero where it is not there yet
	entries []object.TreeEntry
}

// descend reads the folders from the root to PATH. Links are never followed: what they lead to is not in the tree.
func (p *publisher) descend(v *view, root plumbing.Hash) ([]level, error) {
	entries, err := entriesOf(v.store, root)
	if err != nil {
		return nil, err
	}
	chain := []level{{"", root, entries}}
	if p.path == "" {
		return chain, nil
	}
	names := strings.Split(p.path, "/")
	for i, name := range names {
		next := level{name: name}
		for _, e := range entries {
			if e.Name != name {
				continue
			}
			if e.Mode != filemode.Dir {
				return nil, fail(Unusable, "publish into another folder, or move it away", "%s of %s is %s, where a folder is needed", strings.Join(names[:i+1], "/"), p.name, kindOf(e.Mode))
			}
			next.tree = e.Hash
		}
		if next.entries, err = entriesOf(v.store, next.tree); err != nil {
			return nil, err
		}
		entries = next.entries
		chain = append(chain, next)
	}
	return chain, nil
}

// readLock finds out which files in the folder are meshc's. One that cannot be read stops everything: without
// it nothing tells meshc's files from others.
func (p *publisher) readLock(v *view, at level, work *plan) error {
	for _, e := range at.entries {
		if e.Name != targets.LockName {
			continue
		}
		name := strings.TrimPrefix(p.path+"/"+targets.LockName, "/")
		if e.Mode == filemode.Dir || e.Mode == filemode.Submodule || e.Mode == filemode.Symlink {
			return fail(BadLock, "move it away", "%s is %s", name, kindOf(e.Mode))
		}
		work.locked = true
		mine, brings := p.want.files[targets.LockName]
		if brings && mine.hash == e.Hash {
			work.lock = p.wanted
			return nil
		}
		data, err := readBlob(v.store, e.Hash)
		if err != nil {
			return err
		}
		lock, err := targets.ParseLock(data)
		switch {
		case err != nil && errors.Is(err, targets.ErrNewerLock):
			return fail(NewerLock, "use the meshc that wrote it, or a later one", "%s cannot be read: %v", name, err)
		case err != nil && p.o.Overwrite:
			work.locked, work.adopt = false, true
			return nil
		case err != nil:
			return fail(BadLock, "or rewrite it with --overwrite, which takes over every file that meshc would write", "%s cannot be read: %v", name, err)
		case brings && lock.Environment != p.wanted.Environment && !p.o.Overwrite:
			return fail(BadLock, "give each environment a folder of its own, or take this one over with --overwrite",
				"%s holds the environment %s", firstOf(p.path, "the repository"), firstOf(lock.Environment, "default"))
		}
		work.lock = lock
	}
	return nil
}

// published reads the files that the lock names.
func (p *publisher) published() ([]targets.File, error) {
	p.o.Direct = true // the review branch is of no interest
	v, err := p.look()
	if err != nil {
		return nil, err
	}
	defer v.close()
	base, err := p.base(v)
	if err != nil {
		return nil, err
	}
	root, err := treeOf(v, v.branches[base])
	if err != nil {
		return nil, err
	}
	chain, err := p.descend(v, root)
	if err != nil {
		return nil, err
	}
	at := chain[len(chain)-1]
	work := &plan{store: v.store}
	if err := p.readLock(v, at, work); err != nil {
		return nil, err
	}
	if !work.locked { // as for a publish, which takes files that are as it would write them for its own
		work.lock = p.wanted
	}
	return work.collect("", at.tree, nil)
}

// collect reads the files of a folder that are meshc's.
func (p *plan) collect(prefix string, tree plumbing.Hash, into []targets.File) ([]targets.File, error) {
	entries, err := entriesOf(p.store, tree)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := prefix + e.Name
		switch _, owned := p.owns(path); {
		case e.Mode == filemode.Dir && p.ownsBelow(path):
			if into, err = p.collect(path+"/", e.Hash, into); err != nil {
				return nil, err
			}
		case owned && e.Mode.IsFile() && e.Mode != filemode.Symlink:
			data, err := readBlob(p.store, e.Hash)
			if err != nil {
				return nil, err
			}
			into = append(into, targets.File{Path: path, Data: data})
		}
	}
	slices.SortFunc(into, func(a, b targets.File) int { return strings.Compare(a.Path, b.Path) })
	return into, nil
}

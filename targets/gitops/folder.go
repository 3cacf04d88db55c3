package gitops

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/meshc/meshc/targets"
)

// level is a folder on the path to Options.Path.
type level struct {
	name    string
	tree    plumbing.Hash // zero if it does not exist
	entries []object.TreeEntry
}

// descend reads the folders from the root to Options.Path. It does not follow links.
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

// readLock reads which files in the folder meshc wrote. It is an error if the lock cannot be read, because files of
// meshc could then not be distinguished from others.
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
				"%s holds %s", cmp.Or(p.path, "the repository"), held(lock.Environment))
		}
		work.lock = lock
	}
	return nil
}

// held is what a lock says is in its folder.
func held(environment string) string {
	if environment == "" {
		return "a project without environments"
	}
	return "the environment " + environment
}

// readPublished reads the lock and the files that it lists.
func (p *publisher) readPublished() ([]targets.File, error) {
	p.o.Direct = true // do not read the review branch
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
	if !work.locked { // like a publish, which takes over files that already have the wanted content
		work.lock = p.wanted
	}
	there, err := readFiles(v.store, "", at.tree, work.ownsBelow, func(path string) bool { _, owned := work.owns(path); return owned })
	slices.SortFunc(there, func(a, b targets.File) int { return strings.Compare(a.Path, b.Path) })
	return there, err
}

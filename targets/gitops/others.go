package gitops

import (
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/meshc/meshc/targets"
)

// Others is how a publish edits files of others, which it keeps otherwise. All paths are those in the repository.
type Others struct {
	Folders []string // whose files are edited; empty: Options.Path
	// Edit gets the manifests in the folders that meshc does not write, and what lists the folders and those above
	// them. It returns those that change, without Data where a file is to be removed, and the manifests that are no
	// longer in them. It is called again after each lost race. Without all, it is about what the delivery would
	// otherwise state a second time.
	Edit func(files []targets.File, all bool) (edited, gone []targets.File)
	Last bool // change everything else first, and edit them in the next publish
}

// edits is what becomes of files of others.
type edits struct {
	files map[string][]byte // nil: removed
	gone  []targets.File
}

// others reads the files that may be edited.
func (p *publisher) others(v *view, root plumbing.Hash, lock targets.Lock) ([]targets.File, error) {
	folders := p.o.Others.Folders
	if len(folders) == 0 {
		folders = []string{p.path}
	}
	in := func(name string) bool {
		return slices.ContainsFunc(folders, func(f string) bool { _, ok := below(cleanFolder(f), name); return ok })
	}
	leads := func(folder string) bool {
		return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(cleanFolder(f)+"/", folder+"/") })
	}
	enter := func(folder string) bool { return in(folder+"/") || leads(folder) }
	want := func(name string) bool {
		if rel, ok := below(p.path, name); ok {
			if _, owned := lock.Find(rel); owned || p.makes(rel) {
				return false
			}
		}
		lists := strings.EqualFold(strings.TrimSuffix(path.Base(name), path.Ext(name)), "kustomization")
		return lists || in(name) && targets.ManifestName(name)
	}
	return readFiles(v.store, "", root, enter, want)
}

// makes reports whether the delivery has a file.
func (p *publisher) makes(rel string) bool {
	return slices.ContainsFunc(p.files, func(f targets.File) bool { return f.Path == rel })
}

// edit asks for the edits of files of others.
func (p *publisher) edit(files []targets.File, all bool) *edits {
	edited, gone := p.o.Others.Edit(files, all)
	e := &edits{files: map[string][]byte{}, gone: gone}
	for _, f := range edited {
		e.files[f.Path] = f.Data
	}
	return e
}

// drops reports whether a file is removed.
func (e *edits) drops(name string) bool {
	if e == nil {
		return false
	}
	data, edited := e.files[name]
	return edited && data == nil
}

// entries reads a folder that is in the repository or new.
func (p *plan) entries(h plumbing.Hash) ([]object.TreeEntry, error) {
	if p.fresh.store.HasEncodedObject(h) == nil {
		return entriesOf(p.fresh.store, h)
	}
	return entriesOf(p.store, h)
}

// editOthers makes the edits in a folder, and returns its new tree.
func (p *plan) editOthers(prefix string, tree plumbing.Hash) (plumbing.Hash, error) {
	if p.edits == nil || !p.edits.below(prefix) {
		return tree, nil
	}
	old, err := p.entries(tree)
	if err != nil {
		return tree, err
	}
	var entries []object.TreeEntry
	for _, e := range old {
		name := prefix + e.Name
		data, edited := p.edits.files[name]
		switch {
		case e.Mode == filemode.Dir:
			if e.Hash, err = p.editOthers(name+"/", e.Hash); err != nil {
				return tree, err
			}
			edited, data = e.Hash.IsZero(), nil
		case edited && data != nil:
			if e.Hash, err = p.fresh.addBlob(data); err != nil {
				return tree, err
			}
		}
		if !edited || data != nil {
			entries = append(entries, e)
		}
	}
	return p.fresh.addTree(entries)
}

// below reports whether something is edited in a folder.
func (e *edits) below(prefix string) bool {
	for name := range e.files {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// asEdited reports whether a file of others is as this publish leaves it.
func (p *plan) asEdited(name string, is object.TreeEntry) bool {
	if p == nil || p.edits == nil {
		return false
	}
	data, edited := p.edits.files[name]
	if !edited || data == nil {
		return edited && is.Hash.IsZero()
	}
	return is.Hash == plumbing.ComputeHash(plumbing.BlobObject, data)
}

// withOthers computes the new tree of the repository, with the edits of files of others.
func (p *publisher) withOthers(v *view, root plumbing.Hash) (*plan, plumbing.Hash, error) {
	if p.o.Others == nil {
		return p.plan(v, root, nil)
	}
	chain, err := p.descend(v, root)
	if err != nil {
		return nil, root, err
	}
	before := &plan{store: v.store}
	if err := p.readLock(v, chain[len(chain)-1], before); err != nil {
		return nil, root, err
	}
	files, err := p.others(v, root, before.lock)
	if err != nil {
		return nil, root, err
	}
	all := p.edit(files, true)
	now := all
	if p.o.Others.Last {
		now = p.edit(files, false)
	}
	work, tree, err := p.plan(v, root, now)
	if err != nil || work.findings.HasErrors() {
		return work, root, err
	}
	if tree == root {
		work.edits = all
	}
	work.gone, work.later = all.gone, len(all.gone) > len(work.edits.gone)
	if tree, err = work.editOthers("", tree); err == nil && tree.IsZero() {
		tree, err = work.fresh.addEmpty()
	}
	return work, tree, err
}

package gitops

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/textdiff"
)

// plan is the change to a folder of a repository, with the findings that prevent it.
type plan struct {
	store storer.EncodedObjectStorer
	fresh *objects
	path  string // of the folder, for messages

	lock      targets.Lock // in the repository
	locked    bool         // whether there is a lock
	overwrite bool
	adopt     bool // the lock cannot be read, and overwrite is set

	before   map[string][]byte // old content of files that are written or removed
	added    map[string]bool
	written  []string
	removed  []string
	unlisted map[string]bool
	findings diag.List

	edits *edits         // of files of others; nil: none
	gone  []targets.File // what is in these files and goes, now or later
	later bool           // some of it stays until the next publish
}

// apply puts the files of want into a folder with the given tree, next to the files of others, and returns the new
// tree.
func (p *plan) apply(tree plumbing.Hash, want *folder) (plumbing.Hash, error) {
	p.before, p.added, p.unlisted = map[string][]byte{}, map[string]bool{}, map[string]bool{}
	root, err := p.merge("", tree, want)
	if left := slices.Sorted(maps.Keys(p.unlisted)); len(left) > 0 {
		for i := range left {
			left[i] = p.name(left[i])
		}
		code := diag.ForeignFile
		if p.overwrite {
			code = diag.OmittedManifest
		}
		p.findings = append(p.findings, targets.Unlisted(code, left)...)
	}
	slices.Sort(p.written)
	slices.Sort(p.removed)
	return root, err
}

// merge is apply for a folder below. It does not read folders that are already as wanted, or that neither the lock nor
// want mentions.
func (p *plan) merge(prefix string, tree plumbing.Hash, want *folder) (plumbing.Hash, error) {
	if tree == want.hash {
		return tree, nil
	}
	old, err := entriesOf(p.store, tree)
	if err != nil {
		return tree, err
	}
	entries := make([]object.TreeEntry, 0, len(old)+len(want.files))
	seen := make(map[string]bool, len(old))
	for _, e := range old {
		seen[e.Name] = true
		kept, err := p.mergeEntry(prefix+e.Name, e, want)
		if err != nil {
			return tree, err
		}
		if !kept.Hash.IsZero() {
			entries = append(entries, kept)
		}
	}
	if _, makes := want.files[targets.KustomizationName]; makes && !seen[targets.KustomizationName] {
		if err := p.findUnlisted(prefix, old, want); err != nil {
			return tree, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want.files)) {
		if seen[name] {
			continue
		}
		path, file := prefix+name, want.files[name]
		if _, owned := p.lock.Find(path); owned && !p.overwrite {
			p.changed(path, nil, file.data)
		}
		p.added[path] = true
		if err := p.write(path, file); err != nil {
			return tree, err
		}
		entries = append(entries, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: file.hash})
	}
	for _, name := range slices.Sorted(maps.Keys(want.folders)) {
		if seen[name] {
			continue
		}
		below, err := p.merge(prefix+name+"/", plumbing.ZeroHash, want.folders[name])
		if err != nil {
			return tree, err
		}
		entries = append(entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: below})
	}
	return p.fresh.addTree(entries)
}

// findUnlisted finds manifests of others in and below a folder that gets its first kustomization.yaml.
func (p *plan) findUnlisted(prefix string, entries []object.TreeEntry, want *folder) error {
	for _, e := range entries {
		path := prefix + e.Name
		_, owned := p.owns(path)
		_, wanted := want.files[e.Name]
		switch {
		case e.Mode == filemode.Dir:
			inside, err := entriesOf(p.store, e.Hash)
			if err != nil {
				return err
			}
			below := want.folders[e.Name]
			if below == nil {
				below = &folder{}
			}
			if err := p.findUnlisted(path+"/", inside, below); err != nil {
				return err
			}
		case e.Mode.IsFile() && e.Mode != filemode.Symlink && !owned && !wanted && targets.ManifestName(e.Name) && !p.edits.drops(p.name(path)):
			data, err := readHead(p.store, e.Hash, targets.HeadSize)
			if err != nil {
				return err
			}
			if targets.IsManifest(path, data) {
				p.unlisted[path] = true
			}
		}
	}
	return nil
}

// mergeEntry returns the new entry for an existing one, with a zero hash if it is removed.
func (p *plan) mergeEntry(path string, e object.TreeEntry, want *folder) (object.TreeEntry, error) {
	file, wantsFile := want.files[e.Name]
	below, wantsFolder := want.folders[e.Name]
	isFolder, isFile := e.Mode == filemode.Dir, e.Mode.IsFile() // for git, symbolic links are files too
	switch {
	case isFolder && wantsFolder, isFolder && !wantsFile && p.ownsBelow(path):
		if below == nil {
			below = &folder{}
		}
		h, err := p.merge(path+"/", e.Hash, below)
		return object.TreeEntry{Name: e.Name, Mode: filemode.Dir, Hash: h}, err
	case isFile && !wantsFolder:
		if wantsFile && e.Hash == file.hash && e.Mode == filemode.Regular {
			return e, nil
		}
		if _, owned := p.owns(path); !owned && !wantsFile {
			return e, nil
		}
		return p.replace(path, e, file, wantsFile)
	case wantsFile, wantsFolder:
		p.inTheWay(path, e.Mode, wantsFolder)
	}
	return e, nil
}

// replace replaces or removes a file, with a finding if that loses an edit or a file of others.
func (p *plan) replace(path string, e object.TreeEntry, file leaf, keep bool) (object.TreeEntry, error) {
	data, err := readBlob(p.store, e.Hash)
	if err != nil {
		return e, err
	}
	digest, owned := p.owns(path)
	switch {
	case p.overwrite, keep && e.Hash == file.hash && e.Mode != filemode.Symlink:
	case !owned:
		p.foreign(path)
	case path == targets.LockName && p.locked:
	case e.Mode == filemode.Symlink || targets.Digest(data) != digest:
		p.changed(path, data, file.data)
	}
	p.before[path] = data
	if !keep {
		p.removed = append(p.removed, path)
		return object.TreeEntry{}, nil
	}
	return object.TreeEntry{Name: e.Name, Mode: filemode.Regular, Hash: file.hash}, p.write(path, file)
}

func (p *plan) write(path string, file leaf) error {
	p.written = append(p.written, path)
	_, err := p.fresh.addBlob(file.data)
	return err
}

// owns reports whether meshc wrote the file at path, and its digest, which is empty for the lock.
func (p *plan) owns(path string) (string, bool) {
	if path == targets.LockName && p.locked {
		return "", true
	}
	return p.lock.Find(path)
}

func (p *plan) ownsBelow(path string) bool {
	prefix := path + "/"
	i, _ := slices.BinarySearchFunc(p.lock.Files, prefix, func(f targets.LockedFile, s string) int { return cmp.Compare(f.Path, s) })
	return i < len(p.lock.Files) && strings.HasPrefix(p.lock.Files[i].Path, prefix)
}

// change returns the plan in terms of files, the new delivery.
func (p *plan) change(files []targets.File) Change {
	c := Change{Written: p.written, Removed: p.removed, Unlisted: slices.Sorted(maps.Keys(p.unlisted))}
	for _, f := range files {
		if f.Path == targets.LockName {
			continue
		}
		c.New = append(c.New, f)
		if data, replaced := p.before[f.Path]; replaced {
			c.Old = append(c.Old, targets.File{Path: f.Path, Data: data})
		} else if !p.added[f.Path] {
			c.Old = append(c.Old, f)
		}
	}
	if p.edits != nil {
		c.Others = slices.Sorted(maps.Keys(p.edits.files))
	}
	c.Gone, c.Later = p.gone, p.later
	if p.locked {
		c.Lock = []targets.File{{Path: targets.LockName, Data: p.lock.Text()}}
	}
	for _, path := range p.removed {
		c.Old = append(c.Old, targets.File{Path: path, Data: p.before[path]})
	}
	byPath := func(a, b targets.File) int { return cmp.Compare(a.Path, b.Path) }
	slices.SortFunc(c.Old, byPath)
	slices.SortFunc(c.New, byPath)
	return c
}

// More findings than this have a common cause.
const maxFindings = 50

func (p *plan) find(code diag.Code, format string, args ...any) *diag.Diagnostic {
	if len(p.findings) >= maxFindings {
		return &diag.Diagnostic{}
	}
	return p.findings.Add(code, source.Span{}, format, args...)
}

func (p *plan) name(path string) string {
	if p.path == "" {
		return path
	}
	return p.path + "/" + path
}

func (p *plan) foreign(path string) {
	d := p.find(diag.ForeignFile, "%s was not written by meshc", p.name(path))
	if !p.locked && !p.adopt {
		d.WithNote("the folder has no %s, so meshc wrote none of its files", targets.LockName)
	}
	d.WithHelp("move the file away, publish into another folder, or take it over with --overwrite")
}

func (p *plan) inTheWay(path string, mode filemode.FileMode, wantsFolder bool) {
	want := "file"
	if wantsFolder {
		want = "folder"
	}
	p.find(diag.ForeignFile, "%s is %s, where meshc would write a %s", p.name(path), kindOf(mode), want).
		WithHelp("move it away")
}

func (p *plan) changed(path string, now, want []byte) {
	verb := "changed"
	if now == nil {
		verb = "deleted"
	}
	d := p.find(diag.ChangedFile, "%s was %s by hand", p.name(path), verb)
	if text := shorten(textdiff.Unified("in the repository", "as meshc writes it", now, want)); text != "" && now != nil {
		d.WithNote("%s", text)
	}
	d.WithHelp("express the change as intents, and restore the file with --overwrite")
}

// shorten limits a diff to what fits on a screen.
func shorten(diff []byte) string {
	const most = 40
	text := string(diff)
	lines := strings.SplitAfter(text, "\n")
	if len(lines) <= most {
		return strings.TrimSuffix(text, "\n")
	}
	return strings.Join(lines[:most], "") + fmt.Sprintf("… %d more lines", len(lines)-most)
}

func kindOf(mode filemode.FileMode) string {
	switch mode {
	case filemode.Dir:
		return "a folder"
	case filemode.Symlink:
		return "a symbolic link"
	case filemode.Submodule:
		return "a submodule"
	}
	return "a file"
}

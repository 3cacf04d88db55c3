package gitops

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/meshc/meshc/targets"
)

// leaf is a file of the delivery.
type leaf struct {
	data []byte
	hash plumbing.Hash
}

// folder is a folder of the delivery.
type folder struct {
	files   map[string]leaf
	folders map[string]*folder
	hash    plumbing.Hash // of a tree with only these files
}

// newFolder arranges files in folders. It rejects paths that git rejects.
func newFolder(files []targets.File) (*folder, error) {
	root := &folder{}
	for _, f := range files {
		if !fs.ValidPath(f.Path) || f.Path == "." || strings.ContainsRune(f.Path, 0) || slices.ContainsFunc(strings.Split(f.Path, "/"), isGitDir) {
			return nil, fail(Invalid, "", "%q cannot be a path in a repository", f.Path)
		}
		at, rest := root, f.Path
		for {
			name, below, deeper := strings.Cut(rest, "/")
			_, isFile := at.files[name]
			if !deeper {
				if isFile || at.folders[name] != nil {
					return nil, fail(Invalid, "", "there are two files at %q", f.Path)
				}
				if at.files == nil {
					at.files = map[string]leaf{}
				}
				at.files[name] = leaf{f.Data, plumbing.ComputeHash(plumbing.BlobObject, f.Data)}
				break
			}
			if isFile {
				return nil, fail(Invalid, "", "%q is a file and a folder", strings.TrimSuffix(f.Path, "/"+below))
			}
			if at.folders == nil {
				at.folders = map[string]*folder{}
			}
			if at.folders[name] == nil {
				at.folders[name] = &folder{}
			}
			at, rest = at.folders[name], below
		}
	}
	return root, root.seal()
}

// isGitDir reports whether git refuses to check out a file of this name on some platform.
func isGitDir(name string) bool {
	return strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1")
}

func (f *folder) seal() error {
	entries := make([]object.TreeEntry, 0, len(f.files)+len(f.folders))
	for name, file := range f.files {
		entries = append(entries, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: file.hash})
	}
	for name, below := range f.folders {
		if err := below.seal(); err != nil {
			return err
		}
		entries = append(entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: below.hash})
	}
	o, err := encodeTree(entries)
	if err != nil {
		return err
	}
	f.hash = o.Hash()
	return nil
}

func encodeTree(entries []object.TreeEntry) (*plumbing.MemoryObject, error) {
	sort.Sort(object.TreeEntrySorter(entries))
	o := &plumbing.MemoryObject{}
	return o, (&object.Tree{Entries: entries}).Encode(o)
}

// objects holds new objects until they are pushed.
type objects struct{ store *memory.Storage }

func newObjects() *objects { return &objects{memory.NewStorage()} }

func (n *objects) add(o plumbing.EncodedObject) (plumbing.Hash, error) {
	return n.store.SetEncodedObject(o)
}

func (n *objects) addBlob(data []byte) (plumbing.Hash, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.BlobObject)
	if _, err := o.Write(data); err != nil {
		return plumbing.ZeroHash, err
	}
	return n.add(o)
}

// addTree returns the zero hash for an empty folder, which git does not store.
func (n *objects) addTree(entries []object.TreeEntry) (plumbing.Hash, error) {
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	o, err := encodeTree(entries)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return n.add(o)
}

// addEmpty returns the hash of a tree without entries.
func (n *objects) addEmpty() (plumbing.Hash, error) {
	o, err := encodeTree(nil)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return n.add(o)
}

// pack returns the objects as a packfile without deltas.
func (n *objects) pack() (io.Reader, error) {
	hashes := make([]plumbing.Hash, 0, len(n.store.Objects))
	for h := range n.store.Objects {
		hashes = append(hashes, h)
	}
	plumbing.HashesSort(hashes)
	var b bytes.Buffer
	if _, err := packfile.NewEncoder(&b, n.store, false).Encode(hashes, 0); err != nil {
		return nil, err
	}
	return &b, nil
}

// entriesOf reads a folder. The zero hash has no entries.
func entriesOf(s storer.EncodedObjectStorer, h plumbing.Hash) ([]object.TreeEntry, error) {
	if h.IsZero() {
		return nil, nil
	}
	o, err := s.EncodedObject(plumbing.TreeObject, h)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", h, err)
	}
	if o.Size() > maxObjectSize {
		return nil, fail(Unusable, "publish into a folder with fewer files", "the folder with the hash %s is too large: %d bytes", h, o.Size())
	}
	t, err := object.DecodeTree(s, o)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", h, err)
	}
	for _, e := range t.Entries {
		// Joined to a folder, such a name would lead out of it. git neither makes these entries nor checks them out.
		if strings.Contains(e.Name, "/") || e.Name == "." || !filepath.IsLocal(e.Name) || isGitDir(e.Name) {
			return nil, fail(Garbled, "git fsck shows what is wrong with it", "the folder with the hash %s has an entry that no folder can have: %q", h, e.Name)
		}
	}
	return t.Entries, nil
}

func readCommit(s storer.EncodedObjectStorer, h plumbing.Hash) (*object.Commit, error) {
	o, err := s.EncodedObject(plumbing.CommitObject, h)
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", h, err)
	}
	if o.Size() > maxObjectSize {
		return nil, fail(Unusable, "", "the commit %s is too large: %d bytes", h, o.Size())
	}
	return object.DecodeCommit(s, o)
}

// maxObjectSize is more than meshc writes into any file, and more than any commit or folder takes.
const maxObjectSize = 64 << 20

func readBlob(s storer.EncodedObjectStorer, h plumbing.Hash) ([]byte, error) {
	b, err := object.GetBlob(s, h)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", h, err)
	}
	if b.Size > maxObjectSize {
		return nil, fail(Unusable, "move it away", "the file with the hash %s is larger than any manifest: %d bytes", h, b.Size)
	}
	return readHead(s, h, b.Size)
}

// readHead reads up to n bytes of a file.
func readHead(s storer.EncodedObjectStorer, h plumbing.Hash, n int64) ([]byte, error) {
	b, err := object.GetBlob(s, h)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", h, err)
	}
	r, err := b.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, min(n, b.Size))
	_, err = io.ReadFull(r, data)
	return data, err
}

// readFiles reads the files below a folder, in the order of the tree: those that want picks by path, in the folders
// that enter picks. It skips links and submodules.
func readFiles(s storer.EncodedObjectStorer, prefix string, tree plumbing.Hash, enter, want func(path string) bool) ([]targets.File, error) {
	entries, err := entriesOf(s, tree)
	if err != nil {
		return nil, err
	}
	var files []targets.File
	for _, e := range entries {
		path := prefix + e.Name
		switch {
		case e.Mode == filemode.Dir && enter(path):
			below, err := readFiles(s, path+"/", e.Hash, enter, want)
			if err != nil {
				return nil, err
			}
			files = append(files, below...)
		case e.Mode.IsFile() && e.Mode != filemode.Symlink && want(path):
			data, err := readBlob(s, e.Hash)
			if err != nil {
				return nil, err
			}
			files = append(files, targets.File{Path: path, Data: data})
		}
	}
	return files, nil
}

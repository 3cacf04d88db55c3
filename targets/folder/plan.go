package folder

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/meshc/meshc/targets"
)

// work is the plan of a Replace.
type work struct {
	*destination
	Changes
	files  []targets.File // the new content, sorted by path
	same   []bool         // for each of files, whether the folder already has it
	exists bool           // whether the folder exists
	listing

	obstacles    *Refusal     // anything but a file where a file or folder should be
	foreignFiles []Difference // files that meshc would replace and did not write
	changedFiles []Difference // files of meshc that were changed by hand
}

// plan compares the folder with files.
func (p *destination) plan(files []targets.File) (*work, error) {
	w := &work{destination: p, files: slices.Clone(files), obstacles: &Refusal{}}
	slices.SortFunc(w.files, func(a, b targets.File) int { return cmp.Compare(a.Path, b.Path) })
	if err := checkPaths(w.files); err != nil {
		return nil, err
	}
	w.same = make([]bool, len(w.files))
	if _, err := os.Lstat(p.dir); errors.Is(err, fs.ErrNotExist) {
		for _, f := range w.files {
			w.write(f, nil)
		}
		return w, nil
	}
	w.exists = true
	lock, err := p.readLock()
	if err != nil {
		return nil, err
	}
	if err := w.list(lock); err != nil {
		return nil, err
	}
	return w, w.compareFiles(lock)
}

// checkPaths returns an error unless files, which are sorted, have distinct clean paths and include the lock.
func checkPaths(files []targets.File) error {
	locked := false
	seen := make(map[string]string, len(files))
	for _, f := range files {
		if !local(f.Path) || strings.HasPrefix(f.Path, workPrefix) {
			return fmt.Errorf("%q is not a valid name for a file that meshc writes", f.Path)
		}
		// Names that differ only in case are equal on macOS and Windows.
		folded := strings.ToLower(f.Path)
		if other, ok := seen[folded]; ok {
			return fmt.Errorf("%s and %s are the same file on a file system that ignores case", other, f.Path)
		}
		seen[folded] = f.Path
		if other, ok := seen[path.Dir(folded)]; ok {
			return fmt.Errorf("%s cannot be both a file and a folder", other)
		}
		locked = locked || f.Path == targets.LockName
	}
	if !locked {
		return fmt.Errorf("the files to write do not include %s, by which meshc recognizes them later", targets.LockName)
	}
	return nil
}

// local reports whether a path is clean and stays in its folder on this system (no `..`, drive or device).
func local(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\\\x00") &&
		filepath.IsLocal(filepath.FromSlash(name))
}

// readLock reads the lock of the folder. It is empty if there is none.
func (p *destination) readLock() (targets.Lock, error) {
	name := p.join(targets.LockName)
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return targets.Lock{}, nil // list reports anything else as an obstacle
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return targets.Lock{}, err
	}
	lock, err := targets.ParseLock(text)
	if err != nil {
		return targets.Lock{}, p.lockError(err)
	}
	for _, f := range lock.Files {
		if !local(f.Path) {
			return targets.Lock{}, p.lockError(fmt.Errorf("it names %q", f.Path))
		}
	}
	return lock, nil
}

// listing is what a folder holds of the files in the delivery and in the old lock.
type listing struct {
	ancestors map[string]bool // the folders above these files; true for those above files of the delivery
	folders   map[string]bool // the ancestors that exist
	found     map[string]bool // the files that exist
	foreign   bool            // whether there is anything else
}

// list walks the folder, but only where a file of the delivery or the old lock may be.
func (w *work) list(lock targets.Lock) error {
	w.listing = listing{ancestors: map[string]bool{}, folders: map[string]bool{}, found: map[string]bool{}}
	for _, f := range w.files {
		w.addAncestors(f.Path, true)
	}
	for _, f := range lock.Files {
		w.addAncestors(f.Path, false)
	}
	return w.walk(".", lock)
}

func (w *work) addAncestors(name string, wanted bool) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if known, ok := w.ancestors[dir]; ok && (known || !wanted) {
			return
		}
		w.ancestors[dir] = wanted
	}
}

func (w *work) walk(folder string, lock targets.Lock) error {
	entries, err := os.ReadDir(w.join(folder))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		if name == journalName || name == innerLock {
			continue
		}
		toWanted, ancestors := w.ancestors[name]
		_, owned := lock.Find(name)
		wanted := w.wants(name)
		kind := e.Type()
		switch {
		case kind.IsDir() && ancestors:
			w.folders[name] = true
			if err := w.walk(name, lock); err != nil {
				return err
			}
		case kind.IsRegular() && (owned || wanted):
			w.found[name] = true
		case toWanted:
			w.obstacles.obstacle(w.destination, name, describe(kind), "a folder")
		case wanted:
			w.obstacles.obstacle(w.destination, name, describe(kind), "a file")
		default:
			w.foreign = true
		}
	}
	return nil
}

func (w *work) wants(name string) bool {
	_, ok := slices.BinarySearchFunc(w.files, name, func(f targets.File, name string) int { return cmp.Compare(f.Path, name) })
	return ok
}

func describe(kind fs.FileMode) string {
	switch {
	case kind.IsDir():
		return "a folder"
	case kind&fs.ModeSymlink != 0:
		return "a symbolic link"
	case kind.IsRegular():
		return "a file"
	}
	return "something that is neither a file nor a folder"
}

// compareFiles reads the files that exist and finds the changes, and those of them that would lose an edit.
func (w *work) compareFiles(lock targets.Lock) error {
	before := make([][]byte, len(w.files))
	err := parallel(len(w.files), func(i int) error {
		f := w.files[i]
		there, err := w.holds(f.Path)
		if err != nil || !there {
			return err
		}
		old, err := readFile(w.join(f.Path), len(f.Data))
		if err != nil {
			return err
		}
		if w.same[i] = bytes.Equal(old, f.Data); !w.same[i] {
			before[i] = old
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, f := range w.files {
		if w.same[i] {
			continue
		}
		w.write(f, before[i])
		if before[i] == nil || f.Path == targets.LockName {
			continue
		}
		d := Difference{f.Path, before[i], f.Data}
		if digest, owned := lock.Find(f.Path); !owned {
			w.foreignFiles = append(w.foreignFiles, d)
		} else if digest != targets.Digest(before[i]) {
			w.changedFiles = append(w.changedFiles, d)
		}
	}
	for _, f := range lock.Files {
		if !w.found[f.Path] || w.wants(f.Path) {
			continue
		}
		old, err := readFile(w.join(f.Path), 1<<10)
		if err != nil {
			return err
		}
		w.Removed = append(w.Removed, f.Path)
		d := Difference{Path: f.Path, Before: old}
		w.Differences = append(w.Differences, d)
		if f.Digest != targets.Digest(old) {
			w.changedFiles = append(w.changedFiles, d)
		}
	}
	slices.SortFunc(w.Differences, func(a, b Difference) int { return cmp.Compare(a.Path, b.Path) })
	return nil
}

// holds reports whether a file of the delivery exists. On a file system that ignores case, the listing may have it
// under a name that differs in case, and then counts it as foreign.
func (w *work) holds(name string) (bool, error) {
	if w.found[name] || !w.foreign {
		return w.found[name], nil
	}
	info, err := os.Lstat(w.join(name))
	return err == nil && info.Mode().IsRegular(), nil
}

func (w *work) write(f targets.File, before []byte) {
	w.Written = append(w.Written, f.Path)
	after := f.Data
	if after == nil {
		after = []byte{}
	}
	w.Differences = append(w.Differences, Difference{f.Path, before, after})
}

// parallel calls do for 0 to n-1, in runs of neighbors, which are mostly in one folder. It stops at an error and
// returns the one with the lowest number.
func parallel(n int, do func(i int) error) error {
	const run = 64
	var next, failed atomic.Int64
	failed.Store(int64(n))
	errs := make([]error, n)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+run-1)/run) {
		wait.Go(func() {
			for failed.Load() == int64(n) {
				start := int(next.Add(run)) - run
				for i := start; i < min(start+run, n); i++ {
					if errs[i] = do(i); errs[i] != nil {
						failed.Store(int64(i))
						return
					}
				}
				if start >= n {
					return
				}
			}
		})
	}
	wait.Wait()
	return cmp.Or(errs...)
}

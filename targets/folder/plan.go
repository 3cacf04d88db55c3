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

// work is what has to be done to bring a folder to its new content.
type work struct {
	*place
	Changes
	files  []targets.File // all that the folder is to hold, sorted by path
	same   []bool         // by files: the folder holds these bytes already
	exists bool           // the folder does
	listing

	obstacles    *Refusal     // what is no file; in the way of everything
	foreignFiles []Difference // files of others in the place of wanted ones
	changedFiles []Difference // files of meshc's that were changed by hand
}

// plan compares the folder with files.
func (p *place) plan(files []targets.File) (*work, error) {
	w := &work{place: p, files: slices.Clone(files), obstacles: &Refusal{}}
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
	return w, w.judge(lock)
}

// checkPaths wants sorted files with clean paths, among them the lock.
func checkPaths(files []targets.File) error {
	locked := false
	seen := make(map[string]string, len(files))
	for _, f := range files {
		if !local(f.Path) || strings.HasPrefix(f.Path, workPrefix) {
			return fmt.Errorf("%q is no name for a file that meshc writes", f.Path)
		}
		// macOS and Windows take names that differ in case for the same.
		folded := strings.ToLower(f.Path)
		if other, ok := seen[folded]; ok {
			return fmt.Errorf("%s and %s would be one file where case does not count", other, f.Path)
		}
		seen[folded] = f.Path
		if other, ok := seen[path.Dir(folded)]; ok {
			return fmt.Errorf("%s cannot be both a file and a folder", other)
		}
		locked = locked || f.Path == targets.LockName
	}
	if !locked {
		return fmt.Errorf("no %s among the files to be written: nobody could tell later that they are meshc's", targets.LockName)
	}
	return nil
}

// local tells whether a path is clean and stays in its folder on this system (no `..`, drive or device).
func local(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\\\x00") &&
		filepath.IsLocal(filepath.FromSlash(name))
}

// readLock reads the lock of the folder; one without is empty.
func (p *place) readLock() (targets.Lock, error) {
	name := p.join(targets.LockName)
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return targets.Lock{}, nil // list finds out what else it is
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

// listing is what a folder holds.
type listing struct {
	leads   map[string]bool // folders above wanted files and those of the lock; true for the wanted
	folders map[string]bool // those of leads that are there
	found   map[string]bool // wanted files and those of the lock that are there
	foreign bool            // there is something else
}

// list walks the folders that lead to wanted files and to those of the lock. It does not look into others.
func (w *work) list(lock targets.Lock) error {
	w.listing = listing{leads: map[string]bool{}, folders: map[string]bool{}, found: map[string]bool{}}
	for _, f := range w.files {
		w.lead(f.Path, true)
	}
	for _, f := range lock.Files {
		w.lead(f.Path, false)
	}
	return w.walk(".", lock)
}

func (w *work) lead(name string, wanted bool) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if known, ok := w.leads[dir]; ok && (known || !wanted) {
			return
		}
		w.leads[dir] = wanted
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
		toWanted, leads := w.leads[name]
		_, owned := lock.Find(name)
		wanted := w.wants(name)
		kind := e.Type()
		switch {
		case kind.IsDir() && leads:
			w.folders[name] = true
			if err := w.walk(name, lock); err != nil {
				return err
			}
		case kind.IsRegular() && (owned || wanted):
			w.found[name] = true
		case toWanted:
			w.obstacles.obstacle(w.place, name, describe(kind), "a folder")
		case wanted:
			w.obstacles.obstacle(w.place, name, describe(kind), "a file")
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
	return "something that is neither file nor folder"
}

// judge reads what is there and sorts it into changes and refusals.
func (w *work) judge(lock targets.Lock) error {
	before := make([][]byte, len(w.files))
	err := parallel(len(w.files), func(i int) error {
		f := w.files[i]
		there, err := w.isThere(f.Path)
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

// isThere tells whether a wanted file is in the folder. The listing knows, but not of names that differ in
// case on a file system that takes them for the same; such a name makes the folder one with foreign files.
func (w *work) isThere(name string) (bool, error) {
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

// parallel calls do for 0 to n-1 in runs of neighbours, which mostly lie in one folder, and gives the first
// error by number.
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

// Package folder writes a delivery into a folder. It never overwrites or removes a file that meshc did not write, and
// it never leaves a folder half written.
//
// It knows files and the lock that lists those that meshc wrote. It does not know what they contain.
//
// Replace is atomic, even if the process is killed:
//
//   - A folder that does not exist is built next to its destination and renamed.
//   - A folder that holds only files of meshc is built again next to the old one, with hard links for unchanged files,
//     and the two are swapped by one system call (Linux, macOS).
//   - In any other case (files of others, the current directory, a mount point, a file system or operating system
//     without that call) the new files and a journal are written into the folder, and one rename commits them. After
//     the commit, the next Replace or Compare finishes what a killed process did not.
//
// This covers killed processes, not power failures: files are not synced one by one, which would take many times as
// long as everything else. The next build compares bytes and repairs what a power failure left.
//
// During a write, .NAME.meshc-lock and .NAME.meshc-new exist next to the folder, or .meshc-journal and .meshc-lock in
// it. The next run removes what a killed one left of them.
package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/meshc/meshc/targets"
)

// Changes is the difference between a folder and the files it should hold. Paths are slash-separated, relative to the
// folder, and sorted.
type Changes struct {
	Written     []string // new files, and files with new content
	Removed     []string // files that meshc wrote earlier and that are no longer part of the delivery
	Differences []Difference
}

// None reports whether there are no changes.
func (c Changes) None() bool { return len(c.Written)+len(c.Removed) == 0 }

// Difference is the old and the new content of a file of Written or Removed.
type Difference struct {
	Path   string
	Before []byte // nil if the file does not exist
	After  []byte // nil if the file is removed
}

// Options configures Replace.
type Options struct {
	Overwrite bool // replace files of meshc even if they were changed by hand or belong to another environment
}

// Compare returns what Replace would change in dir. It changes nothing itself, but it finishes or removes what a killed
// Replace left. Files that were changed by hand or that meshc did not write are differences like any other. The error
// is a *Refusal if something other than a file is in the way; any other error names the path.
func Compare(dir string, files []targets.File) (Changes, error) {
	p, err := locate(dir)
	if err != nil {
		return Changes{}, err
	}
	if !p.interrupted() {
		c, err := p.compare(files)
		if !p.interrupted() {
			return c, err
		}
		// Another run began to write, so what was read may be a mixture of old and new.
	}
	release, err := p.acquire()
	if err != nil {
		if errors.Is(err, errBusy) || p.committed() {
			return Changes{}, err
		}
		return p.compare(files) // without write permission nothing can be finished or removed
	}
	defer release()
	if err := p.recover(Options{}); err != nil {
		return Changes{}, err
	}
	return p.compare(files)
}

func (p *destination) compare(files []targets.File) (Changes, error) {
	w, err := p.plan(files)
	if err != nil {
		return Changes{}, err
	}
	return w.Changes, w.obstacles.orNil()
}

// Replace makes dir hold files, which must include the lock made by targets.Layout. It writes files that are new or
// have changed, removes files that only the old lock lists, and removes folders that become empty. All other files keep
// their content and modification time. On error, nothing has changed. dir may be a symbolic link to a folder, but no
// path below it may lead through one. Concurrent calls for one folder run one after the other.
//
// The error is a *Refusal if a file that meshc did not write, or one changed by hand, would be lost. Any other error
// names the path and wraps the error of the system.
func Replace(dir string, files []targets.File, o Options) (Changes, error) {
	p, err := locate(dir)
	if err != nil {
		return Changes{}, err
	}
	release, err := p.acquire()
	if err != nil {
		// Without write permission, Replace still succeeds if there is nothing to write.
		if !errors.Is(err, errBusy) {
			if c, compareErr := Compare(dir, files); compareErr == nil && c.None() {
				return c, nil
			}
		}
		return Changes{}, err
	}
	defer release()
	if err := p.recover(o); err != nil {
		return Changes{}, err
	}
	w, err := p.plan(files)
	if err != nil {
		return Changes{}, err
	}
	if err := w.refusal(o); err != nil {
		return Changes{}, err
	}
	if w.None() {
		return w.Changes, nil
	}
	if err := w.apply(); err != nil {
		return Changes{}, err
	}
	return w.Changes, nil
}

func (w *work) apply() error {
	switch {
	case !w.exists:
		return w.create()
	case w.canSwap():
		if err := w.swap(); !errors.Is(err, errNoSwap) {
			return err
		}
	}
	return w.journaled()
}

// Names in use while a folder is written. No file of a delivery may begin with workPrefix.
const (
	workPrefix  = ".meshc-"
	journalName = workPrefix + "journal"
	innerLock   = workPrefix + "lock"
)

// destination is a folder, which need not exist, and the paths of the working files.
type destination struct {
	name    string        // as given by the caller, for findings
	dir     string        // absolute, and not a symbolic link itself
	lock    string        // the lock file that a writer holds
	staging string        // the new folder while it is built; after a swap, the old one
	beside  bool          // lock and staging are next to dir
	timeout time.Duration // for acquiring the lock
}

func locate(dir string) (*destination, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(absolute)
	if err == nil && info.Mode().Type() == fs.ModeSymlink {
		if absolute, err = filepath.EvalSymlinks(absolute); err != nil {
			return nil, err
		}
		info, err = os.Stat(absolute)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, &fs.PathError{Op: "write into", Path: dir, Err: errors.New("is a file, not a folder")}
	}
	p := &destination{name: filepath.ToSlash(filepath.Clean(dir)), dir: absolute, timeout: lockTimeout}
	if parent := filepath.Dir(absolute); parent != absolute {
		base := "." + filepath.Base(absolute)
		p.lock = filepath.Join(parent, base+workPrefix+"lock")
		p.staging = filepath.Join(parent, base+workPrefix+"new")
		p.beside = true
	} else {
		p.useInside()
	}
	return p, nil
}

// useInside moves the working files into the folder.
func (p *destination) useInside() {
	p.lock, p.staging, p.beside = p.join(innerLock), "", false
}

// interrupted reports whether another run is writing or was killed.
func (p *destination) interrupted() bool {
	for _, path := range []string{p.lock, p.staging, p.join(innerLock), p.join(journalName)} {
		if path == "" {
			continue
		}
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// recover restores the old content of the folder of a killed run, or completes the new one if it was committed, and
// removes the working files. The caller holds the lock.
func (p *destination) recover(o Options) error {
	if p.staging != "" {
		if err := os.RemoveAll(p.staging); err != nil {
			return err
		}
	}
	return p.recoverJournal(o)
}

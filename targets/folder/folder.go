// Package folder writes a delivery into a folder so that nothing is lost and nothing is left half done.
//
// It knows files, and the lock that names those which meshc wrote. It does not know what is in them, and
// it touches nothing that the lock does not name.
//
// Replace is all or nothing, also where the process is killed at any instant:
//
//   - A folder that is not there yet is built beside its place and renamed into it.
//   - A folder that holds nothing but meshc's files is built anew beside the old one, unchanged files as
//     hard links, and the two change places in one system call (Linux, macOS).
//   - In every other folder (one with files of others, the current directory, a mount point, a file system
//     or a Windows without that call) the new files and a journal are written first, and one rename
//     commits them. From then on the new content is what the folder is to hold: a killed run is finished by
//     the next Replace or Compare, before it does anything else.
//
// This is about killed processes. Files are not synced to the disk one by one, since that would cost many
// times the rest: what a power cut leaves is for the file system to say, and the next build sees it by
// comparing bytes.
//
// While a folder is written, .NAME.meshc-lock and .NAME.meshc-new lie beside it, or .meshc-journal and
// .meshc-lock in it. What a killed run leaves of them is cleared by the next one.
package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/meshc/meshc/targets"
)

// Changes is how a folder differs from the files that it is to hold. Paths are slash-separated, relative
// to the folder, and sorted.
type Changes struct {
	Written     []string // new, or with other bytes
	Removed     []string // written by meshc before, and no longer wanted
	Differences []Difference
}

// None tells that the folder holds what it is to hold.
func (c Changes) None() bool { return len(c.Written)+len(c.Removed) == 0 }

// Difference is the bytes of one file of Written or Removed.
type Difference struct {
	Path   string
	Before []byte // nil where there was no such file
	After  []byte // nil where there is to be none
}

// Options is what a user may ask for.
type Options struct {
	Overwrite bool // also replace files of meshc's that were changed by hand, or built for another environment
}

// Compare tells what Replace would change in dir, and writes nothing, save that it finishes or clears away
// what a killed Replace left. A file changed by hand, or not written by meshc, is a difference like any other.
// The error is a *Refusal where something stands in the way that is no file, and names the path otherwise.
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
		// Somebody began to write meanwhile, and what was read may be half of this and half of that.
	}
	release, err := p.acquire()
	if err != nil {
		if errors.Is(err, errBusy) || p.committed() {
			return Changes{}, err
		}
		return p.compare(files) // nothing can be written here, hence nothing finished or cleared away
	}
	defer release()
	if err := p.recover(Options{}); err != nil {
		return Changes{}, err
	}
	return p.compare(files)
}

func (p *place) compare(files []targets.File) (Changes, error) {
	w, err := p.plan(files)
	if err != nil {
		return Changes{}, err
	}
	return w.Changes, w.obstacles.orNil()
}

// Replace makes dir hold files, which must include the lock that targets.Layout makes. It writes the files that
// are new or differ, removes those of the lock in dir that are no longer wanted and the folders that become
// empty by it, and leaves every other file alone, with its modification time. Either all of that happens, or,
// with an error, nothing. dir may be a symbolic link to a folder; nothing in it that is written may lie behind
// one. A second Replace of the same folder waits for the first.
//
// The error is a *Refusal where a file of somebody else, or one changed by hand, would be lost; otherwise it
// names the path and wraps that of the system.
func Replace(dir string, files []targets.File, o Options) (Changes, error) {
	p, err := locate(dir)
	if err != nil {
		return Changes{}, err
	}
	release, err := p.acquire()
	if err != nil {
		// Nothing can be written here, which is no trouble where nothing has to be.
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

// The names of what lies in or beside a folder while it is written. No wanted file may have one of them.
const (
	workPrefix  = ".meshc-"
	journalName = workPrefix + "journal"
	innerLock   = workPrefix + "lock"
)

// place is a folder, which need not exist, and where the work on it is done.
type place struct {
	name    string // as the caller gave it, for findings
	dir     string // absolute; not a symbolic link itself
	lock    string // whoever holds it may write
	staging string // the folder built anew; after a swap, the old one
	beside  bool   // lock and staging lie beside dir, where they can be written
}

func locate(dir string) (*place, error) {
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
	p := &place{name: filepath.ToSlash(filepath.Clean(dir)), dir: absolute}
	if parent := filepath.Dir(absolute); parent != absolute {
		base := "." + filepath.Base(absolute)
		p.lock = filepath.Join(parent, base+workPrefix+"lock")
		p.staging = filepath.Join(parent, base+workPrefix+"new")
		p.beside = true
	} else {
		p.inside()
	}
	return p, nil
}

// inside gives up the neighbourhood of the folder: all work is done in it.
func (p *place) inside() {
	p.lock, p.staging, p.beside = p.join(innerLock), "", false
}

// interrupted tells whether another run is at work or was killed.
func (p *place) interrupted() bool {
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

// recover brings the folder of a killed run to its old or its new content, and clears away the rest. The
// caller holds the lock.
func (p *place) recover(o Options) error {
	if p.staging != "" {
		if err := os.RemoveAll(p.staging); err != nil {
			return err
		}
	}
	return p.recoverJournal(o)
}

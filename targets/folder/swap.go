package folder

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// errNoSwap reports that the folder cannot be swapped and needs the journal.
var errNoSwap = errors.New("the folder cannot be swapped")

// create builds a folder that does not exist, and renames it.
func (w *work) create() error {
	if err := os.Mkdir(w.staging, 0o777); err != nil {
		return err
	}
	err := w.build()
	if err == nil {
		if err = os.Rename(w.staging, w.dir); err != nil {
			err = &fs.PathError{Op: "create", Path: w.dir, Err: reason(err)}
		}
	}
	return w.orDiscard(err)
}

// canSwap reports whether the folder may be replaced as a whole: it must hold only files of meshc, and must not contain
// the current directory.
func (w *work) canSwap() bool {
	return canExchange && w.beside && !w.foreign && !w.isCurrent()
}

// isCurrent reports whether the folder is or contains the current directory, which is also that of the shell that
// started this process.
func (w *work) isCurrent() bool {
	current, err := os.Getwd()
	if err != nil {
		return true
	}
	if current, err = filepath.EvalSymlinks(current); err != nil {
		return true
	}
	ours, err := os.Stat(w.dir)
	if err != nil {
		return true
	}
	for {
		if info, err := os.Stat(current); err != nil || os.SameFile(info, ours) {
			return true
		}
		parent := filepath.Dir(current)
		if parent == current {
			return false
		}
		current = parent
	}
}

// swap builds the new content next to the folder and swaps the two.
func (w *work) swap() error {
	old, err := os.Stat(w.dir)
	if err != nil {
		return err
	}
	if err := os.Mkdir(w.staging, 0o777); err != nil {
		return err
	}
	err = copyMode(w.staging, old)
	if err == nil {
		err = w.build()
	}
	if err == nil {
		err = w.stillUnshared()
	}
	if err == nil {
		if err = exchange(w.staging, w.dir); err != nil {
			err = errNoSwap // unsupported, a mount point, or no permission; the journal reports what matters
		}
	}
	if err != nil {
		return w.orDiscard(err)
	}
	// Done. If the old content cannot be removed, the next run reports it.
	os.RemoveAll(w.staging)
	return nil
}

// stillUnshared checks, just before the swap, that no file has been added to the folder.
func (w *work) stillUnshared() error {
	again := &work{destination: w.destination, files: w.files, obstacles: &Refusal{}}
	lock, err := w.readLock()
	if err == nil {
		err = again.list(lock)
	}
	if err != nil || again.foreign || len(again.obstacles.Findings) > 0 || len(again.found) != len(w.found) {
		return errNoSwap
	}
	return nil
}

// build fills the staging folder: with hard links to files that have not changed, which keeps their times, and new
// files for the others.
func (w *work) build() error {
	made := map[string]bool{".": true}
	for _, f := range w.files {
		if err := w.makeFolder(path.Dir(f.Path), made); err != nil {
			return err
		}
	}
	return parallel(len(w.files), func(i int) error {
		f := w.files[i]
		name := filepath.FromSlash(f.Path)
		if w.same[i] {
			if err := os.Link(filepath.Join(w.dir, name), filepath.Join(w.staging, name)); err != nil {
				return errNoSwap // unsupported, too many links, or a full disk
			}
			return nil
		}
		if err := writeFile(filepath.Join(w.staging, name), f.Data); err != nil {
			return w.writeError(f.Path, err)
		}
		return nil
	})
}

func (w *work) makeFolder(name string, made map[string]bool) error {
	if made[name] {
		return nil
	}
	if err := w.makeFolder(path.Dir(name), made); err != nil {
		return err
	}
	made[name] = true
	staged := filepath.Join(w.staging, filepath.FromSlash(name))
	if err := os.Mkdir(staged, 0o777); err != nil {
		return w.writeError(name, err)
	}
	if !w.folders[name] {
		return nil
	}
	old, err := os.Stat(w.join(name))
	if err != nil {
		return err
	}
	return copyMode(staged, old)
}

// copyMode gives a staged folder the permissions of the old one. It returns errNoSwap if the two still differ in mode,
// owner or file system.
func copyMode(staged string, old fs.FileInfo) error {
	info, err := os.Stat(staged)
	if err != nil {
		return err
	}
	if info.Mode() != old.Mode() {
		if err := os.Chmod(staged, old.Mode()); err != nil {
			return errNoSwap
		}
		if info, err = os.Stat(staged); err != nil || info.Mode() != old.Mode() {
			return errNoSwap
		}
	}
	if !sameOwner(info, old) {
		return errNoSwap
	}
	return nil
}

// orDiscard removes the staging folder on error.
func (w *work) orDiscard(err error) error {
	if err != nil {
		os.RemoveAll(w.staging)
	}
	return err
}

// reason returns the error of the system without its paths.
func reason(err error) error {
	var inPath *fs.PathError
	var inLink *os.LinkError
	switch {
	case errors.As(err, &inPath):
		return inPath.Err
	case errors.As(err, &inLink):
		return inLink.Err
	}
	return err
}

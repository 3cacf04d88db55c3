package folder

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// errNoSwap tells that a folder cannot change places with another here, and that the journal has to do.
var errNoSwap = errors.New("the folder cannot be swapped")

// create builds a folder that is not there yet, and renames it into its place.
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

// canSwap tells whether the whole folder may be put aside: it must hold nothing of others, and nobody that we
// know of may stand in it.
func (w *work) canSwap() bool {
	return canExchange && w.beside && !w.foreign && !w.isCurrent()
}

// isCurrent tells whether the folder is the current directory of this process, hence of the shell that
// started it, or leads to it.
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

// swap builds the new content beside the folder and lets the two change places.
func (w *work) swap() error {
	old, err := os.Stat(w.dir)
	if err != nil {
		return err
	}
	if err := os.Mkdir(w.staging, 0o777); err != nil {
		return err
	}
	err = sameKind(w.staging, old)
	if err == nil {
		err = w.build()
	}
	if err == nil {
		err = w.stillAlone()
	}
	if err == nil {
		if err = exchange(w.staging, w.dir); err != nil {
			err = errNoSwap // not to be had here, or a mount point, or no permission: the journal will tell
		}
	}
	if err != nil {
		return w.orDiscard(err)
	}
	// Done. Where the old content cannot be removed, the next run says so.
	os.RemoveAll(w.staging)
	return nil
}

// stillAlone looks once more, just before the swap, whether somebody put a file into the folder meanwhile.
func (w *work) stillAlone() error {
	again := &work{place: w.place, files: w.files, obstacles: &Refusal{}}
	lock, err := w.readLock()
	if err == nil {
		err = again.list(lock)
	}
	if err != nil || again.foreign || len(again.obstacles.Findings) > 0 || len(again.found) != len(w.found) {
		return errNoSwap
	}
	return nil
}

// build makes the staging folder hold all files: those that the folder has already as hard links, which
// keeps their times, the others written anew.
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
				return errNoSwap // no hard links here, or too many of this file, or a disk that has no room for more
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
	return sameKind(staged, old)
}

// sameKind gives a staged folder the permissions of the old one, and errNoSwap where they would still differ:
// in owner, file system or special bits.
func sameKind(staged string, old fs.FileInfo) error {
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

// orDiscard clears the staging folder away where the work failed.
func (w *work) orDiscard(err error) error {
	if err != nil {
		os.RemoveAll(w.staging)
	}
	return err
}

// reason is what the system said, without its paths.
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

package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A run that writes 10,000 files takes less than a second, so another one need not wait for long.
const (
	lockTimeout = 30 * time.Second
	lockPoll    = time.Millisecond
)

// acquire takes the lock of the folder, and waits if another run holds it. The lock file is next to the folder, which
// may be swapped, or inside if the parent directory is not writable.
func (p *destination) acquire() (release func(), err error) {
	if p.beside {
		if err = os.MkdirAll(filepath.Dir(p.dir), 0o777); err != nil {
			return nil, err
		}
		if release, err = p.acquireFile(); err == nil || errors.Is(err, errBusy) {
			return release, err
		}
		if _, missing := os.Stat(p.dir); missing != nil {
			return nil, &fs.PathError{Op: "create", Path: p.dir, Err: reason(err)}
		}
		p.useInside()
	}
	release, err = p.acquireFile()
	if err != nil && !errors.Is(err, errBusy) {
		err = &fs.PathError{Op: "write into", Path: p.dir, Err: reason(err)}
	}
	return release, err
}

var errBusy = errors.New("another meshc is writing into the folder")

func (p *destination) acquireFile() (release func(), err error) {
	for waited := time.Duration(0); ; waited += lockPoll {
		f, err := os.OpenFile(p.lock, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		ours, err := tryLock(f)
		if err == nil && ours && stillNames(p.lock, f) {
			return func() { unlock(p.lock, f) }, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		if waited >= p.timeout {
			return nil, fmt.Errorf("%w: %s has been locked for %v (%s)", errBusy, p.dir, p.timeout, p.lock)
		}
		time.Sleep(lockPoll)
	}
}

// stillNames reports whether path still names the open file, which the previous holder of the lock may have removed.
func stillNames(path string, f *os.File) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(open, named)
}

// unlock removes the lock file while it is held, so that it cannot be the one of another run. Windows cannot remove an
// open file, so there it is removed after closing, unless the next run has opened it.
func unlock(path string, f *os.File) {
	if os.Remove(path) == nil {
		f.Close()
		return
	}
	f.Close()
	os.Remove(path)
}

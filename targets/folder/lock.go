package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// How long a run waits for another one that writes the same folder; a run of 10,000 files takes less than a
// second. Variables for the tests.
var (
	lockPatience = 30 * time.Second
	lockPause    = time.Millisecond
)

// acquire takes the lock of the folder and waits for whoever has it. The lock file lies beside the folder,
// since that itself may be swapped; in it where its neighbourhood cannot be written.
func (p *place) acquire() (release func(), err error) {
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
		p.inside()
	}
	release, err = p.acquireFile()
	if err != nil && !errors.Is(err, errBusy) {
		err = &fs.PathError{Op: "write into", Path: p.dir, Err: reason(err)}
	}
	return release, err
}

var errBusy = errors.New("another meshc is writing into the folder")

func (p *place) acquireFile() (release func(), err error) {
	for waited := time.Duration(0); ; waited += lockPause {
		f, err := os.OpenFile(p.lock, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		ours, err := tryLock(f)
		if err == nil && ours && isFile(p.lock, f) {
			return func() { unlock(p.lock, f) }, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		if waited >= lockPatience {
			return nil, fmt.Errorf("%w: %s has been locked for %v (%s)", errBusy, p.dir, lockPatience, p.lock)
		}
		time.Sleep(lockPause)
	}
}

// isFile tells whether path still names the open file: whoever had the lock before may have removed it.
func isFile(path string, f *os.File) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(open, named)
}

// unlock removes the lock file while it is held, so that nobody else's is removed. Windows removes no open
// file; there it goes after it was closed, unless the next one has it open already.
func unlock(path string, f *os.File) {
	if os.Remove(path) == nil {
		f.Close()
		return
	}
	f.Close()
	os.Remove(path)
}

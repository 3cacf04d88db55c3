// Package notify reports that something in a set of folders has changed. It does not know what changed or whether it
// matters: the receiver looks for itself.
//
// It relies on the operating system, through fsnotify. Where the system sends no notifications, as on most network
// file systems, or has no watches left, it polls names, sizes and times.
package notify

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher watches some folders, but not those in them. Its methods are called by one goroutine.
type Watcher struct {
	Changes <-chan struct{} // has a value when something has changed since the last one was taken

	changes chan struct{}
	poll    time.Duration
	system  *fsnotify.Watcher // nil while it polls
	running sync.WaitGroup
	closed  chan struct{}

	mutex   sync.Mutex
	folders map[string]bool
}

// usualPoll is how often folders are looked at where the system does not tell.
const usualPoll = time.Second

// New returns a Watcher without folders. It looks at them as often as poll says or, if that is 0, lets the system tell
// where it can.
func New(poll time.Duration) *Watcher {
	changes := make(chan struct{}, 1)
	w := &Watcher{Changes: changes, changes: changes, poll: poll, closed: make(chan struct{})}
	if poll == 0 {
		if system, err := fsnotify.NewWatcher(); err == nil {
			w.system = system
			w.running.Go(func() { w.listen(system) })
		}
	}
	if w.system == nil {
		w.look()
	}
	return w
}

// Watch watches these folders in place of those before, by their absolute paths, and reports whether some were not
// watched until now: what happened in them before may not be told. One that was deleted and is there again is watched
// again.
func (w *Watcher) Watch(folders []string) (more bool) {
	now := make(map[string]bool, len(folders))
	for _, f := range folders {
		now[f] = true
		more = more || !w.folders[f]
	}
	w.mutex.Lock()
	before := w.folders
	w.folders = now
	w.mutex.Unlock()
	if w.system == nil {
		return more
	}
	for f := range now {
		if err := w.system.Add(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.system.Close()
			w.system = nil
			w.look()
			return true
		}
	}
	for f := range before {
		if !now[f] {
			w.system.Remove(f) // which has happened already where the folder is gone
		}
	}
	return more
}

// Polls reports whether it looks by itself, since the system does not tell.
func (w *Watcher) Polls() bool { return w.system == nil }

// Close ends it.
func (w *Watcher) Close() {
	close(w.closed)
	if w.system != nil {
		w.system.Close()
	}
	w.running.Wait()
}

func (w *Watcher) tell() {
	select {
	case w.changes <- struct{}{}:
	default:
	}
}

// listen takes what the system tells until it is closed. An error is that events were lost.
func (w *Watcher) listen(system *fsnotify.Watcher) {
	for {
		select {
		case e, ok := <-system.Events:
			if !ok {
				return
			}
			if e.Op != fsnotify.Chmod {
				w.tell()
			}
		case _, ok := <-system.Errors:
			if !ok {
				return
			}
			w.tell()
		}
	}
}

// look compares the folders with what they were, until it is closed.
func (w *Watcher) look() {
	if w.poll == 0 {
		w.poll = usualPoll
	}
	w.running.Go(func() {
		tick := time.NewTicker(w.poll)
		defer tick.Stop()
		before := w.entries()
		for {
			select {
			case <-w.closed:
				return
			case <-tick.C:
			}
			now := w.entries()
			if !maps.Equal(before, now) {
				w.tell()
			}
			before = now
		}
	})
}

// entry is what can be seen of a file without reading it.
type entry struct {
	mode  fs.FileMode
	size  int64
	mtime time.Time
}

func (w *Watcher) entries() map[string]entry {
	w.mutex.Lock()
	folders := w.folders
	w.mutex.Unlock()
	all := map[string]entry{}
	for folder := range folders {
		list, err := os.ReadDir(folder)
		if err != nil {
			all[folder] = entry{}
			continue
		}
		for _, e := range list {
			if info, err := e.Info(); err == nil {
				all[filepath.Join(folder, e.Name())] = entry{info.Mode(), info.Size(), info.ModTime()}
			}
		}
	}
	return all
}

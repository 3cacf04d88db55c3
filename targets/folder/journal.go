package folder

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/meshc/meshc/targets"
)

// The journal folder holds the new files under their paths, and then the journal. Its existence is the
// commit: it appears by a rename, and goes before anything else of the folder does.
const (
	journalFile  = journalName + "/journal"
	journalDraft = journalName + "/draft"
	journalFiles = journalName + "/new"
	journalHead  = "meshc journal 1"
)

// operation is one line of a journal: a file to be removed, or to be written where its new content still
// lies in the journal folder. Doing it twice is doing it once.
type operation struct {
	remove bool
	before string // digest of what it replaces or removes; "-" where there was nothing
	path   string
}

func (o operation) String() string {
	verb := "write"
	if o.remove {
		verb = "remove"
	}
	return verb + " " + o.before + " " + o.path
}

// journaled brings the folder to its new content file by file, in a way that a later run can finish.
func (w *work) journaled() error {
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	operations, err := w.prepare(root)
	if err != nil {
		root.RemoveAll(journalName)
		return err
	}
	return w.roll(root, operations)
}

// prepare writes the new files and commits to them.
func (w *work) prepare(root *os.Root) ([]operation, error) {
	if err := root.MkdirAll(journalFiles, 0o777); err != nil {
		return nil, w.writeError(journalName, err)
	}
	var operations []operation // removals first: a file may have to make room for a folder
	for _, d := range w.Differences {
		o := operation{remove: d.After == nil, before: "-", path: d.Path}
		if d.Before != nil {
			o.before = targets.Digest(d.Before)
		}
		operations = append(operations, o)
	}
	slices.SortStableFunc(operations, func(a, b operation) int { return cmp.Compare(order(a), order(b)) })

	for _, d := range w.Differences {
		if d.After == nil || path.Dir(d.Path) == "." {
			continue
		}
		if err := root.MkdirAll(path.Join(journalFiles, path.Dir(d.Path)), 0o777); err != nil {
			return nil, w.writeError(path.Dir(d.Path), err)
		}
	}
	err := parallel(len(w.Differences), func(i int) error {
		d := w.Differences[i]
		if d.After == nil {
			return nil
		}
		if err := writeFile(w.join(path.Join(journalFiles, d.Path)), d.After); err != nil {
			return w.writeError(d.Path, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := writeFile(w.join(journalDraft), formatJournal(operations)); err != nil {
		return nil, w.writeError(journalName, err)
	}
	return operations, root.Rename(journalDraft, journalFile)
}

func order(o operation) int {
	if o.remove {
		return 0
	}
	return 1
}

func formatJournal(operations []operation) []byte {
	lines := []string{journalHead}
	for _, o := range operations {
		lines = append(lines, o.String())
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

func parseJournal(text string) ([]operation, error) {
	lines := strings.Split(text, "\n")
	if lines[0] != journalHead || lines[len(lines)-1] != "" {
		return nil, errors.New("not a whole journal of this version")
	}
	var operations []operation
	for _, line := range lines[1 : len(lines)-1] {
		verb, rest, _ := strings.Cut(line, " ")
		before, name, _ := strings.Cut(rest, " ")
		if verb != "write" && verb != "remove" || !local(name) || strings.HasPrefix(name, workPrefix) {
			return nil, fmt.Errorf("%q is no line of a journal", line)
		}
		operations = append(operations, operation{verb == "remove", before, name})
	}
	return operations, nil
}

func (p *place) committed() bool {
	_, err := os.Lstat(p.join(journalFile))
	return err == nil
}

// recoverJournal finishes what a killed run committed to, and clears away what it did not.
func (p *place) recoverJournal(o Options) error {
	if _, err := os.Lstat(p.join(journalName)); err != nil {
		return nil // neither begun nor left over
	}
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	text, err := root.ReadFile(journalFile)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return root.RemoveAll(journalName)
	}
	operations, err := parseJournal(string(text))
	if err != nil {
		return fmt.Errorf("%s cannot be read (%w): an earlier write of this folder was cut off; delete %s to give it up",
			p.shown(journalFile), err, p.shown(journalName))
	}
	if !o.Overwrite {
		if err := p.untouched(root, operations); err != nil {
			return err
		}
	}
	return p.roll(root, operations)
}

// untouched refuses to finish a journal over files that somebody changed since the run was killed.
func (p *place) untouched(root *os.Root, operations []operation) error {
	r := &Refusal{}
	for _, o := range operations {
		d := Difference{Path: o.path}
		var err error
		if !o.remove {
			if d.After, err = root.ReadFile(path.Join(journalFiles, o.path)); err != nil {
				continue // done
			}
		}
		if there, err := isFileIn(root, o.path); err != nil || !there {
			continue
		}
		if d.Before, err = root.ReadFile(o.path); err != nil {
			return err
		}
		if targets.Digest(d.Before) != o.before {
			r.changed(p, d)
		}
	}
	return r.orNil()
}

// roll does all operations that are not done yet, and then ends the journal. It works through a root, so
// that nothing outside the folder can be hit.
func (p *place) roll(root *os.Root, operations []operation) error {
	if err := p.do(root, operations); err != nil {
		return fmt.Errorf("%s is written half way, and the next meshc finishes it: %w", p.name, err)
	}
	if err := root.Remove(journalFile); err != nil {
		return err
	}
	return root.RemoveAll(journalName)
}

func (p *place) do(root *os.Root, operations []operation) error {
	var left []string // folders that files were removed from
	for _, o := range operations {
		if !o.remove {
			continue
		}
		there, err := isFileIn(root, o.path)
		if err == nil && there {
			err = root.Remove(o.path)
		}
		if err != nil {
			return &fs.PathError{Op: "remove", Path: p.join(o.path), Err: reason(err)}
		}
		for dir := path.Dir(o.path); dir != "."; dir = path.Dir(dir) {
			left = append(left, dir)
		}
	}
	// Deep ones first: what is below another sorts behind it.
	slices.Sort(left)
	for _, dir := range slices.Backward(slices.Compact(left)) {
		if info, err := root.Lstat(dir); err == nil && info.IsDir() {
			root.Remove(dir) // fails where it is not empty
		}
	}
	for _, o := range operations {
		if o.remove {
			continue
		}
		if err := move(root, o.path); err != nil {
			return p.writeError(o.path, err)
		}
	}
	return nil
}

// move brings a new file to its place, or the topmost folder above it that is not there yet.
func move(root *os.Root, name string) error {
	staged := path.Join(journalFiles, name)
	if there, err := isFileIn(root, staged); err != nil || !there {
		return err // moved before
	}
	for i, c := range name {
		if c != '/' {
			continue
		}
		folder := name[:i]
		if _, err := root.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
			return root.Rename(path.Join(journalFiles, folder), folder)
		}
	}
	return root.Rename(staged, name)
}

// isFileIn tells whether path is a regular file; that a folder above it is missing, or a file, is no error.
func isFileIn(root *os.Root, path string) (bool, error) {
	info, err := root.Lstat(path)
	switch {
	case err == nil:
		return info.Mode().IsRegular(), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return false, nil
	}
	return false, err
}

// writeError names the file that was to be written, not the one that stood for it while staged.
func (p *place) writeError(name string, err error) error {
	return &fs.PathError{Op: "write", Path: p.join(name), Err: reason(err)}
}

func (p *place) join(path string) string { return filepath.Join(p.dir, filepath.FromSlash(path)) }

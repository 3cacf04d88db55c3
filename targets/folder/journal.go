package folder

import (
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

// The journal folder holds the new files under their paths, and then the journal. The journal is the commit: a rename
// creates it, and it is the first thing to be removed.
const (
	journalFile  = journalName + "/journal"
	journalDraft = journalName + "/draft"
	journalFiles = journalName + "/new"
	journalHead  = "meshc journal 1"
)

// operation is a line of a journal: a file to remove, or a file to move out of the journal folder. Operations are
// idempotent.
type operation struct {
	remove bool
	before string // digest of the file that it replaces or removes; "-" if there is none
	path   string
}

func (o operation) String() string {
	verb := "write"
	if o.remove {
		verb = "remove"
	}
	return verb + " " + o.before + " " + o.path
}

// journaled changes the folder file by file, in a way that a later run can finish.
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
	return w.finish(root, operations)
}

// prepare writes the new files and commits to them.
func (w *work) prepare(root *os.Root) ([]operation, error) {
	if err := root.MkdirAll(journalFiles, 0o777); err != nil {
		return nil, w.writeError(journalName, err)
	}
	var operations []operation // removals first: a folder may take the name of a file
	for _, d := range w.Differences {
		o := operation{remove: d.After == nil, before: "-", path: d.Path}
		if d.Before != nil {
			o.before = targets.Digest(d.Before)
		}
		operations = append(operations, o)
	}
	slices.SortStableFunc(operations, func(a, b operation) int {
		switch {
		case a.remove == b.remove:
			return 0
		case a.remove:
			return -1
		}
		return 1
	})

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
		return nil, errors.New("not a complete journal of this version")
	}
	var operations []operation
	for _, line := range lines[1 : len(lines)-1] {
		verb, rest, _ := strings.Cut(line, " ")
		before, name, _ := strings.Cut(rest, " ")
		if verb != "write" && verb != "remove" || !local(name) || strings.HasPrefix(name, workPrefix) {
			return nil, fmt.Errorf("%q is not a line of a journal", line)
		}
		operations = append(operations, operation{verb == "remove", before, name})
	}
	return operations, nil
}

func (p *destination) committed() bool {
	_, err := os.Lstat(p.join(journalFile))
	return err == nil
}

// recoverJournal finishes what a killed run committed, and removes what it did not.
func (p *destination) recoverJournal(o Options) error {
	if _, err := os.Lstat(p.join(journalName)); err != nil {
		return nil
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
		return fmt.Errorf("%s cannot be read (%w): an earlier write of this folder was interrupted; delete %s to abandon it",
			p.shown(journalFile), err, p.shown(journalName))
	}
	if !o.Overwrite {
		if err := p.checkUntouched(root, operations); err != nil {
			return err
		}
	}
	return p.finish(root, operations)
}

// checkUntouched refuses to finish a journal that would overwrite files that were edited after the run was killed.
func (p *destination) checkUntouched(root *os.Root, operations []operation) error {
	r := &Refusal{}
	for _, o := range operations {
		d := Difference{Path: o.path}
		var err error
		if !o.remove {
			if d.After, err = root.ReadFile(path.Join(journalFiles, o.path)); err != nil {
				continue // done already
			}
		}
		if there, err := isRegular(root, o.path); err != nil || !there {
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

// finish performs the operations that remain and removes the journal. It works through an os.Root, so it cannot leave
// the folder.
func (p *destination) finish(root *os.Root, operations []operation) error {
	if err := p.do(root, operations); err != nil {
		return fmt.Errorf("%s is partly written, and the next run of meshc finishes it: %w", p.name, err)
	}
	if err := root.Remove(journalFile); err != nil {
		return err
	}
	return root.RemoveAll(journalName)
}

func (p *destination) do(root *os.Root, operations []operation) error {
	var left []string // folders that files were removed from
	for _, o := range operations {
		if !o.remove {
			continue
		}
		there, err := isRegular(root, o.path)
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
	// Backward, because a folder sorts before those below it.
	slices.Sort(left)
	for _, dir := range slices.Backward(slices.Compact(left)) {
		if info, err := root.Lstat(dir); err == nil && info.IsDir() {
			root.Remove(dir) // fails if it is not empty
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

// move moves a new file into the folder, or else its topmost ancestor that does not exist.
func move(root *os.Root, name string) error {
	staged := path.Join(journalFiles, name)
	if there, err := isRegular(root, staged); err != nil || !there {
		return err // moved already
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

// isRegular reports whether path is a regular file. It is not an error if a folder above it is missing, or a file.
func isRegular(root *os.Root, path string) (bool, error) {
	info, err := root.Lstat(path)
	switch {
	case err == nil:
		return info.Mode().IsRegular(), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return false, nil
	}
	return false, err
}

// writeError names the file in the folder, not the one under its working name.
func (p *destination) writeError(name string, err error) error {
	return &fs.PathError{Op: "write", Path: p.join(name), Err: reason(err)}
}

func (p *destination) join(path string) string { return filepath.Join(p.dir, filepath.FromSlash(path)) }

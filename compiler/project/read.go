package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// maxRead bounds the size of every input, such as /dev/zero. The parsers have lower limits, with better messages.
const maxRead = 64 << 20

// read reads a file of the project, or one that the user named.
func (p *Project) read(path string) ([]byte, error) {
	p.looked[filepath.Dir(path)] = true
	if p.isNew(path) {
		return []byte(p.unsaved[path]), nil
	}
	if err := p.staysInside(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, p.shownError(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, p.shownError(path, err)
	}
	if info.IsDir() {
		return nil, p.shownError(path, errors.New("is a folder"))
	}
	p.files = append(p.files, info)
	if text, ok := p.unsaved[path]; ok {
		return []byte(text), nil
	}
	text, err := slurp(f, info.Size())
	if err != nil {
		return nil, p.shownError(path, err)
	}
	return text, nil
}

// IsInput reports whether a path leads to a file that was read for the project.
func (p *Project) IsInput(path string) bool {
	info, err := os.Stat(path)
	return err == nil && slices.ContainsFunc(p.files, func(f fs.FileInfo) bool { return os.SameFile(f, info) })
}

// ReadStdin reads all of standard input. The error names it.
func ReadStdin(in io.Reader) ([]byte, error) {
	text, err := slurp(in, 0)
	if err != nil {
		return nil, named(StdinName, err)
	}
	return text, nil
}

func slurp(in io.Reader, size int64) ([]byte, error) {
	var b bytes.Buffer
	if size > 0 && size <= maxRead {
		b.Grow(int(size) + bytes.MinRead) // so that the read that sees the end does not grow it
	}
	n, err := b.ReadFrom(io.LimitReader(in, maxRead+1))
	switch {
	case err != nil:
		return nil, err
	case n > maxRead:
		return nil, fmt.Errorf("is larger than %d MiB, more than meshc reads of any file", maxRead>>20)
	}
	return b.Bytes(), nil
}

// staysInside refuses a path below the root that leads out of the project or to git's own files, and any other that
// leads out of the repository around it.
func (p *Project) staysInside(path string) error {
	if !inside(p.Root, path) {
		if err := StaysInRepository(path); err != nil {
			return p.shownError(path, err)
		}
		return nil
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return p.shownError(path, err)
	}
	p.looked[filepath.Dir(real)] = true
	root, err := filepath.EvalSymlinks(p.Root)
	if err != nil {
		return p.shownError(p.Root, err)
	}
	switch {
	case !inside(root, real):
		return p.shownError(path, errLeavesProject)
	case gitsOwn(root, real):
		return p.shownError(path, errGitsOwn)
	}
	return nil
}

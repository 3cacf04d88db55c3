package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/meshc/meshc/compiler/adopt"
)

// writeFiles writes files that must not exist yet, all or none of them, and returns what it says about them. If one exists, the
// error says how to name another folder.
func writeFiles(dir string, files []adopt.File, another string) (said []byte, err error) {
	for _, f := range files {
		switch _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(f.Name))); {
		case err == nil:
			return nil, fmt.Errorf("%s already exists, so nothing was written; name another folder%s", shownIn(dir, f.Name), another)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s: %w", shownIn(dir, f.Name), cause(err))
		}
	}
	var out bytes.Buffer
	for i, f := range files {
		if err := writeNew(filepath.Join(dir, filepath.FromSlash(f.Name)), f.Text); err != nil {
			for _, written := range files[:i] {
				os.Remove(filepath.Join(dir, filepath.FromSlash(written.Name)))
			}
			return nil, fmt.Errorf("%s: %w", shownIn(dir, f.Name), cause(err))
		}
		fmt.Fprintf(&out, "wrote %s\n", shownIn(dir, f.Name))
	}
	return out.Bytes(), nil
}

// writeNew writes a file that does not exist yet.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	// O_EXCL: the file may have been written since it was looked for.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

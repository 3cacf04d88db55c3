package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/meshc/meshc/compiler/adopt"
	"github.com/meshc/meshc/compiler/project"
)

// writeFiles writes files that must not exist yet, all or none of them, and returns what it says about them. If one
// exists, the error says how to name another folder.
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
	var made []string
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		made = append(made, missing(filepath.Dir(path))...)
		if err := writeNew(path, f.Text); err != nil {
			for _, path := range slices.Backward(made) {
				os.Remove(path)
			}
			return nil, fmt.Errorf("%s: %w", shownIn(dir, f.Name), cause(err))
		}
		made = append(made, path)
		fmt.Fprintf(&out, "wrote %s\n", shownIn(dir, f.Name))
	}
	return out.Bytes(), nil
}

// missing lists the folders of a path that do not exist yet, outer ones first.
func missing(dir string) []string {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return append(missing(filepath.Dir(dir)), dir)
}

// writeNew writes a file that does not exist yet.
func writeNew(path string, text []byte) error {
	if err := project.StaysInRepository(path); err != nil {
		return err
	}
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

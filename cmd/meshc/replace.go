package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/meshc/meshc/compiler/project"
)

// replaceFile replaces the content of a file of the user atomically and keeps its permissions. It follows a symbolic
// link.
func replaceFile(path string, text []byte) (err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".meshc-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err != nil {
		f.Close()
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Chmod(f.Name(), info.Mode().Perm()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// writeFile writes a file that may exist already, atomically. Something that is not a regular file, such as
// /dev/stdout, is written to as it is.
func writeFile(path string, text []byte) error {
	if err := project.StaysInRepository(path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644) // with the permissions of new files
		if err != nil {
			return err
		}
		f.Close()
		if err = replaceFile(path, text); err != nil {
			os.Remove(path)
		}
		return err
	case err == nil && !info.Mode().IsRegular():
		return os.WriteFile(path, text, 0o644)
	}
	return replaceFile(path, text)
}

package project

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/meshc/meshc/targets"
)

// HoldsManifests reports whether a path has manifests rather than a project: a folder that meshc wrote has a lock, and
// a project has intents. The error names a path that cannot be read.
func HoldsManifests(path string) (bool, error) {
	if path == Stdin {
		return false, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, named(path, err)
	}
	if !info.IsDir() {
		return targets.ManifestName(path), nil
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(path, name))
		return err == nil
	}
	switch {
	case there(targets.LockName):
		return true, nil
	case there(ConfigName):
		return false, nil
	}
	intents, manifests := false, false
	err = walk(path, func(at string, _ fs.DirEntry) error {
		if strings.HasSuffix(at, ".mesh") {
			intents = true
			return fs.SkipAll
		}
		manifests = manifests || targets.ManifestName(at)
		return nil
	})
	return manifests && !intents, err
}

// LooksLikeManifests reports whether a text is Kubernetes objects rather than intents.
func LooksLikeManifests(text []byte) bool {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("apiVersion:")) || bytes.HasPrefix(line, []byte("{")) || bytes.HasPrefix(line, []byte("- apiVersion:")) {
			return true
		}
	}
	return false
}

// Manifests reads a file, or the files of a folder that may hold manifests, as Workloads does. Paths are relative to
// the folder.
func (p *Project) Manifests(path string) (files []targets.File, err error) {
	top := p.Absolute(path)
	r := workloadReader{Project: p, seen: map[string]bool{}}
	paths, err := r.find(p.wd, path)
	if err != nil {
		return nil, err
	}
	for _, at := range paths {
		text, err := p.read(at)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(top, at)
		if err != nil || rel == "." {
			rel = filepath.Base(at)
		}
		files = append(files, targets.File{Path: filepath.ToSlash(rel), Data: text})
	}
	return files, nil
}

// Lock reads the lock of a folder that meshc wrote; nil if it has none.
func (p *Project) Lock(path string) (*targets.File, error) {
	at := filepath.Join(p.Absolute(path), targets.LockName)
	if info, err := os.Stat(at); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	text, err := p.read(at)
	if err != nil {
		return nil, err
	}
	if _, err := targets.ParseLock(text); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.ToSlash(path), err)
	}
	return &targets.File{Path: targets.LockName, Data: text}, nil
}

// walk visits a file, or every file in and below a folder. The error names the path that could not be read.
func walk(path string, visit func(at string, e fs.DirEntry) error) error {
	err := filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == ".git":
			return fs.SkipDir
		case e.IsDir():
			return nil
		}
		return visit(at, e)
	})
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		return named(of.Path, err)
	}
	return err
}

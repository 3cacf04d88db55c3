// Package project finds and reads the files of a project on disk: its settings, intents and workload manifests.
//
// It knows files, globs and standard input, but not the contents of files, except for meshc.yaml, which names the
// others. It never writes, and never follows a symbolic link out of the project.
package project

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// ConfigName is the file that makes a folder a project.
const ConfigName = "meshc.yaml"

// Stdin is the path that means standard input, and StdinName its name in findings.
const (
	Stdin     = "-"
	StdinName = "<standard input>"
)

// ClusterName is what the names of the objects of a cluster begin with in findings.
const ClusterName = "<cluster "

// Project is a folder with intents in it, with or without a meshc.yaml.
type Project struct {
	Root   string // absolute: the folder of meshc.yaml, or else of the first path
	Config config.Project
	File   *source.File // meshc.yaml; nil where there is none

	paths  []string
	wd     string          // the current folder
	files  []fs.FileInfo   // that were read
	looked map[string]bool // folders, by absolute path

	unsaved map[string]string // by absolute path, in place of what is on disk
}

// Open finds the project that contains paths or, without paths, the current folder, and reads its settings. meshc.yaml
// is looked for in the folder of the first path and its parents, up to the root of a git repository. The findings are
// those of meshc.yaml; the error names a path that cannot be read.
func Open(paths []string) (*Project, diag.List, error) { return OpenUnsaved(nil, paths) }

// OpenUnsaved is Open where an editor has other texts of some files than the disk, by their absolute paths.
func OpenUnsaved(unsaved map[string]string, paths []string) (*Project, diag.List, error) {
	wd, err := os.Getwd()
	if err != nil {
		return nil, nil, err
	}
	p := &Project{Config: config.Default(), paths: paths, wd: wd, unsaved: unsaved, looked: map[string]bool{}}
	start := wd
	for i, path := range paths {
		if path == Stdin {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, named(path, err)
		}
		if i == 0 {
			start = p.Absolute(path)
			if !info.IsDir() {
				start = filepath.Dir(start)
			}
		}
	}
	p.Root = start
	root, found, err := p.findUpwards(start)
	if err != nil || !found {
		return p, nil, err
	}
	p.Root = root
	path := filepath.Join(root, ConfigName)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return p, nil, p.shownError(path, errors.New("is not a regular file"))
	}
	text, err := p.read(path)
	if err != nil {
		return p, nil, err
	}
	var findings diag.List
	p.File = source.NewFile(ConfigName, string(text))
	p.Config, findings = config.Parse(p.File)
	return p, findings, nil
}

// Environments returns the sorted names of the environments of meshc.yaml.
func (p *Project) Environments() []string {
	return slices.Sorted(maps.Keys(p.Config.Environments))
}

// Folders returns the folders in which files of the project were looked for or found, sorted: whatever changes it
// changes something in one of these.
func (p *Project) Folders() []string { return slices.Sorted(maps.Keys(p.looked)) }

// findUpwards looks for meshc.yaml in a folder and its parents. It stops at the root of a repository: a meshc.yaml
// above it belongs to something else.
func (p *Project) findUpwards(folder string) (root string, found bool, err error) {
	for {
		switch _, err := os.Lstat(filepath.Join(folder, ConfigName)); { // a dangling link exists too
		case err == nil || p.isNew(filepath.Join(folder, ConfigName)):
			return folder, true, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", false, p.shownError(filepath.Join(folder, ConfigName), err)
		}
		if _, err := os.Lstat(filepath.Join(folder, ".git")); err == nil {
			return "", false, nil
		}
		above := filepath.Dir(folder)
		if above == folder {
			return "", false, nil
		}
		folder = above
	}
}

// Name returns the name by which the compiler knows a file: slash-separated and relative to the project, so that the
// output does not depend on where the project is.
func (p *Project) Name(path string) string {
	if rel, err := filepath.Rel(p.Root, p.Absolute(path)); err == nil {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

// Path is the inverse of Name; empty for what is not on disk.
func (p *Project) Path(name string) string {
	switch path := filepath.FromSlash(name); {
	case name == StdinName || strings.HasPrefix(name, ClusterName):
		return ""
	case filepath.IsAbs(path):
		return path
	default:
		return filepath.Join(p.Root, path)
	}
}

// Shown returns a name as a user in the current folder would write it: slash-separated and on one line, with
// unprintable characters escaped.
func (p *Project) Shown(name string) string { return diag.PrintableLine(p.shown(name)) }

func (p *Project) shown(name string) string {
	path := p.Path(name)
	if path == "" {
		return name
	}
	// An absolute path is clearer than a long row of `..`.
	if rel, err := filepath.Rel(p.wd, path); err == nil && (len(rel) <= len(path) || inside(p.wd, path)) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

// Absolute returns the absolute path of one that may be relative to the current folder.
func (p *Project) Absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(p.wd, path)
}

// shownError wraps an error with the path as Shown shows it.
func (p *Project) shownError(path string, err error) error {
	return named(p.Shown(p.Name(path)), err)
}

// named wraps an error with a path, without the name of the system call.
func named(path string, err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return fmt.Errorf("%s: %w", diag.PrintableLine(filepath.ToSlash(path)), err)
}

// inside reports whether a path is a folder or below it. Both are clean and absolute.
func inside(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

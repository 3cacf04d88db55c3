package project

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// glob returns the sorted absolute paths of the files below a folder that match a pattern. `**` matches any number of
// folders. It skips .git, folders that symbolic links lead to, and other projects: folders with their own meshc.yaml.
// It also skips folders whose names begin with two dots, which hold what the files of a mounted ConfigMap are links to:
// https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/volume/util/atomic_writer.go
func (p *Project) glob(folder, pattern string) ([]string, error) {
	base, rest := doublestar.SplitPattern(filepath.ToSlash(filepath.Clean(pattern)))
	top := filepath.Join(folder, filepath.FromSlash(base))
	if filepath.IsAbs(filepath.FromSlash(base)) {
		top = filepath.FromSlash(base)
	}
	deepest := strings.Count(rest, "/")
	if strings.Contains(rest, "**") {
		deepest = math.MaxInt
	}
	var found []string
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == top && os.IsNotExist(err) {
				p.looked[nearest(top)] = true
				return fs.SkipAll
			}
			return p.shownError(path, err)
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if path != top && (strings.Count(rel, "/") >= deepest || d.Name() == ".git" || strings.HasPrefix(d.Name(), "..")) {
				return fs.SkipDir
			}
			p.looked[path] = true
			if path != top && p.isOther(path) {
				return fs.SkipDir
			}
			return nil
		}
		if matches, err := doublestar.Match(rest, rel); err != nil || !matches {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			// A link is followed only where its name matches; a dangling one fails when it is read.
			if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
				return nil
			}
		} else if !d.Type().IsRegular() {
			return nil
		}
		found = append(found, path)
		return nil
	})
	for path := range p.unsaved {
		if rel, err := filepath.Rel(top, path); err == nil && p.isNew(path) && p.reaches(top, path) {
			if matches, err := doublestar.Match(rest, filepath.ToSlash(rel)); err == nil && matches {
				found = append(found, path)
			}
		}
	}
	slices.Sort(found)
	return found, err
}

// nearest returns the innermost folder above a path that exists.
func nearest(path string) string {
	for folder := filepath.Dir(path); ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(folder); err == nil || folder == filepath.Dir(folder) {
			return folder
		}
	}
}

// isNew reports whether an editor has a file that was never saved.
func (p *Project) isNew(path string) bool {
	if _, unsaved := p.unsaved[path]; !unsaved {
		return false
	}
	_, err := os.Lstat(path)
	return os.IsNotExist(err)
}

// reaches reports whether glob would get from a folder down to a file.
func (p *Project) reaches(top, path string) bool {
	for folder := filepath.Dir(path); folder != top; folder = filepath.Dir(folder) {
		if name := filepath.Base(folder); !inside(top, folder) || name == ".git" || strings.HasPrefix(name, "..") || p.isOther(folder) {
			return false
		}
	}
	return true
}

// isOther reports whether a folder is another project.
func (p *Project) isOther(folder string) bool {
	if folder == p.Root {
		return false
	}
	settings := filepath.Join(folder, ConfigName)
	_, err := os.Lstat(settings)
	return err == nil || p.isNew(settings)
}

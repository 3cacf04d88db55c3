package main

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

// pastProject is a project as it was at a revision of its repository, in a temporary folder until it is closed.
type pastProject struct {
	now   *project.Project // as it is
	paths []string         // the requested paths in the folder; empty where none of them existed

	revision, folder string
}

// projectAt writes the project that contains paths, as it was at a revision, to a temporary folder. The error is about
// a path, or from gitops.
func projectAt(paths []string, revision string) (*pastProject, error) {
	now, _, err := project.Open(paths)
	if err != nil {
		return nil, err
	}
	snapshot, err := gitops.At(resolved(now.Root), revision, func(name string) bool { return targets.ManifestName(name) || strings.HasSuffix(name, ".mesh") })
	if err != nil {
		return nil, err
	}
	temporary, err := os.MkdirTemp("", "meshc-*")
	if err != nil {
		return nil, err
	}
	p := &pastProject{now: now, revision: revision, folder: resolved(temporary)}
	if err := p.fill(snapshot, paths); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pastProject) fill(snapshot gitops.Snapshot, paths []string) error {
	// Stops the search for a meshc.yaml in the parents of the folder.
	if err := os.Mkdir(filepath.Join(p.folder, ".git"), 0o700); err != nil {
		return err
	}
	folder, err := os.OpenRoot(p.folder)
	if err != nil {
		return err
	}
	defer folder.Close()
	for _, f := range snapshot.Files {
		if err := folder.MkdirAll(path.Dir(f.Path), 0o700); err != nil {
			return err
		}
		if err := folder.WriteFile(f.Path, f.Data, 0o600); err != nil {
			return err
		}
	}
	if len(paths) == 0 {
		paths = []string{p.now.Root}
	}
	for _, path := range paths {
		rel, err := filepath.Rel(snapshot.Root, resolved(p.now.Absolute(path)))
		if err != nil {
			return err
		}
		at := filepath.Join(p.folder, rel)
		if _, err := os.Stat(at); err == nil {
			p.paths = append(p.paths, at)
		}
	}
	return nil
}

// close removes the folder.
func (p *pastProject) close() error { return os.RemoveAll(p.folder) }

// shown is the name of a file of the folder as git writes it: REVISION:PATH.
func (p *pastProject) shown(of *project.Project, name string) string {
	at := of.Path(name)
	if rel, err := filepath.Rel(p.folder, at); err == nil && at != "" {
		return p.revision + ":" + filepath.ToSlash(rel)
	}
	return name
}

// error replaces the folder with the revision in an error.
func (p *pastProject) error(err error) error {
	if err == nil || !strings.Contains(err.Error(), p.folder) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), p.folder, p.revision))
}

// resolved is a path without symbolic links, if it exists.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

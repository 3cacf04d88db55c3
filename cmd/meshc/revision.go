package main

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

// pastProject is a project as it was at a revision of its repository, in a folder of its own until it is closed.
type pastProject struct {
	now   *project.Project // as it is
	paths []string         // where the paths that it was asked for lead there; empty where none of them did

	revision, folder string
}

// projectAt brings the project that paths lie in, as Open finds it, to a folder as it was at a revision. Workload manifests
// come from all of the repository where meshc.yaml names some above its own folder. The error is one of paths that
// cannot be read, or of package gitops.
func projectAt(paths []string, revision string) (*pastProject, error) {
	now, _, err := project.Open(paths)
	if err != nil {
		return nil, err
	}
	root := resolved(now.Root)
	from := root
	if slices.ContainsFunc(now.Config.Workloads, func(w config.Workloads) bool { return strings.HasPrefix(path.Clean(w.Path), "..") }) {
		if from, err = gitops.Root(root); err != nil {
			return nil, err
		}
	}
	snapshot, err := gitops.At(from, revision, func(name string) bool { return targets.ManifestName(name) || strings.HasSuffix(name, ".mesh") })
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
	// A border: a meshc.yaml above is none of this project's.
	if err := os.Mkdir(filepath.Join(p.folder, ".git"), 0o700); err != nil {
		return err
	}
	for _, f := range snapshot.Files {
		at := filepath.Join(p.folder, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(at, f.Data, 0o600); err != nil {
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

// close takes the folder away.
func (p *pastProject) close() error { return os.RemoveAll(p.folder) }

// shown is the name of a file of a project in the folder as git writes it: REVISION:PATH.
func (p *pastProject) shown(of *project.Project, name string) string {
	at := of.Path(name)
	if rel, err := filepath.Rel(p.folder, at); err == nil && at != "" {
		return p.revision + ":" + filepath.ToSlash(rel)
	}
	return name
}

// error is an error with the revision in the place of the folder.
func (p *pastProject) error(err error) error {
	if err == nil || !strings.Contains(err.Error(), p.folder) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), p.folder, p.revision))
}

// resolved is a path without symbolic links, where there is anything at it.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

package project

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/gitops"
)

// Past is a project as it was at a revision of its repository, in a folder of its own until it is closed.
type Past struct {
	Now   *Project // as it is
	Paths []string // where the paths that it was asked for lead there; empty where none of them did

	revision, folder string
}

// At brings the project that paths lie in, as Open finds it, to a folder as it was at a revision. Workload manifests
// come from all of the repository where meshc.yaml names some above its own folder. The error is one of paths that
// cannot be read, or of package gitops.
func At(paths []string, revision string) (*Past, error) {
	now, _, err := Open(paths)
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
	p := &Past{Now: now, revision: revision, folder: resolved(temporary)}
	if err := p.fill(snapshot, paths); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Past) fill(snapshot gitops.Snapshot, paths []string) error {
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
		paths = []string{p.Now.Root}
	}
	for _, path := range paths {
		rel, err := filepath.Rel(snapshot.Root, resolved(p.Now.absolute(path)))
		if err != nil {
			return err
		}
		at := filepath.Join(p.folder, rel)
		if _, err := os.Stat(at); err == nil {
			p.Paths = append(p.Paths, at)
		}
	}
	return nil
}

// Close takes the folder away.
func (p *Past) Close() error { return os.RemoveAll(p.folder) }

// Shown is the name of a file of a project in the folder as git writes it: REVISION:PATH.
func (p *Past) Shown(of *Project, name string) string {
	at := of.Path(name)
	if rel, err := filepath.Rel(p.folder, at); err == nil && at != "" {
		return p.revision + ":" + filepath.ToSlash(rel)
	}
	return name
}

// Error is an error with the revision in the place of the folder.
func (p *Past) Error(err error) error {
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

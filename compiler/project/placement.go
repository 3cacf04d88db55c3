package project

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/placement"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// maxApplier bounds the files that may say where others are applied. People write them.
const maxApplier = 1 << 20

// Placement reads what says where the manifests of some files, folders and globs are applied, there and in the
// repositories around them.
func (p *Project) Placement(patterns ...string) *placement.Placement {
	var sources []placement.Source
	seen := map[string]bool{}
	for _, pattern := range patterns {
		if pattern == Stdin {
			continue
		}
		folder := p.folderOf(pattern)
		repository := repositoryOf(folder)
		for _, top := range []string{repository, folder} {
			if !seen[top] {
				seen[top] = true
				sources = append(sources, p.appliers(top, repository)...)
			}
		}
	}
	return placement.Read(sources, disk{p})
}

// Applied is what applies a file in a namespace.
type Applied = placement.Applied

// Applied returns a function that says what applies a file of workloads, by its name. Patterns name these, or else
// meshc.yaml. What applies them is read once, when it is first asked for.
func (p *Project) Applied(patterns []string) func(name string) []Applied {
	if len(patterns) == 0 {
		for _, w := range p.Config.Workloads {
			patterns = append(patterns, filepath.Join(p.Root, filepath.FromSlash(w.Path)))
		}
	}
	where := sync.OnceValue(func() *placement.Placement { return p.Placement(patterns...) })
	return func(name string) []Applied { return where().Applied(filepath.ToSlash(p.Path(name))) }
}

// disk is the files that kustomizations and Applications name.
type disk struct{ *Project }

func (d disk) Open(name string) *source.File {
	name = filepath.FromSlash(name)
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxApplier {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return source.NewFile(d.Name(name), string(text))
}

func (d disk) IsFolder(name string) bool {
	info, err := os.Stat(filepath.FromSlash(name))
	return err == nil && info.IsDir()
}

func (d disk) Folders(top, pattern string) (found []string) {
	if !doublestar.ValidatePattern(pattern) {
		return nil
	}
	folders := os.DirFS(filepath.FromSlash(top))
	all, err := doublestar.Glob(folders, path.Clean(pattern), doublestar.WithNoFollow())
	if err != nil {
		return nil
	}
	for _, name := range all {
		if d.IsFolder(path.Join(top, name)) && !slices.ContainsFunc(strings.Split(name, "/"), PassedOver) {
			found = append(found, name)
		}
	}
	return found
}

// folderOf is the folder that a pattern names, or in which it begins.
func (p *Project) folderOf(pattern string) string {
	at := p.Absolute(pattern)
	switch info, err := os.Stat(at); {
	case err == nil && info.IsDir():
		return at
	case err == nil:
		return filepath.Dir(at)
	}
	base, _ := doublestar.SplitPattern(filepath.ToSlash(at))
	return filepath.FromSlash(base)
}

// repositoryOf is the folder of the repository that a folder is in; if it is in none, the folder itself.
func repositoryOf(folder string) string {
	for at := folder; ; {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		above := filepath.Dir(at)
		if above == at {
			return folder
		}
		at = above
	}
}

// appliers reads the files below a folder that may say where others are applied.
func (p *Project) appliers(top, repository string) (sources []placement.Source) {
	_ = filepath.WalkDir(top, func(at string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && e != nil && e.IsDir(), err == nil && e.IsDir() && at != top && PassedOver(e.Name()):
			return fs.SkipDir
		case err != nil || !e.Type().IsRegular() || !targets.ManifestName(e.Name()) && !bearing.IsKustomization(e.Name()):
			return nil
		}
		if info, err := e.Info(); err != nil || info.Size() > maxApplier {
			return nil
		}
		text, err := os.ReadFile(at)
		if err == nil && (bearing.IsKustomization(e.Name()) || strings.Contains(string(text), "argoproj.io/") || strings.Contains(string(text), "kustomize.toolkit.fluxcd.io/")) {
			sources = append(sources, placement.Source{Path: filepath.ToSlash(at), Repository: filepath.ToSlash(repository), File: source.NewFile(p.Name(at), string(text))})
		}
		return nil
	})
	return sources
}

// PassedOver reports whether a folder is hidden, or of a package manager.
func PassedOver(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}

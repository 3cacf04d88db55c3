package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/placement"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// Found is what a folder has that could become a project.
type Found struct {
	Folder    string            // absolute and slash-separated
	Settings  bool              // it has a meshc.yaml
	Intents   []string          // files, by their names in the folder
	Manifests []inventory.Input // YAML and JSON files that may be workload manifests, by their names in the folder
	Unread    map[string]error  // why others of them cannot be read
	Placement *placement.Placement
}

// Look looks for the parts of a project in and below a folder, which need not exist. It passes over other projects, and
// over hidden folders and those of package managers in the folder itself. The error names a folder that cannot be read.
func Look(folder string) (Found, error) {
	wd, err := os.Getwd()
	if err != nil {
		return Found{}, err
	}
	p := &Project{wd: wd, looked: map[string]bool{}}
	p.Root = p.Absolute(folder)
	found := Found{Folder: filepath.ToSlash(p.Root), Unread: map[string]error{}, Placement: p.Placement(folder)}
	if _, err := os.Lstat(filepath.Join(p.Root, ConfigName)); err == nil {
		found.Settings = true
	}
	paths, err := p.glob(p.Root, "**/*")
	if err != nil {
		return Found{}, err
	}
	for _, path := range paths {
		name := p.Name(path)
		top, _, below := strings.Cut(name, "/")
		switch {
		case below && (strings.HasPrefix(top, ".") || slices.Contains([]string{"node_modules", "vendor"}, top)) || !utf8.ValidString(name):
		case strings.HasSuffix(name, ".mesh"):
			found.Intents = append(found.Intents, name)
		case targets.ManifestName(name) && name != ConfigName:
			text, err := p.read(path)
			if err != nil {
				found.Unread[name] = err
				continue
			}
			found.Manifests = append(found.Manifests, inventory.Input{File: source.NewFile(name, string(text))})
		}
	}
	return found, nil
}

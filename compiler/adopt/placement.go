package adopt

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
)

// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
var (
	kustomizations = []string{"kustomization.yaml", "kustomization.yml"}
	gathering      = []string{"apiVersion", "kind", "metadata", "resources", "bases", "namespace"} // fields that change no more than the namespace of what they name
	using          = []string{"resources", "bases", "components"}
	patching       = []string{"patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "transformers"}
)

// placement is how manifests get into a cluster, as kustomizations, Applications of Argo CD and Kustomizations of Flux say.
type placement struct {
	folders  map[string]*kustomization // by folder
	tops     []string                  // folders whose kustomizations no other one uses, sorted
	patches  map[string]bool           // files that change other manifests
	applied  map[string][]string       // the namespaces of folders that something applies
	moving   map[string]bool           // of these, those that get there whatever their manifests say
	within   map[string][]string       // the namespaces of files, sorted
	moved    map[string]bool           // files whose namespaces are those of a kustomization, whatever they name themselves
	modifies bool                      // some kustomization changes more than namespaces

	folder  string // in the repository, which paths of what applies folders are relative to; empty for all of it
	nearest int    // how long the path is of what applies the folder as a whole
}

// Around is what is in a repository around a folder and applies folders: Applications of Argo CD and Kustomizations of Flux.
type Around struct {
	Folder string // where the folder is in the repository; empty if it is all of it, or in none
	Files  []inventory.Input
}

type kustomization struct {
	namespace string
	uses      []string // folders and files
}

// placed reads where files get. Paths of Applications count where they are folders of these files.
func placed(files []inventory.Input, around Around) *placement {
	p := &placement{folder: around.Folder, folders: map[string]*kustomization{}, patches: map[string]bool{}, applied: map[string][]string{}, moving: map[string]bool{}, within: map[string][]string{}, moved: map[string]bool{}}
	for _, f := range files {
		dir, name := path.Split(f.File.Name)
		for d := range yamldoc.Split(f.File) {
			if d.Parse() != nil || d.Root == nil {
				continue
			}
			if slices.Contains(kustomizations, name) {
				p.kustomize(path.Clean(dir), d.Root)
			} else {
				p.apply(d.Root)
			}
		}
	}
	for _, f := range around.Files {
		for d := range yamldoc.Split(f.File) {
			if d.Parse() == nil && d.Root != nil {
				p.apply(d.Root)
			}
		}
	}
	used := map[string]bool{}
	for _, k := range p.folders {
		for _, u := range k.uses {
			used[u] = true
		}
	}
	for dir := range p.folders {
		if !used[dir] {
			p.tops = append(p.tops, dir)
		}
	}
	slices.Sort(p.tops)
	for _, top := range p.tops {
		namespaces, moves := p.of(top)
		if len(namespaces) == 0 {
			namespaces = []string{""}
		}
		for _, namespace := range namespaces {
			p.follow(top, namespace, moves, nil)
		}
	}
	for _, f := range files {
		if p.within[f.File.Name] == nil {
			namespaces, moves := p.of(path.Dir(f.File.Name))
			p.within[f.File.Name] = slices.Sorted(slices.Values(namespaces))
			p.moved[f.File.Name] = moves
		}
	}
	return p
}

// kustomize reads a kustomization.
func (p *placement) kustomize(dir string, root *yaml.Node) {
	k := &kustomization{}
	pairs, _ := yamldoc.Pairs(root)
	for _, pair := range pairs {
		key := pair.Key.Value
		p.modifies = p.modifies || !slices.Contains(gathering, key)
		switch {
		case key == "namespace" && policy.IsLabel(pair.Value.Value):
			k.namespace = pair.Value.Value
		case slices.Contains(using, key):
			for _, n := range pair.Value.Content {
				k.uses = append(k.uses, path.Join(dir, n.Value))
			}
		case slices.Contains(patching, key):
			for _, n := range pair.Value.Content {
				if n.Kind == yaml.MappingNode {
					n = at(n, "path")
				}
				if n != nil && n.Kind == yaml.ScalarNode {
					p.patches[path.Join(dir, n.Value)] = true
				}
			}
		}
	}
	p.folders[dir] = k
}

// apply reads an Application of Argo CD or a Kustomization of Flux: which folder it applies in which namespace.
// https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/ https://fluxcd.io/flux/components/kustomize/kustomizations/#target-namespace
func (p *placement) apply(root *yaml.Node) {
	version, _, _ := strings.Cut(text(root, "apiVersion"), "/")
	spec := at(root, "spec")
	switch {
	case version == "argoproj.io" && text(root, "kind") == "Application":
		all := []*yaml.Node{at(spec, "source")}
		if sources := at(spec, "sources"); sources != nil {
			all = append(all, sources.Content...)
		}
		for _, s := range all {
			if namespace := text(at(s, "kustomize"), "namespace"); namespace != "" {
				p.into(text(s, "path"), namespace, true)
			} else {
				p.into(text(s, "path"), text(at(spec, "destination"), "namespace"), false)
			}
		}
	case version == "kustomize.toolkit.fluxcd.io" && text(root, "kind") == "Kustomization":
		p.into(text(spec, "path"), text(spec, "targetNamespace"), true)
	}
}

// into notes that something applies a folder in a namespace.
func (p *placement) into(folder, namespace string, moves bool) {
	if folder == "" || !policy.IsLabel(namespace) { // a variable is not known here
		return
	}
	folder = path.Clean(strings.TrimPrefix(folder, "/"))
	if p.folder != "" && (folder == "." || strings.HasPrefix(p.folder+"/", folder+"/")) { // all of the files; the nearest one counts
		if len(folder) < p.nearest {
			return
		}
		if len(folder) > p.nearest {
			p.nearest = len(folder)
			delete(p.applied, ".")
			delete(p.moving, ".")
		}
		folder = "."
	} else if p.folder != "" {
		folder = strings.TrimPrefix(folder, p.folder+"/")
	}
	if !slices.Contains(p.applied[folder], namespace) {
		p.applied[folder] = append(p.applied[folder], namespace)
	}
	p.moving[folder] = p.moving[folder] || moves
}

// of is the namespaces in which something applies a folder, or the nearest one around it, and whether it gets there whatever its
// manifests say; none if nothing does.
func (p *placement) of(dir string) (namespaces []string, moves bool) {
	for ; dir != "." && dir != "/"; dir = path.Dir(dir) {
		if namespaces, ok := p.applied[dir]; ok {
			return namespaces, p.moving[dir]
		}
	}
	return p.applied["."], p.moving["."]
}

// follow notes the namespace of what a kustomization uses. That of the outermost kustomization counts, and moves what names another.
func (p *placement) follow(dir, namespace string, moves bool, path []string) {
	k := p.folders[dir]
	if k.namespace != "" && !moves {
		namespace, moves = k.namespace, true
	}
	for _, u := range k.uses {
		if p.folders[u] == nil {
			if all := p.within[u]; namespace != "" && !slices.Contains(all, namespace) {
				p.within[u] = append(all, namespace)
				slices.Sort(p.within[u])
			}
			p.moved[u] = p.moved[u] || moves
		} else if !slices.Contains(path, u) && u != dir {
			p.follow(u, namespace, moves, append(path, dir))
		}
	}
}

// namespace is the one in which a file gets; empty if it is not known, or if there are several.
func (p *placement) namespace(file string) string {
	if all := p.within[file]; len(all) == 1 {
		return all[0]
	}
	return ""
}

// at is the value of a key of a mapping; nil where it has none.
func at(n *yaml.Node, key string) *yaml.Node {
	if n = yamldoc.Resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	pairs, _ := yamldoc.Pairs(n)
	for _, p := range pairs {
		if p.Key.Value == key {
			return yamldoc.Resolve(p.Value)
		}
	}
	return nil
}

func text(n *yaml.Node, key string) string {
	if v := at(n, key); v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() != "!!null" {
		return v.Value
	}
	return ""
}

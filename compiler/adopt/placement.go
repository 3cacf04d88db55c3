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
	within   map[string][]string       // the namespaces of files, sorted
	moved    map[string]bool           // files whose namespaces are those of a kustomization, whatever they name themselves
	modifies bool                      // some kustomization changes more than namespaces
}

type kustomization struct {
	namespace string
	uses      []string // folders and files
}

// placed reads where files get. Paths of Applications count where they are folders of these files.
func placed(files []inventory.Input) *placement {
	p := &placement{folders: map[string]*kustomization{}, patches: map[string]bool{}, applied: map[string][]string{}, within: map[string][]string{}, moved: map[string]bool{}}
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
		namespaces := p.of(top)
		if len(namespaces) == 0 {
			namespaces = []string{""}
		}
		for _, namespace := range namespaces {
			p.follow(top, namespace, false, nil)
		}
	}
	for _, f := range files {
		if p.within[f.File.Name] == nil {
			p.within[f.File.Name] = slices.Sorted(slices.Values(p.of(path.Dir(f.File.Name))))
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
func (p *placement) apply(root *yaml.Node) {
	version, _, _ := strings.Cut(text(root, "apiVersion"), "/")
	spec := at(root, "spec")
	var folders []string
	namespace := ""
	switch {
	case version == "argoproj.io" && text(root, "kind") == "Application":
		folders, namespace = append(folders, text(at(spec, "source"), "path")), text(at(spec, "destination"), "namespace")
		if sources := at(spec, "sources"); sources != nil {
			for _, s := range sources.Content {
				folders = append(folders, text(s, "path"))
			}
		}
	case version == "kustomize.toolkit.fluxcd.io" && text(root, "kind") == "Kustomization":
		folders, namespace = append(folders, text(spec, "path")), text(spec, "targetNamespace")
	}
	for _, f := range folders {
		folder := path.Clean(strings.TrimPrefix(f, "/"))
		if f != "" && policy.IsLabel(namespace) && !slices.Contains(p.applied[folder], namespace) { // a variable is not known here
			p.applied[folder] = append(p.applied[folder], namespace)
		}
	}
}

// of is the namespaces in which something applies a folder, or the nearest one around it; none if nothing does.
func (p *placement) of(dir string) []string {
	for ; dir != "." && dir != "/"; dir = path.Dir(dir) {
		if namespaces, ok := p.applied[dir]; ok {
			return namespaces
		}
	}
	return p.applied["."]
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

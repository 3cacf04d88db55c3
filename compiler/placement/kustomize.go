package placement

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
var (
	using    = []string{"resources", "bases"}
	patching = []string{"patches", "patchesStrategicMerge", "patchesJson6902"}
	// What changes no more than namespaces, or nothing that bears on who reaches whom.
	harmless = []string{"apiVersion", "kind", "metadata", "namespace", "resources", "bases", "components", "images", "replicas", "configMapGenerator",
		"secretGenerator", "generatorOptions", "configurations", "openapi", "crds", "buildMetadata", "sortOptions", "validators"}
)

// kustomization is one of kustomize's, not of Flux's.
type kustomization struct {
	folder, file string
	shown        string // the folder, as findings name it
	component    bool
	namespace    string
	uses         []used
	components   []string // folders
	changes      []*change
}

// used is something that a kustomization names as its resource.
type used struct {
	path string
	at   source.Span
}

// kustomize reads a kustomization.
func (p *Placement) kustomize(s Source, d *yamldoc.Document) *kustomization {
	k := &kustomization{folder: path.Dir(s.Path), file: s.Path, shown: path.Dir(s.File.Name), component: yamldoc.Scalar(d.Root, "kind") == "Component"}
	if d.Root.Kind != yaml.MappingNode {
		return k
	}
	pairs, _ := yamldoc.Pairs(d.Root)
	for _, pair := range pairs {
		key := pair.Key.Value
		switch {
		case key == "namespace" && policy.IsLabel(pair.Value.Value):
			k.namespace = pair.Value.Value
		case slices.Contains(using, key):
			for _, n := range pair.Value.Content {
				k.uses = append(k.uses, used{path.Join(k.folder, n.Value), d.Span(n)})
			}
		case key == "components":
			for _, n := range pair.Value.Content {
				k.components = append(k.components, path.Join(k.folder, n.Value))
			}
		case slices.Contains(patching, key):
			for _, n := range pair.Value.Content {
				k.changes = append(k.changes, p.patch(k, d, key, n)...)
			}
		case key == "replacements":
			for _, n := range pair.Value.Content {
				k.changes = append(k.changes, p.replacements(k, d, n)...)
			}
		case key == "commonAnnotations" && !strings.Contains(d.Text, "istio.io/"):
		case !slices.Contains(harmless, key):
			k.changes = append(k.changes, &change{field: key, at: d.Span(pair.Key), by: k})
		}
		if key == "transformers" || key == "generators" || key == "configurations" {
			for _, n := range pair.Value.Content {
				if n := yamldoc.Resolve(n); n.Kind == yaml.ScalarNode {
					p.patches[path.Join(k.folder, n.Value)] = true
				} else {
					p.patches[path.Join(k.folder, yamldoc.Scalar(n, "path"))] = true
				}
			}
		}
	}
	return k
}

// follow finds what the kustomizations use that no other one does, or that something applies. The namespace of the
// outermost one counts, and moves what names another.
func (p *Placement) follow() {
	inner := map[string]bool{}
	for _, k := range p.kustomizations {
		for _, u := range k.uses {
			inner[u.path] = true
		}
		for _, c := range k.components {
			inner[c] = true
		}
	}
	for folder, k := range p.kustomizations {
		roots := p.applied[folder]
		if !inner[folder] && !k.component {
			roots = p.around(folder)
			if len(roots) == 0 {
				roots = []Place{{}}
			}
		}
		for _, at := range roots {
			at.folder = folder
			w := walk{p, map[visit]bool{}, map[string]bool{}}
			w.place(k, at)
		}
		w := walk{p, map[visit]bool{}, map[string]bool{}}
		if changes := p.changesOf(k, map[string]bool{}); len(changes) > 0 {
			w.change(k, changes)
		}
	}
	for file, all := range p.within {
		p.within[file] = places(all)
	}
}

// walk is a way down what a kustomization uses.
type walk struct {
	*Placement
	placed  map[visit]bool
	changed map[string]bool
}

type visit struct {
	folder string
	at     Place
}

func (w *walk) place(k *kustomization, at Place) {
	if namespace := w.namespaceOf(k, map[string]bool{}); namespace != "" && !at.Moves {
		at.Namespace, at.Moves = namespace, true
	}
	if w.placed[visit{k.folder, at}] {
		return
	}
	w.placed[visit{k.folder, at}] = true
	for _, u := range w.allOf(k) {
		if inner := w.kustomizations[u]; inner != nil {
			w.place(inner, at)
		} else {
			w.within[u] = append(w.within[u], at)
		}
	}
}

// allOf is what a kustomization uses, with its components.
func (p *Placement) allOf(k *kustomization) []string {
	all := slices.Clone(k.components)
	for _, u := range k.uses {
		all = append(all, u.path)
	}
	return all
}

// namespaceOf is the namespace of a kustomization, or else that of the last of its components, which change all that it
// has.
func (p *Placement) namespaceOf(k *kustomization, seen map[string]bool) string {
	if k.namespace != "" || seen[k.folder] {
		return k.namespace
	}
	seen[k.folder] = true
	for _, c := range slices.Backward(k.components) {
		if inner := p.kustomizations[c]; inner != nil {
			if namespace := p.namespaceOf(inner, seen); namespace != "" {
				return namespace
			}
		}
	}
	return ""
}

// changesOf is the changes of a kustomization and of its components.
func (p *Placement) changesOf(k *kustomization, seen map[string]bool) []*change {
	if seen[k.folder] {
		return nil
	}
	seen[k.folder] = true
	all := slices.Clone(k.changes)
	for _, c := range k.components {
		if inner := p.kustomizations[c]; inner != nil {
			all = append(all, p.changesOf(inner, seen)...)
		}
	}
	return all
}

func (w *walk) change(k *kustomization, changes []*change) {
	if w.changed[k.folder] {
		return
	}
	w.changed[k.folder] = true
	for _, u := range w.allOf(k) {
		if inner := w.kustomizations[u]; inner != nil {
			w.change(inner, changes)
		} else if !w.changed[u] {
			w.changed[u] = true
			w.changes[u] = append(w.changes[u], changes...)
		}
	}
}

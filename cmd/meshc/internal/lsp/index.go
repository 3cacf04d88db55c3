package lsp

import (
	"cmp"
	"slices"
	"sync"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// index is the names of a project by their places, and the places by what is named. Each of its parts is made when it
// is asked for the first time, and of one file or one namespace where that is enough: there is another index after
// every keystroke.
type index struct {
	*compiler.Checked
	inventory *inventory.Set // nil where the project has none

	services  func() map[symbol]*policy.Service
	externals func() map[symbol]*policy.External
	meshes    func() map[string]*policy.Mesh
	runs      func() map[*source.File][][]check.Named // of the names in intents
	defs      func() map[symbol]source.Span           // where what is named in intents is declared
	offers    func() map[*policy.Mesh][]*candidate    // the services of each mesh, as another mesh names them

	mutex sync.Mutex
	names map[*source.File][]name
	pods  map[string]map[*policy.Service][]*inventory.Workload // by namespace
}

// name is a place with a name.
type name struct {
	at     source.Span
	of     symbol
	to     source.Span // where it is declared
	object bool        // in a workload manifest, where it is a value of Kubernetes
}

// symbol is what a name stands for.
type symbol struct {
	kind            check.ObjectKind
	namespace, name string
}

func symbolOf(o *check.Object) symbol { return symbol{o.Kind, o.Namespace, o.Name} }

func newIndex(c *compiler.Checked, inv *inventory.Set) *index {
	x := &index{Checked: c, inventory: inv, names: map[*source.File][]name{}, pods: map[string]map[*policy.Service][]*inventory.Workload{}}
	x.services = sync.OnceValue(func() map[symbol]*policy.Service {
		all := map[symbol]*policy.Service{}
		for _, m := range c.Policy.Meshes {
			for _, s := range m.Services {
				all[symbol{check.ServiceName, m.Name, s.Name}] = s
			}
		}
		return all
	})
	x.externals = sync.OnceValue(func() map[symbol]*policy.External {
		all := map[symbol]*policy.External{}
		for _, m := range c.Policy.Meshes {
			for _, e := range m.Externals {
				all[symbol{check.ExternalName, m.Name, e.Name}] = e
			}
		}
		return all
	})
	x.meshes = sync.OnceValue(func() map[string]*policy.Mesh {
		all := map[string]*policy.Mesh{}
		for _, m := range c.Policy.Meshes {
			all[m.Name] = m
		}
		return all
	})
	x.runs = sync.OnceValue(func() map[*source.File][][]check.Named {
		all := map[*source.File][][]check.Named{}
		names := c.Info.Names
		for start := 0; start < len(names); {
			end := start + 1
			for end < len(names) && names[end].At.File == names[start].At.File {
				end++
			}
			all[names[start].At.File] = append(all[names[start].At.File], names[start:end])
			start = end
		}
		return all
	})
	x.offers = sync.OnceValue(func() map[*policy.Mesh][]*candidate {
		all := map[*policy.Mesh][]*candidate{}
		for _, m := range c.Policy.Meshes {
			for _, s := range m.Services {
				if !s.Unnamed {
					all[m] = append(all[m], &candidate{label: s.ID(), kind: protocol.CompletionItemKindClass, detail: cmp.Or(s.Account, "service")})
				}
			}
		}
		return all
	})
	x.defs = sync.OnceValue(func() map[symbol]source.Span {
		all := map[symbol]source.Span{}
		for _, n := range c.Info.Names {
			if s := symbolOf(n.Object); n.At == n.Object.At || all[s].IsZero() {
				all[s] = n.Object.At
			}
		}
		return all
	})
	return x
}

// at returns the name at an offset of a file, and whether there is one. The end of a name counts as in it.
func (x *index) at(f *source.File, offset int) (name, bool) {
	all := x.namesIn(f)
	i, _ := slices.BinarySearchFunc(all, offset, func(n name, offset int) int { return cmp.Compare(int(n.at.End), offset) })
	if i < len(all) && int(all[i].at.Start) <= offset {
		return all[i], true
	}
	return name{}, false
}

// namesIn returns the names in a file, sorted by place, without those that overlap an earlier one.
func (x *index) namesIn(f *source.File) []name {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	all, known := x.names[f]
	if known {
		return all
	}
	for _, run := range x.runs()[f] {
		for _, n := range run {
			all = append(all, name{n.At, symbolOf(n.Object), n.Object.At, false})
		}
	}
	for _, namespace := range x.namespacesIn(f) {
		all = slices.AppendSeq(all, func(yield func(name) bool) {
			x.inManifests(namespace, func(n name) bool { return n.at.File != f || yield(n) })
		})
	}
	slices.SortFunc(all, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.at.Start, b.at.Start), cmp.Compare(a.at.End, b.at.End))
	})
	all = slices.CompactFunc(all, func(a, b name) bool { return max(a.at.Start, b.at.Start) < min(a.at.End, b.at.End) })
	x.names[f] = all
	return all
}

// namespacesIn returns those of the workloads that a manifest has.
func (x *index) namespacesIn(f *source.File) (all []string) {
	if x.inventory == nil || isIntents(f.Name) {
		return nil
	}
	for _, w := range x.inventory.Workloads {
		if w.At.File == f && !slices.Contains(all, w.Namespace) {
			all = append(all, w.Namespace)
		}
	}
	return all
}

// def returns where something is declared, or what of manifests gives it its name; zero where neither is known.
func (x *index) def(s symbol) source.Span {
	at := x.defs()[s]
	if service := x.services()[s]; at.IsZero() && service != nil {
		return service.At
	}
	return at
}

// places returns every place that names something, sorted.
func (x *index) places(s symbol) (all []source.Span) {
	for _, n := range x.Info.Names {
		if n.Object.Name == s.name && symbolOf(n.Object) == s {
			all = append(all, n.At)
		}
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.inManifests(s.namespace, func(n name) bool {
		if n.of == s {
			all = append(all, n.at)
		}
		return true
	})
	slices.SortFunc(all, source.Span.Compare)
	return slices.Compact(all)
}

// workloads returns those that a service selects; s may be nil.
func (x *index) workloads(s *policy.Service) []*inventory.Workload {
	if s == nil {
		return nil
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.podsOf(s.Namespace)[s]
}

// podsOf returns the workloads that each service of a namespace selects.
func (x *index) podsOf(namespace string) map[*policy.Service][]*inventory.Workload {
	pods, known := x.pods[namespace]
	if known {
		return pods
	}
	pods = map[*policy.Service][]*inventory.Workload{}
	if m := x.meshes()[namespace]; m != nil && x.inventory != nil {
		for _, w := range x.inventory.Workloads {
			if w.Namespace != namespace {
				continue
			}
			for _, s := range m.Services {
				if len(s.Pods) > 0 && selects(s, w) {
					pods[s] = append(pods[s], w)
				}
			}
		}
	}
	x.pods[namespace] = pods
	return pods
}

// inManifests yields the values in the manifests of a namespace that name a service or an account.
func (x *index) inManifests(namespace string, yield func(name) bool) {
	for s, workloads := range x.podsOf(namespace) {
		of := symbol{check.ServiceName, s.Namespace, s.Name}
		to := x.def(of)
		for _, w := range workloads {
			if !yield(name{w.NameAt, of, to, true}) {
				return
			}
			if w.AccountAt == w.At || w.AccountAt.Text() == "" {
				continue
			}
			account := symbol{check.AccountName, w.Namespace, w.Account}
			if !yield(name{w.AccountAt, account, cmp.Or(x.defs()[account], w.AccountAt), true}) {
				return
			}
		}
	}
}

func selects(s *policy.Service, w *inventory.Workload) bool {
	return len(s.Labels) > 0 && !slices.ContainsFunc(s.Labels, func(l policy.Label) bool { return w.Labels[l.Key] != l.Value })
}

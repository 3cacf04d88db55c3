package enforce

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Mesh is what manifests do not say about the mesh that they are for.
type Mesh struct {
	TrustDomain   string   // empty: cluster.local
	Aliases       []string // trust domains whose identities policies treat as those of TrustDomain
	RootNamespace string   // whose policies bind every namespace; empty: istio-system
	Shadow        bool     // judge policies in dry-run as if they were enforced
	Meshless      bool     // policies are those of the network, which knows the pods of the cluster
	Settled       bool     // its settings were read, and are judged elsewhere
	Aside         *Aside   // who passes no waypoint; nil: everyone with an identity does
}

// Layer is every object of a set of manifests. It does not change once it is made, and may be shared.
type Layer struct {
	Policies     []*Object      // sorted by role, namespace and age; by name where no age is known
	Destinations []*Destination // sorted by namespace and age
	Mesh         Mesh

	Gateways   []*Object                   // that select the pods of gateways, those without a value by any value
	Dataplanes map[string]policy.Dataplane // of the pods of a namespace of which nothing else is known

	Table space.Table // of the dimensions of conditions

	index   map[string]*within // by namespace
	inForce []*inForce
	relays  *sync.Map // relay by *policy.Waypoint
}

// within is the objects of a namespace: those without a selector, and others by the first label of theirs, which every
// workload that they bind has; those with targets in place of a selector by each target.
type within struct {
	whole    []*Object
	labelled map[Label][]*Object
}

var nothing within

// in is the objects of a namespace.
func (m *Layer) in(namespace string) *within {
	if of := m.index[namespace]; of != nil {
		return of
	}
	return &nothing
}

const defaultDomain = "cluster.local"

// NewLayer makes a layer of objects, and sorts the lists.
func NewLayer(mesh Mesh, table space.Table, policies []*Object, destinations []*Destination) *Layer {
	m := &Layer{Policies: byRole(policies), Destinations: destinations, Mesh: mesh, Table: table, index: map[string]*within{}, relays: new(sync.Map)}
	slices.SortStableFunc(m.Destinations, func(a, b *Destination) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), byAge(a.Created, b.Created), cmp.Compare(a.Name, b.Name))
	})
	m.inForce = destinationsInForce(m.Destinations, mesh.RootNamespace)
	for rest := m.Policies; len(rest) > 0; {
		namespace := rest[0].Namespace
		n := 1
		for n < len(rest) && rest[n].Namespace == namespace {
			n++
		}
		of := m.index[namespace]
		if of == nil {
			of = &within{labelled: make(map[Label][]*Object, n)}
			m.index[namespace] = of
		}
		of.add(rest[:n])
		rest = rest[n:]
	}
	return m
}

// add adds objects of the namespace.
func (of *within) add(all []*Object) {
	for _, p := range all {
		i := slices.IndexFunc(p.Selector, func(l Label) bool { return !slices.Contains(p.Added, l.Key) })
		if i < 0 && p.Gateways {
			for n, target := range p.Targets {
				if !slices.Contains(p.Targets[:n], target) {
					of.labelled[target] = append(of.labelled[target], p)
				}
			}
			continue
		}
		if i < 0 {
			of.whole = append(of.whole, p)
			continue
		}
		of.labelled[p.Selector[i]] = append(of.labelled[p.Selector[i]], p)
	}
}

// byRole sorts objects by role, namespace and age. Most sets of manifests have many namespaces of few objects each.
func byRole(objects []*Object) []*Object {
	type scope struct {
		role      Role
		namespace string
	}
	in := map[scope][]*Object{}
	for rest := objects; len(rest) > 0; {
		of, n := scope{rest[0].Role, rest[0].Namespace}, 1
		for n < len(rest) && of == (scope{rest[n].Role, rest[n].Namespace}) {
			n++
		}
		in[of] = append(in[of], rest[:n]...)
		rest = rest[n:]
	}
	sorted := objects[:0]
	for _, of := range slices.SortedFunc(maps.Keys(in), func(a, b scope) int {
		return cmp.Or(cmp.Compare(a.role, b.role), strings.Compare(a.namespace, b.namespace))
	}) {
		slices.SortStableFunc(in[of], older)
		sorted = append(sorted, in[of]...)
	}
	return sorted
}

// With is the layer together with more objects, without those whose names it has.
func (m *Layer) With(more []*Object) *Layer {
	if len(more) == 0 {
		return m
	}
	type key struct{ kind, namespace, name string }
	taken := make(map[key]bool, len(m.Policies))
	for _, p := range m.Policies {
		taken[key{p.Kind, p.Namespace, p.Name}] = true
	}
	all := slices.Clone(m.Policies)
	for _, p := range more {
		if !taken[key{p.Kind, p.Namespace, p.Name}] {
			all = append(all, p)
		}
	}
	with := NewLayer(m.Mesh, m.Table, all, m.Destinations)
	with.Gateways, with.Dataplanes = m.Gateways, m.Dataplanes
	return with
}

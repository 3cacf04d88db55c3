package enforce

import (
	"cmp"
	"slices"
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

	index   map[scope][]*Object
	inForce []*inForce
	relays  *sync.Map // of the identities of waypoints
}

// scope is the key by which an object is found: its namespace, and the first label of its selector, which every workload
// that it binds has; of an object with targets in place of a selector, each target.
type scope struct {
	namespace string
	Label
}

const defaultDomain = "cluster.local"

// NewLayer makes a layer of objects, which it sorts.
func NewLayer(mesh Mesh, table space.Table, policies []*Object, destinations []*Destination) *Layer {
	m := &Layer{Policies: policies, Destinations: destinations, Mesh: mesh, Table: table, index: make(map[scope][]*Object, len(policies)), relays: new(sync.Map)}
	slices.SortStableFunc(m.Policies, func(a, b *Object) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Namespace, b.Namespace), older(a, b))
	})
	slices.SortStableFunc(m.Destinations, func(a, b *Destination) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), byAge(a.Created, b.Created), cmp.Compare(a.Name, b.Name))
	})
	m.inForce = destinationsInForce(m.Destinations, mesh.RootNamespace)
	for _, p := range m.Policies {
		s := scope{namespace: p.Namespace}
		i := slices.IndexFunc(p.Selector, func(l Label) bool { return !slices.Contains(p.Added, l.Key) })
		if i < 0 && p.Gateways {
			for n, target := range p.Targets {
				if s.Label = target; !slices.Contains(p.Targets[:n], target) {
					m.index[s] = append(m.index[s], p)
				}
			}
			continue
		}
		if i >= 0 {
			s.Label = p.Selector[i]
		}
		m.index[s] = append(m.index[s], p)
	}
	return m
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

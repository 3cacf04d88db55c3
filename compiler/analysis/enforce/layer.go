package enforce

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Mesh is what manifests do not say about the mesh that they are for.
type Mesh struct {
	TrustDomain   string // empty: cluster.local
	RootNamespace string // whose policies bind every namespace; empty: istio-system
	Shadow        bool   // judge policies in dry-run as if they were enforced
}

// Layer is every object of a set of manifests. It does not change once it is made, and may be shared.
type Layer struct {
	Policies     []*Object      // sorted by role, namespace and age; by name where no age is known
	Destinations []*Destination // sorted by namespace and age
	Mesh         Mesh

	Gateways   []*Object                   // that select the pods of gateways, those without a value by any value
	Dataplanes map[string]policy.Dataplane // of the pods of a namespace of which nothing else is known

	Table space.Table // of the dimensions of conditions

	index map[scope][]*Object
}

// scope is the key by which an object is found: its namespace, and the first label of its selector, which every workload
// that it binds has.
type scope struct {
	namespace string
	Label
}

const defaultDomain = "cluster.local"

// NewLayer makes a layer of objects, which it sorts.
func NewLayer(mesh Mesh, table space.Table, policies []*Object, destinations []*Destination) *Layer {
	m := &Layer{Policies: policies, Destinations: destinations, Mesh: mesh, Table: table, index: make(map[scope][]*Object, len(policies))}
	slices.SortStableFunc(m.Policies, func(a, b *Object) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Namespace, b.Namespace), older(a, b))
	})
	slices.SortStableFunc(m.Destinations, func(a, b *Destination) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), byAge(a.Created, b.Created), cmp.Compare(a.Name, b.Name))
	})
	for _, p := range m.Policies {
		s := scope{namespace: p.Namespace}
		if i := slices.IndexFunc(p.Selector, func(l Label) bool { return !slices.Contains(p.Added, l.Key) }); i >= 0 {
			s.Label = p.Selector[i]
		}
		m.index[s] = append(m.index[s], p)
	}
	return m
}

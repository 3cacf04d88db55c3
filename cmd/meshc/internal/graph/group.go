package graph

import "slices"

// group is nodes that are drawn together. All but the group everyone have a frame.
type group struct {
	kind  groupKind
	name  string // of a namespace
	label string
	nodes []*Node
}

type groupKind uint8

const (
	inNamespace groupKind = iota
	unmeshed              // externals and services without a proxy, whatever namespace declares them
	everyone              // any and world
)

func (k groupKind) String() string { return [...]string{"namespace", "outside", "everyone"}[k] }

const unmeshedLabel = "outside the mesh"

// groups returns the namespaces by name, then the groups of what belongs to none. No group is empty.
func (g *Graph) groups() []group {
	all := make([]group, 0, len(g.Namespaces)+2)
	index := map[string]int{}
	for i, ns := range g.Namespaces {
		index[ns.Name] = i
		all = append(all, group{name: ns.Name, label: ns.title()})
	}
	all = append(all, group{kind: unmeshed, label: unmeshedLabel}, group{kind: everyone})
	for _, n := range g.Nodes {
		i, ok := index[n.Namespace]
		switch {
		case n.Kind.isUnmeshed():
			i = len(g.Namespaces)
		case n.Kind == Any || n.Kind == World || !ok:
			i = len(g.Namespaces) + 1
		}
		all[i].nodes = append(all[i].nodes, n)
	}
	return slices.DeleteFunc(all, func(gr group) bool { return len(gr.nodes) == 0 })
}

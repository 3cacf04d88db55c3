package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// Focus keeps the named nodes, the nodes that they call or that call them, and the edges between the former and the
// latter. A name is a node's ID, a whole namespace, or the bare name of a service where only one has it. For any other
// name the error suggests the nearest one.
func (g *Graph) Focus(names []string) (*Graph, error) {
	focus := map[*Node]bool{}
	for _, name := range names {
		found, err := g.find(name)
		if err != nil {
			return nil, err
		}
		for _, n := range found {
			focus[n] = true
		}
	}
	kept := map[*Node]bool{}
	out := &Graph{Environment: g.Environment, Compared: g.Compared}
	for _, e := range g.Edges {
		if focus[e.From] || focus[e.To] {
			kept[e.From], kept[e.To] = true, true
			out.Edges = append(out.Edges, e)
		}
	}
	namespaces := map[string]bool{}
	for _, n := range g.Nodes {
		if kept[n] || focus[n] {
			out.Nodes = append(out.Nodes, n)
			namespaces[n.Namespace] = true
		}
	}
	for _, ns := range g.Namespaces {
		if namespaces[ns.Name] {
			out.Namespaces = append(out.Namespaces, ns)
		}
	}
	return out, nil
}

func (g *Graph) find(name string) ([]*Node, error) {
	var exact, inside, named []*Node
	var known []string
	for _, n := range g.Nodes {
		known = append(known, n.ID)
		switch name {
		case n.ID:
			exact = append(exact, n)
		case n.Namespace:
			inside = append(inside, n)
		case n.Name:
			named = append(named, n)
		}
	}
	switch {
	case len(exact) > 0:
		return exact, nil
	case len(inside) > 0 && name != "":
		return inside, nil
	case len(named) == 1:
		return named, nil
	case len(named) > 1:
		return nil, fmt.Errorf("%q is ambiguous: %s", name, listIDs(named))
	case slices.ContainsFunc(g.Namespaces, func(ns Namespace) bool { return ns.Name == name }):
		return nil, fmt.Errorf("namespace %s has no services", name)
	}
	for _, ns := range g.Namespaces {
		known = append(known, ns.Name)
	}
	for _, n := range g.Nodes {
		known = append(known, n.Name)
	}
	if near, ok := diag.Nearest(name, known); ok {
		return nil, fmt.Errorf("%q is neither a service nor a namespace; did you mean %s?", name, near)
	}
	return nil, fmt.Errorf("%q is neither a service nor a namespace; want one such as shop/backend or shop", name)
}

// listIDs returns the IDs of some nodes, and how many are left out where they are many.
func listIDs(nodes []*Node) string {
	const most = 10
	var ids []string
	for _, n := range nodes[:min(most, len(nodes))] {
		ids = append(ids, n.ID)
	}
	text := strings.Join(ids, ", ")
	if rest := len(nodes) - most; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

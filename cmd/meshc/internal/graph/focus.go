package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// Focus keeps some nodes, those that they call or that call them, and the edges between the former and the
// latter. A name is a node's ID, a whole namespace, or the bare name of a service where only one has it. The
// error names what is not there, with the nearest that is.
func (g *Graph) Focus(names []string) (*Graph, error) {
	centre := map[*Node]bool{}
	for _, name := range names {
		found, err := g.find(name)
		if err != nil {
			return nil, err
		}
		for _, n := range found {
			centre[n] = true
		}
	}
	kept := map[*Node]bool{}
	out := *g
	out.Nodes, out.Edges, out.Namespaces = nil, nil, nil
	for _, e := range g.Edges {
		if centre[e.From] || centre[e.To] {
			kept[e.From], kept[e.To] = true, true
			out.Edges = append(out.Edges, e)
		}
	}
	spaces := map[string]bool{}
	for _, n := range g.Nodes {
		if kept[n] || centre[n] {
			out.Nodes = append(out.Nodes, n)
			spaces[n.Namespace] = true
		}
	}
	for _, ns := range g.Namespaces {
		if spaces[ns.Name] {
			out.Namespaces = append(out.Namespaces, ns)
		}
	}
	return &out, nil
}

func (g *Graph) find(name string) ([]*Node, error) {
	var exact, named, inside []*Node
	words := make([]string, 0, len(g.Nodes))
	for _, n := range g.Nodes {
		words = append(words, n.ID)
		switch {
		case n.ID == name:
			exact = append(exact, n)
		case n.Namespace == name && name != "":
			inside = append(inside, n)
		case n.Name == name:
			named = append(named, n)
		}
	}
	switch {
	case len(exact) > 0:
		return exact, nil
	case len(inside) > 0:
		return inside, nil
	case len(named) == 1:
		return named, nil
	case len(named) > 1:
		return nil, fmt.Errorf("there is more than one %s: %s", name, listed(ids(named)))
	}
	if i := slices.IndexFunc(g.Namespaces, func(ns Namespace) bool { return ns.Name == name }); i >= 0 {
		return nil, fmt.Errorf("namespace %s has no services", name)
	}
	for _, ns := range g.Namespaces {
		words = append(words, ns.Name)
	}
	for _, n := range g.Nodes {
		words = append(words, n.Name)
	}
	if near, ok := diag.Nearest(name, words); ok {
		return nil, fmt.Errorf("there is no %q: did you mean %s?", name, near)
	}
	return nil, fmt.Errorf("there is no %q: want a service as in shop/backend, or a namespace", name)
}

func ids(nodes []*Node) []string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.ID)
	}
	return all
}

const listedAtMost = 10

func listed(words []string) string {
	if rest := len(words) - listedAtMost; rest > 0 {
		return strings.Join(words[:listedAtMost], ", ") + fmt.Sprintf(" and %d more", rest)
	}
	return strings.Join(words, ", ")
}

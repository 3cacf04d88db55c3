package graph

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Focus keeps the named nodes, the nodes that they call or that call them, and the edges between the former and the
// latter. A name is that of a namespace, any, world, or what policy.Find finds in one of the projects. The error is
// that of policy.Find.
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

func (g *Graph) find(name string) (found []*Node, err error) {
	if name == "" {
		return nil, errors.New("want a service or a namespace, such as shop/backend or shop")
	}
	ids := map[string]bool{}
	for _, n := range g.Nodes {
		if n.Namespace == name || n.Namespace == "" && n.ID == name {
			ids[n.ID] = true
		}
	}
	if len(ids) == 0 && slices.ContainsFunc(g.Namespaces, func(ns Namespace) bool { return ns.Name == name }) {
		return nil, fmt.Errorf("namespace %s has no services", name)
	}
	if len(ids) == 0 {
		for _, p := range g.policies {
			named, unknown := p.Find(name)
			if unknown != nil {
				err = cmp.Or(err, unknown)
				continue
			}
			for _, s := range named.Services {
				ids[s.ID()] = true
			}
			if named.External != nil {
				ids[named.External.Namespace+"/"+named.External.Name] = true
			}
		}
	}
	for _, n := range g.Nodes {
		if ids[n.ID] {
			found = append(found, n)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, err
}

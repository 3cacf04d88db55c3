package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Compare returns the graph of two projects together, with each node, edge and rule marked by how it changed. An edge
// is Added (opened) where no request passed before and some do after, Removed (closed) the other way round, and
// Changed where its rules, its denies or its mutual TLS differ in any other way.
func Compare(before, after *Graph) *Graph {
	g := &Graph{Environment: after.Environment, Compared: true, policies: slices.Concat(after.policies, before.policies)}
	namespaces := map[string]bool{}
	for _, ns := range slices.Concat(after.Namespaces, before.Namespaces) {
		if !namespaces[ns.Name] {
			namespaces[ns.Name] = true
			g.Namespaces = append(g.Namespaces, ns)
		}
	}

	old, nodes := map[string]bool{}, map[string]*Node{}
	for _, n := range before.Nodes {
		old[n.ID] = true
	}
	for i, n := range slices.Concat(after.Nodes, before.Nodes) {
		if nodes[n.ID] != nil {
			continue
		}
		marked := *n
		if i >= len(after.Nodes) {
			marked.Change = Removed
		} else if !old[n.ID] {
			marked.Change = Added
		}
		nodes[n.ID] = &marked
		g.Nodes = append(g.Nodes, &marked)
	}

	was, is := before.edgesByEnds(), after.edgesByEnds()
	for _, e := range slices.Concat(after.Edges, before.Edges) {
		key := e.ends()
		if was[key] == nil && is[key] == nil {
			continue // both were entered already
		}
		nothing := &Edge{MTLS: NoMTLS}
		merged := merge(cmp.Or(was[key], nothing), cmp.Or(is[key], nothing))
		merged.From, merged.To = nodes[key.from], nodes[key.to]
		g.Edges = append(g.Edges, merged)
		delete(was, key)
		delete(is, key)
	}
	g.sort()
	return g
}

func (g *Graph) edgesByEnds() map[ends]*Edge {
	edges := make(map[ends]*Edge, len(g.Edges))
	for _, e := range g.Edges {
		edges[e.ends()] = e
	}
	return edges
}

// merge returns an edge with the rules of two, without its ends.
func merge(before, after *Edge) *Edge {
	e := &Edge{MTLS: after.MTLS, Token: after.Token, Denied: after.Denied}
	e.Allow = mergeRules(before.Allow, after.Allow)
	e.Deny = mergeRules(before.Deny, after.Deny)
	e.Ask = mergeRules(before.Ask, after.Ask)
	switch {
	case !before.Passes() && after.Passes():
		e.Change = Added
	case before.Passes() && !after.Passes():
		e.Change = Removed
		if len(after.Allow) == 0 {
			e.MTLS, e.Denied = before.MTLS, before.Denied
		}
	case before.MTLS != after.MTLS || before.Denied != after.Denied || e.rulesDiffer():
		e.Change = Changed
	}
	return e
}

// rulesDiffer reports whether the edge gained or lost a rule.
func (e *Edge) rulesDiffer() bool {
	return slices.ContainsFunc(e.rules(), func(r Rule) bool { return r.Change != Same })
}

// mergeRules returns the rules of after, followed by those of before that are gone.
func mergeRules(before, after []Rule) []Rule {
	count := map[string]int{}
	for i := range before {
		count[before[i].key()]++
	}
	var out []Rule
	for _, r := range after {
		if key := r.key(); count[key] > 0 {
			count[key]--
		} else {
			r.Change = Added
		}
		out = append(out, r)
	}
	for _, r := range before {
		if key := r.key(); count[key] > 0 {
			count[key]--
			r.Change = Removed
			out = append(out, r)
		}
	}
	return out
}

// key is equal for two rules that concern the same requests, whatever their reasons and positions.
func (r Rule) key() string {
	var b strings.Builder
	for _, p := range r.Ports {
		fmt.Fprint(&b, p.Number, " ", p.MTLS, " ")
	}
	if len(r.Ports) == 0 {
		fmt.Fprint(&b, r.MTLS)
	}
	return b.String() + "\n" + strings.Join(slices.Concat(r.Operations, r.Clauses, r.Except, []string{r.Provider}), "\n")
}

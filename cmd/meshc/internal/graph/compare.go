package graph

import (
	"strconv"
	"strings"
)

// Compare gives the graph of both projects together, each node, edge and rule marked with what became of it
// since before. An edge is Added (opened) where no request passed before and some do now, Removed (closed) the
// other way round, and Changed where its rules, its denies or its lock differ in any other way.
func Compare(before, after *Graph) *Graph {
	g := &Graph{Environment: after.Environment, Compared: true}
	spaces := map[string]bool{}
	for _, ns := range after.Namespaces {
		spaces[ns.Name] = true
	}
	g.Namespaces = append(g.Namespaces, after.Namespaces...)
	for _, ns := range before.Namespaces {
		if !spaces[ns.Name] {
			g.Namespaces = append(g.Namespaces, ns)
		}
	}

	nodes := map[string]*Node{}
	enter := func(n *Node, change Change) {
		marked := *n
		marked.Change = change
		nodes[n.ID] = &marked
		g.Nodes = append(g.Nodes, &marked)
	}
	old := map[string]bool{}
	for _, n := range before.Nodes {
		old[n.ID] = true
	}
	for _, n := range after.Nodes {
		change := Same
		if !old[n.ID] {
			change = Added
		}
		enter(n, change)
	}
	for _, n := range before.Nodes {
		if nodes[n.ID] == nil {
			enter(n, Removed)
		}
	}

	was := map[pair]*Edge{}
	for _, e := range before.Edges {
		was[pair{e.From.ID, e.To.ID}] = e
	}
	nothing := &Edge{}
	for _, e := range after.Edges {
		key := pair{e.From.ID, e.To.ID}
		b := was[key]
		if b == nil {
			b = nothing
		}
		delete(was, key)
		g.Edges = append(g.Edges, merge(b, e, nodes[e.From.ID], nodes[e.To.ID]))
	}
	for _, b := range before.Edges {
		if was[pair{b.From.ID, b.To.ID}] != nil {
			g.Edges = append(g.Edges, merge(b, nothing, nodes[b.From.ID], nodes[b.To.ID]))
		}
	}
	g.sort()
	return g
}

func merge(before, after *Edge, from, to *Node) *Edge {
	e := &Edge{From: from, To: to, Lock: after.Lock, Denied: after.Denied}
	e.Allow = mergeRules(before.Allow, after.Allow)
	e.Deny = mergeRules(before.Deny, after.Deny)
	switch {
	case !before.Passes() && after.Passes():
		e.Change = Added
	case before.Passes() && !after.Passes():
		e.Change = Removed
		if len(after.Allow) == 0 {
			e.Lock, e.Denied = before.Lock, before.Denied
		}
	case before.Lock != after.Lock || before.Denied != after.Denied || differ(e.Allow) || differ(e.Deny):
		e.Change = Changed
	}
	return e
}

func differ(rules []Rule) bool {
	for _, r := range rules {
		if r.Change != Same {
			return true
		}
	}
	return false
}

// mergeRules is the rules of after, and behind them those of before that are gone.
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

// key is what a rule lets through, without why and where.
func (r *Rule) key() string {
	var b strings.Builder
	for _, p := range r.Ports {
		b.WriteString(strconv.Itoa(int(p.Number)) + p.Lock.String() + " ")
	}
	if len(r.Ports) == 0 {
		b.WriteString(r.Lock.String())
	}
	return b.String() + "\n" + strings.Join(r.Operations, "\n")
}

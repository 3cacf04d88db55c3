package graph

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

const indent = "  "

// Text returns a matrix of callers and callees. Below it are the changes, the denies with their reasons and, with
// detail, every edge. If a matrix would be too wide, edges are counted by namespace.
func Text(g *Graph, detail bool) []byte {
	var b bytes.Buffer
	callers, callees, idle := g.roles()
	wide := len(callees) > maxColumns
	switch {
	case len(callees) == 0:
		b.WriteString("nothing may call anything\n")
	case wide:
		g.writeCounts(&b, callers, callees)
	default:
		g.writeMatrix(&b, callers, callees)
	}
	if len(idle) > 0 {
		fmt.Fprintf(&b, "\nwithout edges: %s\n", listIDs(idle))
	}
	if !wide {
		if g.Compared {
			g.writeChanges(&b)
		}
		g.writeEdges(&b, detail)
	}
	return b.Bytes()
}

// roles returns the nodes that call, those that are called, with externals last, and those that do neither.
func (g *Graph) roles() (callers, callees, idle []*Node) {
	calls, called := map[*Node]bool{}, map[*Node]bool{}
	for _, e := range g.Edges {
		calls[e.From], called[e.To] = true, true
	}
	var externals []*Node
	for _, n := range g.Nodes {
		if calls[n] {
			callers = append(callers, n)
		}
		switch {
		case called[n] && n.Kind == External:
			externals = append(externals, n)
		case called[n]:
			callees = append(callees, n)
		case !calls[n]:
			idle = append(idle, n)
		}
	}
	return callers, append(callees, externals...), idle
}

func (g *Graph) writeChanges(b *bytes.Buffer) {
	b.WriteString("\nchanges:\n")
	if !slices.ContainsFunc(g.Edges, func(e *Edge) bool { return e.Change != Same }) {
		b.WriteString(indent + "none\n")
	}
	for _, e := range g.Edges {
		switch {
		case e.Change == Changed && !e.rulesDiffer():
			fmt.Fprintf(b, "%s~ %s -> %s: other denies apply to it\n", indent, e.From.ID, e.To.ID)
		case e.Change != Same:
			e.write(b, func(r Rule) bool { return e.Change != Changed || r.Change != Same })
		}
	}
}

// writeEdges lists every edge, or without detail the denies that are not among the changes.
func (g *Graph) writeEdges(b *bytes.Buffer, detail bool) {
	title := "\nedges:\n"
	if !detail {
		title = "\ndenies and asks:\n"
		if !slices.ContainsFunc(g.Edges, func(e *Edge) bool { return len(e.Ask) > 0 }) {
			title = "\ndenies:\n"
		}
	}
	for _, e := range g.Edges {
		if !detail && (len(e.Deny)+len(e.Ask) == 0 || e.Change != Same) {
			continue
		}
		b.WriteString(title)
		title = ""
		e.write(b, func(r Rule) bool { return detail || r.restricts() })
	}
}

// write lists the rules of an edge that are wanted. Where an edge changed and a rule of it did not, a blank stands in
// place of the rule's sign.
func (e *Edge) write(b *bytes.Buffer, want func(Rule) bool) {
	for _, r := range e.rules() {
		if !want(r) {
			continue
		}
		b.WriteString(indent)
		if e.Change != Same && r.Change == Same {
			b.WriteString(indent)
		}
		b.WriteString(e.statement(r) + "\n")
	}
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

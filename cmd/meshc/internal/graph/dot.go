package graph

import (
	"bytes"
	"fmt"
	"strings"
)

// DOT is the graph in the language of Graphviz.
func DOT(g *Graph) []byte {
	var b bytes.Buffer
	b.WriteString("digraph mesh {\n\trankdir=LR\n\tnode [shape=box, style=rounded, fontname=\"sans-serif\"]\n\tedge [fontname=\"sans-serif\", fontsize=10]\n")
	for i, group := range g.groups() {
		open := group.kind != everyone
		if open {
			fmt.Fprintf(&b, "\tsubgraph cluster_%d {\n\t\tlabel=%s\n", i, dotString(group.label()))
			if group.kind == outsiders {
				b.WriteString("\t\tstyle=dashed\n")
			}
		}
		for _, n := range group.nodes {
			fmt.Fprintf(&b, "\t\t%s [label=%s, tooltip=%s%s]\n", dotString(n.ID), dotString(n.label()), dotString(n.ID+" "+n.At), dotNode(n))
		}
		if open {
			b.WriteString("\t}\n")
		}
	}
	for _, e := range g.Edges {
		var words []string
		for _, r := range e.Allow {
			words = append(words, e.sentence(&r, false))
		}
		for _, r := range e.Deny {
			words = append(words, e.sentence(&r, true))
		}
		fmt.Fprintf(&b, "\t%s -> %s [label=%s, tooltip=%s%s]\n", dotString(e.From.ID), dotString(e.To.ID), dotString(e.summary()), dotString(strings.Join(words, "\n")), dotEdge(e))
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// dotString quotes a text. A backslash begins an escape in labels, so it is doubled.
// https://graphviz.org/docs/attr-types/escString/
func dotString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", ` `, "\x00", ` `).Replace(s) + `"`
}

func dotNode(n *Node) string {
	switch n.Kind {
	case Outside, External:
		return `, style="rounded,dashed"`
	case Mesh, Any, World:
		return `, shape=ellipse, style=""`
	}
	return ""
}

func dotEdge(e *Edge) string {
	style := ""
	switch {
	case !e.Passes():
		style = `, style=dotted, arrowhead=tee, color="#b3261e"`
	case e.Lock == NoLock:
		style = ", style=dashed"
	}
	switch e.Change {
	case Added:
		style += `, color="#008562", penwidth=2`
	case Removed:
		style += `, color="#c24f00", penwidth=2`
	case Changed:
		style += `, color="#0067a8", penwidth=2`
	}
	return style
}

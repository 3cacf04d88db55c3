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
			if open {
				b.WriteByte('\t')
			}
			fmt.Fprintf(&b, "\t%s [label=%s, tooltip=%s%s]\n", dotString(n.ID), dotString(n.label()), dotString(n.story()), dotNode(n))
		}
		if open {
			b.WriteString("\t}\n")
		}
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "\t%s -> %s [label=%s, tooltip=%s%s]\n", dotString(e.From.ID), dotString(e.To.ID), dotString(plain.of(e)), dotString(e.story()), dotEdge(e))
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
	style, colour := "", ""
	switch {
	case !e.Passes():
		style, colour = ", style=dotted, arrowhead=tee", "#b3261e"
	case e.Lock == NoLock:
		style = ", style=dashed"
	}
	if e.Change != Same {
		style, colour = style+", penwidth=2", changeColours[e.Change]
	}
	if colour != "" {
		style += ", color=" + dotString(colour)
	}
	return style
}

// changeColours are those of the page on a light ground, which people with any kind of colour vision tell apart.
var changeColours = [...]string{Added: "#00794f", Removed: "#b83a00", Changed: "#7440b0"}

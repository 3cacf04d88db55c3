package graph

import (
	"bytes"
	"fmt"
	"strings"
)

// DOT returns the graph in the language of Graphviz.
func DOT(g *Graph) []byte {
	var b bytes.Buffer
	b.WriteString("digraph mesh {\n\trankdir=LR\n\tnode [shape=box, style=rounded, fontname=\"sans-serif\"]\n\tedge [fontname=\"sans-serif\", fontsize=10]\n")
	for i, group := range g.groups() {
		indent := "\t"
		if group.kind != everyone {
			fmt.Fprintf(&b, "\tsubgraph cluster_%d {\n\t\tlabel=%s\n", i, dotString(group.label))
			indent = "\t\t"
		}
		if group.kind == unmeshed {
			b.WriteString("\t\tstyle=dashed\n")
		}
		for _, n := range group.nodes {
			fmt.Fprintf(&b, "%s%s [label=%s, tooltip=%s%s]\n", indent, dotString(n.ID), dotString(n.label()), dotString(n.description()), dotNode(n))
		}
		if group.kind != everyone {
			b.WriteString("\t}\n")
		}
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "\t%s -> %s [label=%s, tooltip=%s%s]\n", dotString(e.From.ID), dotString(e.To.ID), dotString(e.label(plainWords)), dotString(e.description()), dotEdge(e))
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// A backslash begins an escape in labels, so it is doubled. https://graphviz.org/docs/attr-types/escString/
var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", ` `, "\x00", ` `)

func dotString(s string) string { return `"` + dotEscapes.Replace(s) + `"` }

// dotNode returns the attributes of a node by its kind, after a comma.
func dotNode(n *Node) string {
	switch {
	case n.Kind.isUnmeshed():
		return `, style="rounded,dashed"`
	case n.Kind.isWildcard():
		return `, shape=ellipse, style=""`
	case n.Kind == Gateway:
		return `, shape=hexagon, style=""`
	}
	return ""
}

// dotEdge returns the attributes of an edge by its style, after a comma.
func dotEdge(e *Edge) string {
	attributes, colour := "", ""
	switch {
	case !e.Passes():
		attributes, colour = ", style=dotted, arrowhead=tee", deniedColour
	case e.MTLS == NoMTLS:
		attributes = ", style=dashed"
	}
	if e.Change != Same {
		attributes, colour = attributes+", penwidth=2", e.changeColour()
	}
	if colour != "" {
		attributes += ", color=" + dotString(colour)
	}
	return attributes
}

// The colours are those of the page on a light ground. Readers with any kind of colour vision can distinguish them.
var changeColours = [...]string{Added: "#0969da", Removed: "#b83a00", Changed: "#7440b0"}

const deniedColour, dangerColour = "#b3261e", "#d1001f"

func (e *Edge) changeColour() string {
	if e.Danger() {
		return dangerColour
	}
	return changeColours[e.Change]
}

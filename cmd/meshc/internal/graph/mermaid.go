package graph

import (
	"bytes"
	"fmt"
	"strings"
)

// Mermaid is the graph as a flowchart of Mermaid, which forges draw in Markdown.
func Mermaid(g *Graph) []byte {
	var b bytes.Buffer
	b.WriteString("flowchart LR\n")
	names := map[*Node]string{}
	for i, group := range g.groups() {
		open := group.kind != everyone
		if open {
			fmt.Fprintf(&b, "  subgraph g%d[\"%s\"]\n", i, mermaidText(group.label()))
		}
		for _, n := range group.nodes {
			names[n] = fmt.Sprintf("n%d", len(names))
			left, right := "[", "]"
			switch n.Kind {
			case External:
				left, right = "([", "])"
			case Mesh, Any, World:
				left, right = "((", "))"
			}
			fmt.Fprintf(&b, "    %s%s\"%s\"%s\n", names[n], left, mermaidText(n.label()), right)
		}
		if open {
			b.WriteString("  end\n")
		}
	}
	styles := map[string][]string{}
	for i, e := range g.Edges {
		arrow := "-->"
		switch {
		case !e.Passes():
			arrow = "-.-x"
		case e.Change == Added:
			arrow = "==>"
		}
		if label := emoji.of(e); label != "" {
			arrow += `|"` + mermaidText(label) + `"|`
		}
		fmt.Fprintf(&b, "  %s %s %s\n", names[e.From], arrow, names[e.To])
		for _, s := range mermaidStyles {
			if s.of(e) {
				styles[s.css] = append(styles[s.css], fmt.Sprint(i))
				break
			}
		}
	}
	for _, s := range mermaidStyles {
		if at := styles[s.css]; len(at) > 0 {
			fmt.Fprintf(&b, "  linkStyle %s %s\n", strings.Join(at, ","), s.css)
		}
	}
	for _, n := range g.Nodes {
		if n.Kind == Outside || n.Kind == External {
			fmt.Fprintf(&b, "  style %s stroke-dasharray:4\n", names[n])
		}
	}
	return b.Bytes()
}

var mermaidStyles = []struct {
	css string
	of  func(*Edge) bool
}{
	{"stroke:" + changeColours[Added] + ",stroke-width:3px", func(e *Edge) bool { return e.Change == Added }},
	{"stroke:" + changeColours[Removed] + ",stroke-width:3px,stroke-dasharray:6", func(e *Edge) bool { return e.Change == Removed }},
	{"stroke:" + changeColours[Changed] + ",stroke-width:3px", func(e *Edge) bool { return e.Change == Changed }},
	{"stroke:#b3261e,stroke-dasharray:2", func(e *Edge) bool { return !e.Passes() }},
}

// mermaidText writes every character that could mean something to Mermaid, Markdown or HTML as its number:
// `%%{` begins a directive anywhere, also between quotes. https://mermaid.js.org/syntax/flowchart.html
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r == ' ' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 0x7f ||
			strings.ContainsRune(".,:/-+()", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

package graph

import (
	"bytes"
	"fmt"
	"strings"
)

// Mermaid returns the graph as a Mermaid flowchart, which forges draw in Markdown.
func Mermaid(g *Graph) []byte {
	var b bytes.Buffer
	b.WriteString("flowchart LR\n")
	names := map[*Node]string{}
	for i, group := range g.groups() {
		if group.kind != everyone {
			fmt.Fprintf(&b, "  subgraph g%d[\"%s\"]\n", i, mermaidText(group.label))
		}
		for _, n := range group.nodes {
			names[n] = fmt.Sprintf("n%d", len(names))
			left, right := "[", "]"
			switch {
			case n.Kind == External:
				left, right = "([", "])"
			case n.Kind.isWildcard():
				left, right = "((", "))"
			case n.Kind == Gateway:
				left, right = "{{", "}}"
			}
			fmt.Fprintf(&b, "    %s%s\"%s\"%s\n", names[n], left, mermaidText(n.label()), right)
		}
		if group.kind != everyone {
			b.WriteString("  end\n")
		}
	}
	var dangers []string
	styled := make([][]string, len(mermaidStyles))
	for i, e := range g.Edges {
		arrow := "-->"
		switch {
		case !e.Passes():
			arrow = "-.-x"
		case e.Change == Added:
			arrow = "==>"
		}
		if label := e.label(emojiWords); label != "" {
			arrow += `|"` + mermaidText(label) + `"|`
		}
		fmt.Fprintf(&b, "  %s %s %s\n", names[e.From], arrow, names[e.To])
		switch {
		case e.Danger():
			dangers = append(dangers, fmt.Sprint(i))
		case e.Change != Same || !e.Passes():
			styled[e.Change] = append(styled[e.Change], fmt.Sprint(i))
		}
	}
	if len(dangers) > 0 {
		fmt.Fprintf(&b, "  linkStyle %s stroke:%s,stroke-width:4px\n", strings.Join(dangers, ","), dangerColour)
	}
	for _, change := range []Change{Added, Removed, Changed, Same} {
		if edges := styled[change]; len(edges) > 0 {
			fmt.Fprintf(&b, "  linkStyle %s %s\n", strings.Join(edges, ","), mermaidStyles[change])
		}
	}
	for _, n := range g.Nodes {
		if n.Kind.isUnmeshed() {
			fmt.Fprintf(&b, "  style %s stroke-dasharray:4\n", names[n])
		}
	}
	return b.Bytes()
}

// mermaidStyles are the styles of edges that changed, and of those that did not and are denied.
var mermaidStyles = [...]string{
	Same:    "stroke:" + deniedColour + ",stroke-dasharray:2",
	Added:   "stroke:" + changeColours[Added] + ",stroke-width:3px",
	Removed: "stroke:" + changeColours[Removed] + ",stroke-width:3px,stroke-dasharray:6",
	Changed: "stroke:" + changeColours[Changed] + ",stroke-width:3px",
}

// mermaidText writes every character that could mean something to Mermaid, Markdown or HTML as its number: `%%{` begins
// a directive anywhere, even within quotes. https://mermaid.js.org/syntax/flowchart.html
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 0x7f || strings.ContainsRune(" .,:/-+()", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

package forge

import (
	"fmt"
	"strings"
)

// Graph is the services that a publish touches.
type Graph struct{ Edges []Edge }

// Edge is a connection between two services.
type Edge struct {
	From, To string // NAMESPACE/NAME
	Label    string // ports or operations; may be empty
	MTLS     bool
	Change   EdgeChange
}

// EdgeChange is what a publish does to an edge.
type EdgeChange uint8

const (
	Kept EdgeChange = iota
	Added
	Exposed // added, and a danger
	Removed
)

// A picture with more edges is unreadable. Forges refuse 500.
const maxEdges = 60

// Mermaid returns the graph as a Mermaid flowchart, or nothing if there are no edges. Edges with mutual TLS have a
// lock, new ones are thick and blue, or red where they are a danger, removed ones dotted and grey. It omits all but the
// first 60 edges; cut is how many it omits.
func (g Graph) Mermaid() (text string, cut int) {
	edges := g.Edges
	if len(edges) == 0 {
		return "", 0
	}
	if len(edges) > maxEdges {
		edges, cut = edges[:maxEdges], len(edges)-maxEdges
	}
	var nodes, arrows, styles strings.Builder
	ids := map[string]string{}
	id := func(name string) string {
		if ids[name] == "" {
			ids[name] = fmt.Sprintf("n%d", len(ids))
			fmt.Fprintf(&nodes, "  %s[\"%s\"]\n", ids[name], quoted(name))
		}
		return ids[name]
	}
	for i, e := range edges {
		var words []string
		if e.MTLS {
			words = append(words, "🔒")
		}
		arrow, color := "-->", ""
		switch e.Change {
		case Added:
			arrow, color = "==>", "#0969da"
			words = append(words, "new")
		case Exposed:
			arrow, color = "==>", "#cf222e"
			words = append(words, "⚠️ new")
		case Removed:
			arrow, color = "-.->", "#6e7781"
			words = append(words, "gone")
		}
		if e.Label != "" {
			words = append(words, quoted(e.Label))
		}
		from, to := id(e.From), id(e.To)
		if len(words) > 0 {
			fmt.Fprintf(&arrows, "  %s %s|\"%s\"| %s\n", from, arrow, strings.Join(words, " "), to)
		} else {
			fmt.Fprintf(&arrows, "  %s %s %s\n", from, arrow, to)
		}
		if color != "" {
			fmt.Fprintf(&styles, "  linkStyle %d stroke:%s\n", i, color)
		}
	}
	return "flowchart LR\n" + nodes.String() + arrows.String() + styles.String(), cut
}

// quoted returns text for a quoted label, without characters that are special to Mermaid or HTML.
func quoted(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" /-_.:,*{}=+~$", r):
			return r
		case r == '\'':
			return '’'
		case r == '|':
			return '∣' // Mermaid reads the other as the end of the label
		}
		return '?'
	}, shorten(text, 80))
}

func (p *page) graph(g Graph) {
	text, cut := g.Mermaid()
	if text == "" {
		return
	}
	if !p.add("```mermaid\n" + text + "```\n\n") {
		p.cut("*The picture of %d connections is not shown*", len(g.Edges))
		return
	}
	if cut > 0 {
		p.cut("*%d more connections are not in the picture*", cut)
	}
}

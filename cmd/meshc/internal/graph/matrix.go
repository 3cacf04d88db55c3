package graph

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxColumns is how many callees a matrix may have and still be readable.
const maxColumns = 64

// table writes rows with cells at fixed positions.
type table struct {
	out *bytes.Buffer
	at  []int // the position of each column
}

func (t *table) row(label string, cells ...string) {
	var line strings.Builder
	line.WriteString(label)
	width := utf8.RuneCountInString(label)
	for i, c := range cells {
		line.WriteString(strings.Repeat(" ", max(0, t.at[i]-width)) + c)
		width = t.at[i] + utf8.RuneCountInString(c)
	}
	t.out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// header writes the title of a column, in a line of its own. Bars lead from the titles above down to their columns.
func (t *table) header(column int, title, pad string) {
	t.row("", append(repeated(pad+"│", column), pad+title)...)
}

func repeated(s string, n int) []string { return slices.Repeat([]string{s}, n) }

// writeMatrix writes callers down and callees across, with a blank column before each namespace.
func (g *Graph) writeMatrix(b *bytes.Buffer, callers, callees []*Node) {
	pitch := 2
	if slices.ContainsFunc(g.Edges, func(e *Edge) bool { return e.Change != Same }) {
		pitch = 3 // room for the signs
	}
	x := 0
	for _, n := range callers {
		x = max(x, utf8.RuneCountInString(n.rowLabel())+len(indent)+1, utf8.RuneCountInString(n.heading())+1)
	}
	t := table{out: b}
	for i, n := range callees {
		if i > 0 && n.heading() != callees[i-1].heading() {
			x++
		}
		t.at = append(t.at, x)
		x += pitch
	}
	for i, n := range callees {
		if i == 0 || n.heading() != callees[i-1].heading() {
			t.header(i, g.columnHeading(n), "")
		}
		t.header(i, "┌ "+n.columnLabel(), "")
	}
	edges := g.edgesByEnds()
	for i, n := range callers {
		label := n.rowLabel()
		if h := n.heading(); h != "" {
			label = indent + label
			if i == 0 || h != callers[i-1].heading() {
				t.row(h, repeated("│", len(callees))...)
			}
		}
		cells := repeated("·", len(callees))
		for j, to := range callees {
			if e := edges[ends{n.ID, to.ID}]; e != nil {
				cells[j] = e.style().letter() + e.Change.sign()
			}
		}
		t.row(label, cells...)
	}
	b.WriteString("\ncallers down, callees across:\n")
	for _, x := range g.legend() {
		if x.letter == "" {
			continue
		}
		if x.example.part {
			x.text = "lower case: " + x.text
		}
		fmt.Fprintf(b, "%s%s  %s\n", indent, x.letter, x.text)
	}
}

// heading returns the group that a node stands under, empty for one that stands alone.
func (n *Node) heading() string {
	if n.Kind == External {
		return unmeshedLabel
	}
	return n.Namespace
}

func (g *Graph) columnHeading(n *Node) string {
	if i := slices.IndexFunc(g.Namespaces, func(ns Namespace) bool { return ns.Name == n.heading() }); i >= 0 {
		return g.Namespaces[i].title()
	}
	return n.heading()
}

func (n *Node) rowLabel() string {
	if n.Kind == Outside {
		return n.Name + " (outside)"
	}
	kind := ""
	if n.Kind == Gateway {
		kind = "gateway"
	}
	if special := n.special(kind); special != "" {
		return n.Name + " (" + special + ")"
	}
	return n.Name
}

func (n *Node) columnLabel() string {
	if n.Kind == External {
		return n.ID + " (" + strings.Join(n.Hosts, ", ") + ")"
	}
	return n.rowLabel()
}

// writeCounts writes how many edges lead from each namespace to each other one, and how to see less of the graph.
func (g *Graph) writeCounts(b *bytes.Buffer, callers, callees []*Node) {
	group := func(n *Node) string {
		if h := n.heading(); h != "" {
			return h
		}
		return n.Name
	}
	groups := func(nodes []*Node) (all []string) {
		for _, n := range nodes {
			if h := group(n); !slices.Contains(all, h) {
				all = append(all, h)
			}
		}
		return all
	}
	rows, columns := groups(callers), groups(callees)
	if len(columns) <= maxColumns {
		counts := map[ends]int{}
		width, margin := 1, 0
		for _, e := range g.Edges {
			key := ends{group(e.From), group(e.To)}
			counts[key]++
			width = max(width, len(strconv.Itoa(counts[key])))
		}
		for _, h := range rows {
			margin = max(margin, len(h)+1)
		}
		t := table{out: b}
		for i := range columns {
			t.at = append(t.at, margin+i*(width+1))
		}
		for i, h := range columns {
			t.header(i, "┌ "+h, strings.Repeat(" ", width-1))
		}
		for _, from := range rows {
			var cells []string
			for _, to := range columns {
				text := "·"
				if n := counts[ends{from, to}]; n > 0 {
					text = strconv.Itoa(n)
				}
				cells = append(cells, fmt.Sprintf("%*s", width, text))
			}
			t.row(from, cells...)
		}
		b.WriteString("\ncallers down, callees across; a cell counts the edges from the one to the other\n")
	}
	services := 0
	for _, n := range g.Nodes {
		if n.Kind == Service || n.Kind == Outside || n.Kind == Gateway {
			services++
		}
	}
	fmt.Fprintf(b, "\n%d services and %d edges are too many for one table.\n", services, len(g.Edges))
	fmt.Fprintf(b, "--focus %s shows a service with its callers and callees, --focus %s a namespace,\n", callees[0].ID, columns[0])
	b.WriteString("--format html -o graph.html a page with all of them to search in.\n")
}

package graph

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxColumns is how many callees a matrix may have to be readable.
const maxColumns = 64

// Text is a matrix of callers and callees, below it what a cell has no room for: what changed, the denies with
// their reasons and, in detail, every edge. A graph with too many callees is counted by namespaces.
func Text(g *Graph, detail bool) []byte {
	var b bytes.Buffer
	rows, columns := g.ends()
	switch {
	case len(columns) == 0:
		b.WriteString("nothing may call anything\n")
	case len(columns) > maxColumns:
		g.byNamespace(&b, rows, columns)
	default:
		newMatrix(g, rows, columns).write(&b)
	}
	if idle := g.idle(); len(idle) > 0 {
		fmt.Fprintf(&b, "\nneither call nor are called: %s\n", listed(ids(idle)))
	}
	if len(columns) <= maxColumns {
		g.lists(&b, detail)
	}
	return b.Bytes()
}

// ends is the nodes that call and those that are called. Externals stand last, they are apart from the mesh.
func (g *Graph) ends() (callers, callees []*Node) {
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
		}
	}
	return callers, append(callees, externals...)
}

func (g *Graph) idle() (idle []*Node) {
	busy := map[*Node]bool{}
	for _, e := range g.Edges {
		busy[e.From], busy[e.To] = true, true
	}
	for _, n := range g.Nodes {
		if !busy[n] {
			idle = append(idle, n)
		}
	}
	return idle
}

// matrix is callers down and callees across, a blank column before each namespace.
type matrix struct {
	graph         *Graph
	rows, columns []*Node
	margin        int   // where the cells begin
	at            []int // of each column
	cells         map[[2]*Node]*Edge
}

const indent = "  "

func newMatrix(g *Graph, rows, columns []*Node) *matrix {
	m := &matrix{graph: g, rows: rows, columns: columns, cells: map[[2]*Node]*Edge{}}
	for _, n := range rows {
		m.margin = max(m.margin, utf8.RuneCountInString(rowLabel(n))+len(indent)+1, utf8.RuneCountInString(heading(n))+1)
	}
	pitch := 2
	if slices.ContainsFunc(g.Edges, func(e *Edge) bool { return e.Change != Same }) {
		pitch = 3 // room for the signs
	}
	x := m.margin
	for i, n := range columns {
		if i > 0 && heading(n) != heading(columns[i-1]) {
			x++
		}
		m.at = append(m.at, x)
		x += pitch
	}
	for _, e := range g.Edges {
		m.cells[[2]*Node{e.From, e.To}] = e
	}
	return m
}

// heading is the group that a node stands under.
func heading(n *Node) string {
	switch n.Kind {
	case External:
		return "outside of the mesh"
	case Any, World:
		return ""
	}
	return n.Namespace
}

func rowLabel(n *Node) string {
	if n.Kind == Outside {
		return n.Name + " (outside)"
	}
	return n.Name
}

func columnLabel(n *Node) string {
	switch n.Kind {
	case Outside:
		return n.Name + " (outside)"
	case External:
		return n.ID + " (" + strings.Join(n.Hosts, ", ") + ")"
	}
	return n.Name
}

// line is a row of characters that is written from left to right.
type line struct {
	text  strings.Builder
	width int
}

func (l *line) to(x int) *line {
	if x > l.width {
		l.text.WriteString(strings.Repeat(" ", x-l.width))
		l.width = x
	}
	return l
}

func (l *line) put(s string) {
	l.text.WriteString(s)
	l.width += utf8.RuneCountInString(s)
}

func (m *matrix) write(b *bytes.Buffer) {
	end := func(l *line) { b.WriteString(strings.TrimRight(l.text.String(), " ") + "\n") }
	// Each callee's name stands at the top of its column, one line lower than that of the callee before it.
	bars := func(n int) *line {
		l := &line{}
		for _, x := range m.at[:n] {
			l.to(x).put("│")
		}
		return l
	}
	for i, n := range m.columns {
		if i == 0 || heading(n) != heading(m.columns[i-1]) {
			l := bars(i)
			l.to(m.at[i]).put(m.title(n))
			end(l)
		}
		l := bars(i)
		l.to(m.at[i]).put("┌ " + columnLabel(n))
		end(l)
	}
	for i, n := range m.rows {
		if h := heading(n); h != "" && (i == 0 || h != heading(m.rows[i-1])) {
			l := &line{}
			l.put(h)
			for _, x := range m.at {
				l.to(x).put("│")
			}
			end(l)
		}
		l := &line{}
		if heading(n) != "" {
			l.put(indent)
		}
		l.put(rowLabel(n))
		for j, to := range m.columns {
			l.to(m.at[j]).put(cell(m.cells[[2]*Node{n, to}]))
		}
		end(l)
	}
	m.legend(b)
}

func (m *matrix) title(n *Node) string {
	for _, ns := range m.graph.Namespaces {
		if ns.Name == heading(n) && ns.Mode != 0 {
			return ns.Name + " · " + ns.Mode.String()
		}
	}
	return heading(n)
}

// cell is a letter for the lock, small where a deny takes a part, and a sign for what changed.
func cell(e *Edge) string {
	if e == nil {
		return "·"
	}
	return letter(e) + sign(e.Change)
}

func letter(e *Edge) string {
	switch {
	case len(e.Allow) == 0 || e.Denied == Whole:
		return "x"
	case e.Denied == Part:
		return strings.ToLower(lockLetters[e.Lock])
	}
	return lockLetters[e.Lock]
}

var lockLetters = [...]string{NoLock: "N", OpenLock: "P", ClosedLock: "S"}

func sign(c Change) string { return [...]string{Same: "", Added: "+", Removed: "-", Changed: "~"}[c] }

// legend explains the letters and signs that occur.
func (m *matrix) legend(b *bytes.Buffer) {
	used := map[string]bool{}
	for _, e := range m.graph.Edges {
		l := letter(e)
		used[strings.ToUpper(l)] = true
		if l != "x" && l == strings.ToLower(l) {
			used["part"] = true
		}
		used[sign(e.Change)] = true
	}
	b.WriteString("\ncallers down, callees across:\n")
	for _, row := range []struct{ mark, shown, meaning string }{
		{"S", "S", "strict: the port takes mutual TLS only"},
		{"P", "P", "permissive: the port takes plaintext too"},
		{"N", "N", "no mutual TLS"},
		{"part", "s", "a small letter: a deny takes a part of it away"},
		{"X", "x", "denied"},
		{"+", "+", "opened"},
		{"-", "-", "closed"},
		{"~", "~", "changed"},
	} {
		if used[row.mark] {
			fmt.Fprintf(b, "%s%s  %s\n", indent, row.shown, row.meaning)
		}
	}
}

// lists writes what has no room in a cell.
func (g *Graph) lists(b *bytes.Buffer, detail bool) {
	if g.Compared {
		b.WriteString("\nchanges:\n")
		count := 0
		for _, e := range g.Edges {
			if e.Change != Same {
				count++
				e.describe(b, e.Change == Changed)
			}
		}
		if count == 0 {
			b.WriteString(indent + "none\n")
		}
	}
	if detail && len(g.Edges) > 0 {
		b.WriteString("\nedges:\n")
		for _, e := range g.Edges {
			e.describe(b, false)
		}
		return
	}
	listed := func(e *Edge) bool { return len(e.Deny) > 0 && e.Change == Same }
	if slices.ContainsFunc(g.Edges, listed) {
		b.WriteString("\ndenies:\n")
		for _, e := range g.Edges {
			for i := range e.Deny {
				if listed(e) {
					e.line(b, &e.Deny[i], true)
				}
			}
		}
	}
}

func (e *Edge) describe(b *bytes.Buffer, changedOnly bool) {
	for i := range e.Allow {
		if !changedOnly || e.Allow[i].Change != Same {
			e.line(b, &e.Allow[i], false)
		}
	}
	for i := range e.Deny {
		if !changedOnly || e.Deny[i].Change != Same {
			e.line(b, &e.Deny[i], true)
		}
	}
	if changedOnly && !differ(e.Allow) && !differ(e.Deny) {
		fmt.Fprintf(b, "%s~ %s -> %s: another deny bears on it\n", indent, e.From.ID, e.To.ID)
	}
}

// line writes a rule, with room for a sign where an edge has changed.
func (e *Edge) line(b *bytes.Buffer, r *Rule, deny bool) {
	b.WriteString(indent)
	if e.Change != Same && r.Change == Same {
		b.WriteString(indent)
	}
	b.WriteString(e.sentence(r, deny) + "\n")
}

var lockWords = [...]string{NoLock: "no mutual TLS", OpenLock: "permissive", ClosedLock: "strict"}

// what is the ports and operations of a rule, as they stand behind a callee.
func what(r *Rule) string {
	var b strings.Builder
	for i, p := range r.Ports {
		b.WriteString([...]string{":", ","}[min(i, 1)] + strconv.Itoa(int(p.Number)))
	}
	if len(r.Operations) > 0 {
		b.WriteString(" " + strings.Join(r.Operations, ", "))
	}
	return b.String()
}

// byNamespace counts the edges between namespaces, and says how to see less.
func (g *Graph) byNamespace(b *bytes.Buffer, rows, columns []*Node) {
	group := func(n *Node) string {
		if h := heading(n); h != "" {
			return h
		}
		return n.Name
	}
	headings := func(nodes []*Node) (all []string) {
		seen := map[string]bool{}
		for _, n := range nodes {
			if h := group(n); !seen[h] {
				seen[h] = true
				all = append(all, h)
			}
		}
		return all
	}
	callers, callees := headings(rows), headings(columns)
	if len(callees) <= maxColumns {
		counts := map[[2]string]int{}
		width, margin := 1, 0
		for _, e := range g.Edges {
			key := [2]string{group(e.From), group(e.To)}
			counts[key]++
			width = max(width, len(strconv.Itoa(counts[key])))
		}
		for _, h := range callers {
			margin = max(margin, len(h)+1)
		}
		for i, h := range callees {
			l := &line{}
			for j := range i {
				l.to(margin + j*(width+1) + width - 1).put("│")
			}
			l.to(margin + i*(width+1) + width - 1).put("┌ " + h)
			b.WriteString(l.text.String() + "\n")
		}
		for _, h := range callers {
			l := &line{}
			l.put(h)
			for j, to := range callees {
				text := "·"
				if n := counts[[2]string{h, to}]; n > 0 {
					text = strconv.Itoa(n)
				}
				l.to(margin + j*(width+1) + width - utf8.RuneCountInString(text)).put(text)
			}
			b.WriteString(l.text.String() + "\n")
		}
		b.WriteString("\ncallers down, callees across: how many edges lead from the one to the other\n")
	}
	services := 0
	for _, n := range g.Nodes {
		if n.Kind == Service || n.Kind == Outside {
			services++
		}
	}
	fmt.Fprintf(b, "\n%d services and %d edges are too many for one table.\n", services, len(g.Edges))
	fmt.Fprintf(b, "--focus %s shows a service with its callers and callees, --focus %s a namespace,\n", columns[0].ID, callees[0])
	b.WriteString("--format html -o graph.html a page with all of them to search in.\n")
}

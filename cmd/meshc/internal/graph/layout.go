package graph

import (
	"cmp"
	"slices"
)

// layout is where everything of a picture stands, in whole pixels: the same on every machine.
type layout struct {
	width, height int
	routed        bool // edges are led around boxes
	groups        []framed
	boxes         map[*Node]rect
	entries       []entry
	edges         []route // by the place of the edge in the graph
}

type point struct{ x, y int }

type rect struct{ x, y, w, h int }

func (r rect) right() int  { return r.x + r.w }
func (r rect) bottom() int { return r.y + r.h }

// framed is a group with its frame.
type framed struct {
	group
	rect
}

// entry is where all edges of one look reach a callee: the tip of their common arrow.
type entry struct {
	node *Node
	look look
	tip  point
}

// look is what tells edges into one callee apart.
type look struct {
	lock   Lock
	passes bool
	part   bool // a deny takes a part of it away
	change Change
}

func (e *Edge) look() look {
	l := look{e.Lock, e.Passes(), e.Denied == Part, e.Change}
	if !l.passes {
		l.lock, l.part = NoLock, false
	}
	return l
}

func (l look) compare(m look) int {
	rank := func(l look) int {
		r := int(l.lock)<<4 | int(l.change)<<2
		if l.passes {
			r |= 1 << 8
		}
		if l.part {
			r |= 1
		}
		return r
	}
	return cmp.Compare(rank(m), rank(l))
}

// signs is what stands before the arrow, from left to right.
func (l look) signs() (signs []string) {
	switch l.change {
	case Added:
		signs = append(signs, "opened")
	case Removed:
		signs = append(signs, "closed")
	case Changed:
		signs = append(signs, "changed")
	}
	switch l.lock {
	case ClosedLock:
		signs = append(signs, "strict")
	case OpenLock:
		signs = append(signs, "permissive")
	}
	if !l.passes || l.part {
		signs = append(signs, "deny")
	}
	return signs
}

// stub is the length of the straight end of an edge, where its signs stand before the arrow.
func (l look) stub() int { return arrowRoom + signSize*len(l.signs()) }

// route is the way of one edge up to the stub of its entry: a start, then three points for each cubic curve.
type route struct {
	entry int
	curve []point
}

// Measures of all pictures, in pixels.
const (
	fontSize   = 13
	smallSize  = 10
	titleSize  = 12
	boxHeight  = 36
	boxPadding = 12
	minBox     = 84
	arrowRoom  = 16
	signSize   = 16
	entryGap   = 17
	framePad   = 16
	frameTitle = 28
	margin     = 24
)

// maxLayered is how many nodes, and maxRouted how many edges, a picture may have in which each edge is led around
// the boxes. With more of them nobody follows a line with the eye, and the places of namespaces say more.
const (
	maxLayered = 90
	maxRouted  = 260
)

func newLayout(g *Graph) *layout {
	l := &layout{boxes: map[*Node]rect{}, edges: make([]route, len(g.Edges))}
	for _, gr := range g.groups() {
		l.groups = append(l.groups, framed{group: gr})
	}
	if len(g.Nodes) <= maxLayered && len(g.Edges) <= maxRouted {
		l.routed = true
		newLayered(g, l).run()
	} else {
		l.grid(g)
	}
	l.fit()
	return l
}

// looksInto gives the different looks of the edges into each node, in a fixed order.
func looksInto(g *Graph) map[*Node][]look {
	into := map[*Node][]look{}
	for _, e := range g.Edges {
		if l := e.look(); !slices.Contains(into[e.To], l) {
			into[e.To] = append(into[e.To], l)
		}
	}
	for _, looks := range into {
		slices.SortFunc(looks, look.compare)
	}
	return into
}

// enter makes the entries of all callees and points each edge to its own.
func (l *layout) enter(g *Graph) {
	at := map[*Node]map[look]int{}
	into := looksInto(g)
	for _, n := range g.Nodes {
		box, looks := l.boxes[n], into[n]
		at[n] = map[look]int{}
		for i, k := range looks {
			at[n][k] = len(l.entries)
			y := box.y + box.h/2 + (2*i-len(looks)+1)*entryGap/2
			l.entries = append(l.entries, entry{n, k, point{box.x, y}})
		}
	}
	for i, e := range g.Edges {
		l.edges[i].entry = at[e.To][e.look()]
	}
}

// size is how much room a node needs.
func (n *Node) size(looks int) (w, h int) {
	title, detail := n.texts()
	w = textWidth(title, fontSize)
	h = boxHeight
	if detail != "" {
		w = max(w, textWidth(detail, smallSize))
		h += smallSize + 4
	}
	if n.Change != Same {
		w += 2 * signSize
	}
	return max(minBox, w+2*boxPadding), max(h, (looks+1)*entryGap)
}

// texts is what stands in the box of a node: its name and, below it, what is special about it.
func (n *Node) texts() (title, detail string) {
	switch n.Kind {
	case External:
		return n.ID, brief(n.Hosts)
	case Outside:
		return n.ID, "no proxy"
	case Mesh:
		return n.ID, "any identity of it"
	case Any:
		return n.ID, "any identity"
	case World:
		return n.ID, "anyone at all"
	}
	return n.Name, ""
}

func brief(hosts []string) string {
	switch len(hosts) {
	case 0:
		return ""
	case 1:
		return hosts[0]
	}
	return hosts[0] + ", …"
}

// fit moves everything so that the picture begins at its margin.
func (l *layout) fit() {
	low, high := point{1 << 30, 1 << 30}, point{-1 << 30, -1 << 30}
	see := func(p point) {
		low = point{min(low.x, p.x), min(low.y, p.y)}
		high = point{max(high.x, p.x), max(high.y, p.y)}
	}
	for _, gr := range l.groups {
		see(point{gr.x, gr.y})
		see(point{gr.right(), gr.bottom()})
	}
	for _, e := range l.edges {
		for _, p := range e.curve {
			see(p)
		}
	}
	if len(l.groups) == 0 {
		low, high = point{}, point{}
	}
	dx, dy := margin-low.x, margin-low.y
	for i := range l.groups {
		l.groups[i].x += dx
		l.groups[i].y += dy
	}
	for n, b := range l.boxes {
		b.x += dx
		b.y += dy
		l.boxes[n] = b
	}
	for i := range l.entries {
		l.entries[i].tip.x += dx
		l.entries[i].tip.y += dy
	}
	for _, e := range l.edges {
		for i := range e.curve {
			e.curve[i].x += dx
			e.curve[i].y += dy
		}
	}
	l.width, l.height = high.x-low.x+2*margin, high.y-low.y+2*margin
}

// titleWidth is how wide a frame must be for its title, which is bold.
func titleWidth(label string) int { return textWidth(label, titleSize)*11/10 + 2*framePad }

// textWidth is not less than the width of a text in any common sans-serif font: the widths are those of DejaVu
// Sans, one of the widest, in hundredths of the font size.
func textWidth(s string, size int) int {
	sum := 0
	for _, r := range s {
		switch {
		case r > 0x2000:
			sum += 110
		case r == 'm' || r == 'w' || r == 'M' || r == 'W' || r == '@' || r == '%':
			sum += 100
		case r == 'i' || r == 'j' || r == 'l' || r == '.' || r == ',' || r == ':' || r == '\'' || r == ' ' || r == '|':
			sum += 34
		case r == 'f' || r == 't' || r == 'r' || r == '-' || r == '/' || r == '(' || r == ')' || r == '*':
			sum += 42
		case r >= 'A' && r <= 'Z':
			sum += 76
		default:
			sum += 64
		}
	}
	return (sum*size + 99) / 100
}

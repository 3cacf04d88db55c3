package graph

// layout is the position of everything in a picture, in whole pixels.
type layout struct {
	graph         *Graph
	width, height int
	routed        bool // edges are led around boxes
	frames        []frame
	boxes         map[*Node]rect
	styles        map[*Node][]style // of the edges into each node, sorted
	arrows        []arrow
	edges         []path // by index of the edge in the graph
}

type point struct{ x, y int }

func (p point) add(q point) point { return point{p.x + q.x, p.y + q.y} }

type rect struct{ x, y, w, h int }

func (r rect) right() int         { return r.x + r.w }
func (r rect) bottom() int        { return r.y + r.h }
func (r rect) add(p point) rect   { return rect{r.x + p.x, r.y + p.y, r.w, r.h} }
func (r rect) leftMiddle() point  { return point{r.x, r.y + r.h/2} }
func (r rect) rightMiddle() point { return point{r.right(), r.y + r.h/2} }

// frame is the outline of a group.
type frame struct {
	group
	rect
}

// arrow is the common end of all edges of one style into one node.
type arrow struct {
	node  *Node
	style style
	tip   point
}

// start is where the shaft of the arrow begins, and the edges end.
func (a arrow) start() point { return point{a.tip.x - a.style.shaft(), a.tip.y} }

// path is the way of one edge to the start of its arrow: a point, then three for each cubic Bézier curve.
type path struct {
	arrow int
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
	arrowGap   = 17 // between the arrows into one box
	framePad   = 16
	frameTitle = 28
	margin     = 24
)

// Up to these counts, nodes stand in layers and edges are led around the boxes.
const (
	maxLayered = 90
	maxRouted  = 260
)

const farAway = 1 << 30 // beyond every coordinate

func newLayout(g *Graph) *layout {
	l := &layout{graph: g, boxes: map[*Node]rect{}, styles: stylesInto(g), edges: make([]path, len(g.Edges))}
	for _, gr := range g.groups() {
		l.frames = append(l.frames, frame{group: gr})
	}
	if l.routed = len(g.Nodes) <= maxLayered && len(g.Edges) <= maxRouted; l.routed {
		newLayered(l).run()
	} else {
		l.grid()
	}
	l.moveToMargin()
	return l
}

// placeArrows puts the arrows at the left sides of the boxes, and gives each edge its own.
func (l *layout) placeArrows() {
	type end struct {
		node  *Node
		style style
	}
	index := map[end]int{}
	for _, n := range l.graph.Nodes {
		styles := l.styles[n]
		for i, s := range styles {
			tip := l.boxes[n].leftMiddle().add(point{0, (2*i - len(styles) + 1) * arrowGap / 2})
			index[end{n, s}] = len(l.arrows)
			l.arrows = append(l.arrows, arrow{n, s, tip})
		}
	}
	for i, e := range l.graph.Edges {
		l.edges[i].arrow = index[end{e.To, e.style()}]
	}
}

func (l *layout) arrowOf(edge int) arrow { return l.arrows[l.edges[edge].arrow] }

// size returns how much room a node needs.
func (l *layout) size(n *Node) (w, h int) {
	title, detail := n.texts()
	w, h = textWidth(title, fontSize), boxHeight
	if detail != "" {
		w = max(w, textWidth(detail, smallSize))
		h += smallSize + 4
	}
	if n.Change != Same {
		w += 2 * signSize
	}
	return max(minBox, w+2*boxPadding), max(h, (len(l.styles[n])+1)*arrowGap)
}

// moveToMargin moves everything so that the picture begins at its margin.
func (l *layout) moveToMargin() {
	low, high := point{farAway, farAway}, point{-farAway, -farAway}
	include := func(p point) {
		low = point{min(low.x, p.x), min(low.y, p.y)}
		high = point{max(high.x, p.x), max(high.y, p.y)}
	}
	for _, f := range l.frames {
		include(point{f.x, f.y})
		include(point{f.right(), f.bottom()})
	}
	for _, e := range l.edges {
		for _, p := range e.curve {
			include(p)
		}
	}
	if len(l.frames) == 0 {
		low, high = point{}, point{}
	}
	move := point{margin - low.x, margin - low.y}
	for i := range l.frames {
		l.frames[i].rect = l.frames[i].add(move)
	}
	for n, b := range l.boxes {
		l.boxes[n] = b.add(move)
	}
	for i := range l.arrows {
		l.arrows[i].tip = l.arrows[i].tip.add(move)
	}
	for _, e := range l.edges {
		for i := range e.curve {
			e.curve[i] = e.curve[i].add(move)
		}
	}
	l.width, l.height = high.x-low.x+2*margin, high.y-low.y+2*margin
}

// titleWidth returns how wide a frame must be for its title, which is bold.
func titleWidth(label string) int { return textWidth(label, titleSize)*11/10 + 2*framePad }

// textWidth returns an upper bound for the width of a text in any common sans-serif font. The widths are those of
// DejaVu Sans, one of the widest, in hundredths of the font size.
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

func abs(n int) int { return max(n, -n) }

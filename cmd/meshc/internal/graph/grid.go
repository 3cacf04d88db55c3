package graph

const (
	gridGapX = 62 // room for the end of an edge
	gridGapY = 14
	gridGap  = 110 // between namespaces
)

// grid lays namespaces out in rows, and the services of each in columns, by name. Edges are drawn below the boxes.
func (l *layout) grid(g *Graph) {
	into := looksInto(g)
	area := 0
	for i := range l.groups {
		gr := &l.groups[i]
		l.inside(gr, into)
		area += (gr.w + gridGap) * (gr.h + gridGap)
	}
	// As wide as a screen is to its height.
	limit := 1
	for limit*limit*5 < area*8 {
		limit += 16
	}
	x, y, row := 0, 0, 0
	for i := range l.groups {
		gr := &l.groups[i]
		if x > 0 && x+gr.w > limit {
			x, y, row = 0, y+row+gridGap, 0
		}
		for _, n := range gr.nodes {
			b := l.boxes[n]
			b.x += x
			b.y += y
			l.boxes[n] = b
		}
		gr.x, gr.y = x, y
		x += gr.w + gridGap
		row = max(row, gr.h)
	}
	l.enter(g)
	for i, e := range g.Edges {
		from, in := l.boxes[e.From], l.entries[l.edges[i].entry]
		a := point{from.right(), from.y + from.h/2}
		b := point{in.tip.x - in.look.stub(), in.tip.y}
		out := max(40, abs(b.x-a.x)/3)
		l.edges[i].curve = []point{a, {a.x + out, a.y}, {b.x - out, b.y}, b}
	}
}

// inside lays out the boxes of one group from its own corner.
func (l *layout) inside(gr *framed, into map[*Node][]look) {
	w, h := minBox, boxHeight
	for _, n := range gr.nodes {
		nw, nh := n.size(len(into[n]))
		w, h = max(w, nw), max(h, nh)
	}
	columns := 1
	for columns*columns*(w+gridGapX)*2 < len(gr.nodes)*(h+gridGapY)*3 {
		columns++
	}
	rows := (len(gr.nodes) + columns - 1) / columns
	left := framePad + arrowRoom + 2*signSize
	for i, n := range gr.nodes {
		l.boxes[n] = rect{left + i/rows*(w+gridGapX), frameTitle + framePad/2 + i%rows*(h+gridGapY), w, h}
	}
	columns = (len(gr.nodes) + rows - 1) / rows
	gr.w = max(left+columns*(w+gridGapX)-gridGapX+2*framePad, titleWidth(gr.label()))
	gr.h = frameTitle + framePad/2 + rows*(h+gridGapY) - gridGapY + framePad
}

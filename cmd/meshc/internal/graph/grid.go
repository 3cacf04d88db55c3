package graph

const (
	gridGapX = 62 // room for the arrow
	gridGapY = 14
	gridGap  = 110 // between namespaces
)

// grid puts namespaces in rows by name, and the services of each in columns. Edges run behind the boxes.
func (l *layout) grid() {
	area := 0
	for i := range l.frames {
		f := &l.frames[i]
		l.fill(f)
		area += (f.w + gridGap) * (f.h + gridGap)
	}
	limit := 1
	for limit*limit*5 < area*8 { // 8:5 is the shape of a screen
		limit += 16
	}
	at, row := point{}, 0
	for i := range l.frames {
		f := &l.frames[i]
		if at.x > 0 && at.x+f.w > limit {
			at, row = point{0, at.y + row + gridGap}, 0
		}
		for _, n := range f.nodes {
			l.boxes[n] = l.boxes[n].add(at)
		}
		f.rect = f.add(at)
		at.x += f.w + gridGap
		row = max(row, f.h)
	}
	l.placeArrows()
	for i, e := range l.graph.Edges {
		from, to := l.boxes[e.From].rightMiddle(), l.arrowOf(i).start()
		reach := max(40, abs(to.x-from.x)/3)
		l.edges[i].curve = []point{from, {from.x + reach, from.y}, {to.x - reach, to.y}, to}
	}
}

// fill sizes a frame and places the boxes in it, relative to its corner.
func (l *layout) fill(f *frame) {
	w, h := minBox, boxHeight
	for _, n := range f.nodes {
		nw, nh := l.size(n)
		w, h = max(w, nw), max(h, nh)
	}
	columns := 1
	for columns*columns*(w+gridGapX)*2 < len(f.nodes)*(h+gridGapY)*3 { // about 3:2
		columns++
	}
	rows := (len(f.nodes) + columns - 1) / columns
	left := framePad + arrowRoom + 2*signSize
	for i, n := range f.nodes {
		l.boxes[n] = rect{left + i/rows*(w+gridGapX), frameTitle + framePad/2 + i%rows*(h+gridGapY), w, h}
	}
	columns = (len(f.nodes) + rows - 1) / rows
	f.w = max(left+columns*(w+gridGapX)-gridGapX+2*framePad, titleWidth(f.label))
	f.h = frameTitle + framePad/2 + rows*(h+gridGapY) - gridGapY + framePad
}

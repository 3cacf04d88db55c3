package graph

import (
	"cmp"
	"slices"
)

// layered lays a graph out in columns: who calls stands left of whom it calls. A namespace is a frame across the
// columns of its services, and frames are stacked where they share a column. Edges that pass a column are led
// through the space between its boxes.
type layered struct {
	graph   *Graph
	out     *layout
	index   map[*Node]int
	nodes   []placed
	links   []link
	columns []column
	frames  []frame
}

type placed struct {
	node          *Node
	frame, column int
	w, h          int
	y             int // of its middle
	near          []int
}

// link is an edge by the indices of its ends.
type link struct{ from, to int }

type column struct {
	x, w  int
	nodes []int // from top to bottom within each frame
}

type frame struct {
	first, last int     // columns
	cells       [][]int // nodes by column, from first on, from top to bottom
	height      int
	y           int
}

const (
	boxGap    = 20 // between boxes of a column: three edges fit in between
	frameGap  = 26
	minGutter = 104
	laneGap   = 7 // between edges that pass a column side by side
)

func newLayered(g *Graph, out *layout) *layered {
	l := &layered{graph: g, out: out, index: map[*Node]int{}}
	into := looksInto(g)
	for i, n := range g.Nodes {
		w, h := n.size(len(into[n]))
		l.index[n] = i
		l.nodes = append(l.nodes, placed{node: n, w: w, h: h})
	}
	for f, gr := range out.groups {
		for _, n := range gr.nodes {
			l.nodes[l.index[n]].frame = f
		}
	}
	for _, e := range g.Edges {
		from, to := l.index[e.From], l.index[e.To]
		l.links = append(l.links, link{from, to})
		if from != to {
			l.nodes[from].near = append(l.nodes[from].near, to)
			l.nodes[to].near = append(l.nodes[to].near, from)
		}
	}
	return l
}

func (l *layered) run() {
	l.assignColumns()
	l.makeFrames()
	l.arrange()
	l.measure()
	l.out.enter(l.graph)
	newRouter(l).run()
}

// assignColumns puts every callee right of its callers, except along the edges that close a circle, and every
// caller as near to its callees as it may be.
func (l *layered) assignColumns() {
	callees, callers := make([][]int, len(l.nodes)), make([]int, len(l.nodes))
	for _, k := range l.links {
		if k.from != k.to {
			callees[k.from] = append(callees[k.from], k.to)
			callers[k.to]++
		}
	}
	starts := make([]int, len(l.nodes))
	for i := range starts {
		starts[i] = i
	}
	slices.SortStableFunc(starts, func(a, b int) int {
		if (callers[a] == 0) != (callers[b] == 0) {
			return cmp.Compare(callers[a], callers[b])
		}
		return cmp.Compare(len(callees[b])-callers[b], len(callees[a])-callers[a])
	})

	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(l.nodes))
	forward := make([][]int, len(l.nodes)) // without the edges that close a circle
	var order []int                        // callees before callers
	var visit func(int)
	visit = func(n int) {
		state[n] = open
		for _, to := range callees[n] {
			if state[to] == open {
				continue
			}
			forward[n] = append(forward[n], to)
			if state[to] == unseen {
				visit(to)
			}
		}
		state[n] = done
		order = append(order, n)
	}
	for _, n := range starts {
		if state[n] == unseen {
			visit(n)
		}
	}
	slices.Reverse(order)
	deepest := 0
	for _, n := range order {
		for _, to := range forward[n] {
			l.nodes[to].column = max(l.nodes[to].column, l.nodes[n].column+1)
			deepest = max(deepest, l.nodes[to].column)
		}
	}
	if most := maxColumnsOf(len(l.nodes)); deepest >= most {
		l.shorten(starts, callees)
		return
	}
	called := make([]bool, len(l.nodes))
	for _, tos := range forward {
		for _, to := range tos {
			called[to] = true
		}
	}
	for n := range l.nodes {
		if called[n] || len(forward[n]) == 0 {
			continue
		}
		nearest := 1 << 30
		for _, to := range forward[n] {
			nearest = min(nearest, l.nodes[to].column-1)
		}
		l.nodes[n].column = nearest
	}
	l.spreadIdle(forward, called)
}

// maxColumnsOf is how many columns a picture of so many nodes may have: beyond it is a ribbon.
func maxColumnsOf(nodes int) int {
	most := 8
	for most*most < 2*nodes {
		most++
	}
	return most
}

// shorten is for services that call each other in long circles: the column is the shortest way from a start.
func (l *layered) shorten(starts []int, callees [][]int) {
	column := make([]int, len(l.nodes))
	for i := range column {
		column[i] = -1
	}
	for _, s := range starts {
		if column[s] >= 0 {
			continue
		}
		column[s] = 0
		for queue := []int{s}; len(queue) > 0; queue = queue[1:] {
			for _, to := range callees[queue[0]] {
				if column[to] < 0 {
					column[to] = column[queue[0]] + 1
					queue = append(queue, to)
				}
			}
		}
	}
	for n, c := range column {
		l.nodes[n].column = c
	}
}

// spreadIdle spreads nodes without edges over the columns of their frame, so that they make no tower.
func (l *layered) spreadIdle(forward [][]int, called []bool) {
	count := map[[2]int]int{}
	last := make([]int, len(l.out.groups))
	for n := range l.nodes {
		if called[n] || len(forward[n]) > 0 {
			count[[2]int{l.nodes[n].frame, l.nodes[n].column}]++
			last[l.nodes[n].frame] = max(last[l.nodes[n].frame], l.nodes[n].column)
		}
	}
	for n := range l.nodes {
		if called[n] || len(forward[n]) > 0 {
			continue
		}
		f := l.nodes[n].frame
		best := 0
		for c := range max(last[f], 2) + 1 {
			if count[[2]int{f, c}] < count[[2]int{f, best}] {
				best = c
			}
		}
		l.nodes[n].column = best
		count[[2]int{f, best}]++
	}
}

// makeFrames gathers the nodes by frame and column.
func (l *layered) makeFrames() {
	count := 0
	for _, n := range l.nodes {
		count = max(count, n.column+1)
	}
	l.columns = make([]column, count)
	for i, n := range l.nodes {
		l.columns[n.column].nodes = append(l.columns[n.column].nodes, i)
		l.columns[n.column].w = max(l.columns[n.column].w, n.w)
	}
	l.frames = make([]frame, len(l.out.groups))
	for f := range l.frames {
		fr := &l.frames[f]
		fr.first, fr.last = count, -1
		for _, n := range l.out.groups[f].nodes {
			c := l.nodes[l.index[n]].column
			fr.first, fr.last = min(fr.first, c), max(fr.last, c)
		}
		fr.cells = make([][]int, fr.last-fr.first+1)
		for _, n := range l.out.groups[f].nodes {
			i := l.index[n]
			c := l.nodes[i].column - fr.first
			fr.cells[c] = append(fr.cells[c], i)
		}
		for _, cell := range fr.cells {
			fr.height = max(fr.height, l.stack(cell))
		}
		fr.height += frameTitle + framePad
	}
}

// stack is the height of the boxes of one cell with the gaps between them.
func (l *layered) stack(cell []int) int {
	h := -boxGap
	for _, n := range cell {
		h += l.nodes[n].h + boxGap
	}
	return max(h, 0)
}

// measure turns columns and middles into boxes and frames.
func (l *layered) measure() {
	for f, fr := range l.frames {
		wide := 0
		for c := fr.first; c <= fr.last; c++ {
			wide += l.columns[c].w
		}
		l.columns[fr.first].w += max(0, titleWidth(l.out.groups[f].label())-2*framePad-wide)
	}
	x := 0
	for c := range l.columns {
		col := &l.columns[c]
		col.x = x
		x += col.w + l.gutter(c)
	}
	for i := range l.nodes {
		n := &l.nodes[i]
		col := l.columns[n.column]
		l.out.boxes[n.node] = rect{col.x, n.y - n.h/2, col.w, n.h}
	}
	for f := range l.frames {
		fr := &l.frames[f]
		left, last := l.columns[fr.first].x, l.columns[fr.last]
		l.out.groups[f].rect = rect{left - framePad, fr.y, last.x + last.w - left + 2*framePad, fr.height}
	}
}

// gutter is the room right of a column: more where many edges turn in it.
func (l *layered) gutter(c int) int {
	turning := 0
	for _, k := range l.links {
		a, b := l.nodes[k.from].column, l.nodes[k.to].column
		if min(a, b) <= c && c < max(a, b) {
			turning++
		}
	}
	return minGutter + min(3*turning, 90)
}

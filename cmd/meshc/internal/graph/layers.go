package graph

import (
	"cmp"
	"slices"
)

// layered lays a graph out in layers, with the steps that the package comment describes. Nodes and frames are
// addressed by their indices.
type layered struct {
	*layout
	index  map[*Node]int
	nodes  []placed
	links  []link // by index of the edge
	layers []layer
	spans  []span // by index of the frame
}

type placed struct {
	node         *Node
	frame, layer int
	w, h         int
	y            int   // of its middle
	neighbours   []int // callers and callees, once for each edge
}

// link is an edge by the indices of its ends.
type link struct{ from, to int }

// layer is a column of boxes, which are all as wide as the widest.
type layer struct {
	x, w  int
	nodes []int
}

// span is how far a frame extends.
type span struct {
	first, last int     // layers
	stacks      [][]int // its nodes by layer, from first on, each from top to bottom
	y, height   int
}

// meets reports whether two spans share a layer.
func (s *span) meets(t *span) bool { return s.first <= t.last && t.first <= s.last }

const (
	boxGap    = 20 // between boxes of a layer: three edges fit in between
	frameGap  = 26
	minGutter = 104 // between layers
	laneGap   = 7   // between edges that pass a layer side by side
)

func newLayered(l *layout) *layered {
	d := &layered{layout: l, index: map[*Node]int{}}
	for i, n := range l.graph.Nodes {
		w, h := l.size(n)
		d.index[n] = i
		d.nodes = append(d.nodes, placed{node: n, w: w, h: h})
	}
	for f := range l.frames {
		for _, n := range l.frames[f].nodes {
			d.nodes[d.index[n]].frame = f
		}
	}
	for _, e := range l.graph.Edges {
		from, to := d.index[e.From], d.index[e.To]
		d.links = append(d.links, link{from, to})
		if from != to {
			d.nodes[from].neighbours = append(d.nodes[from].neighbours, to)
			d.nodes[to].neighbours = append(d.nodes[to].neighbours, from)
		}
	}
	return d
}

func (d *layered) run() {
	d.assignLayers()
	d.makeSpans()
	d.arrange()
	d.setBoxes()
	d.placeArrows()
	newRouter(d).run()
}

// assignLayers puts every callee to the right of its callers, except along edges that close a cycle, and every caller
// as close to its callees as it may be.
func (d *layered) assignLayers() {
	callees, callers := make([][]int, len(d.nodes)), make([]int, len(d.nodes))
	for _, k := range d.links {
		if k.from != k.to {
			callees[k.from] = append(callees[k.from], k.to)
			callers[k.to]++
		}
	}
	// Nodes without callers come first: a search from anywhere else could cut an edge of theirs.
	starts := indices(len(d.nodes))
	slices.SortStableFunc(starts, func(a, b int) int {
		if (callers[a] == 0) != (callers[b] == 0) {
			return cmp.Compare(callers[a], callers[b])
		}
		return cmp.Compare(len(callees[b])-callers[b], len(callees[a])-callers[a])
	})
	forward, order := acyclic(starts, callees)
	called, deepest := make([]bool, len(d.nodes)), 0
	for _, n := range order {
		for _, to := range forward[n] {
			called[to] = true
			d.nodes[to].layer = max(d.nodes[to].layer, d.nodes[n].layer+1)
			deepest = max(deepest, d.nodes[to].layer)
		}
	}
	if deepest >= maxLayers(len(d.nodes)) {
		d.assignByDistance(starts, callees)
		return
	}
	var idle []int
	for n := range d.nodes {
		switch {
		case called[n]:
		case len(forward[n]) == 0:
			idle = append(idle, n)
		default:
			nearest := farAway
			for _, to := range forward[n] {
				nearest = min(nearest, d.nodes[to].layer-1)
			}
			d.nodes[n].layer = nearest
		}
	}
	d.spreadIdle(idle)
}

// acyclic returns the callees of each node without the edges that close a cycle, and the nodes in topological order.
func acyclic(starts []int, callees [][]int) (forward [][]int, order []int) {
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(callees))
	forward = make([][]int, len(callees))
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
	return forward, order
}

// maxLayers returns how many layers a picture may have before it is a ribbon.
func maxLayers(nodes int) int {
	most := 8
	for most*most < 2*nodes {
		most++
	}
	return most
}

// assignByDistance takes the length of the shortest path from a start as the layer. Long cycles would otherwise need a
// layer for each of their nodes.
func (d *layered) assignByDistance(starts []int, callees [][]int) {
	for n := range d.nodes {
		d.nodes[n].layer = -1
	}
	for _, s := range starts {
		if d.nodes[s].layer >= 0 {
			continue
		}
		d.nodes[s].layer = 0
		for queue := []int{s}; len(queue) > 0; queue = queue[1:] {
			for _, to := range callees[queue[0]] {
				if d.nodes[to].layer < 0 {
					d.nodes[to].layer = d.nodes[queue[0]].layer + 1
					queue = append(queue, to)
				}
			}
		}
	}
}

// spreadIdle spreads the nodes without edges over the layers of their frames, so that they do not pile up in one.
func (d *layered) spreadIdle(idle []int) {
	type stack struct{ frame, layer int }
	count, last := map[stack]int{}, make([]int, len(d.frames))
	for i, n := range d.nodes {
		if !slices.Contains(idle, i) {
			count[stack{n.frame, n.layer}]++
			last[n.frame] = max(last[n.frame], n.layer)
		}
	}
	for _, n := range idle {
		best := stack{frame: d.nodes[n].frame}
		for layer := range max(last[best.frame], 2) + 1 {
			if s := (stack{best.frame, layer}); count[s] < count[best] {
				best = s
			}
		}
		d.nodes[n].layer = best.layer
		count[best]++
	}
}

// makeSpans gathers the nodes by layer and by frame.
func (d *layered) makeSpans() {
	count := 0
	for _, n := range d.nodes {
		count = max(count, n.layer+1)
	}
	d.layers = make([]layer, count)
	for i, n := range d.nodes {
		c := &d.layers[n.layer]
		c.nodes, c.w = append(c.nodes, i), max(c.w, n.w)
	}
	d.spans = make([]span, len(d.frames))
	for f := range d.spans {
		s := &d.spans[f]
		s.first, s.last = count, -1
		for _, n := range d.frames[f].nodes {
			c := d.nodes[d.index[n]].layer
			s.first, s.last = min(s.first, c), max(s.last, c)
		}
		s.stacks = make([][]int, s.last-s.first+1)
		for _, n := range d.frames[f].nodes {
			i := d.index[n]
			c := d.nodes[i].layer - s.first
			s.stacks[c] = append(s.stacks[c], i)
		}
		for _, stack := range s.stacks {
			s.height = max(s.height, d.heightOf(stack))
		}
		s.height += frameTitle + framePad
	}
}

// heightOf returns the height of a stack of boxes with the gaps between them.
func (d *layered) heightOf(stack []int) int {
	h := -boxGap
	for _, n := range stack {
		h += d.nodes[n].h + boxGap
	}
	return max(h, 0)
}

// setBoxes turns layers and middles into the boxes and frames of the layout.
func (d *layered) setBoxes() {
	for f, s := range d.spans {
		w := 0
		for c := s.first; c <= s.last; c++ {
			w += d.layers[c].w
		}
		d.layers[s.first].w += max(0, titleWidth(d.frames[f].label)-2*framePad-w)
	}
	x := 0
	for c := range d.layers {
		d.layers[c].x = x
		x += d.layers[c].w + d.gutter(c)
	}
	for _, n := range d.nodes {
		c := d.layers[n.layer]
		d.boxes[n.node] = rect{c.x, n.y - n.h/2, c.w, n.h}
	}
	for f, s := range d.spans {
		left, last := d.layers[s.first].x, d.layers[s.last]
		d.frames[f].rect = rect{left - framePad, s.y, last.x + last.w - left + 2*framePad, s.height}
	}
}

// gutter returns the room to the right of a layer: more where many edges turn in it.
func (d *layered) gutter(c int) int {
	turning := 0
	for _, k := range d.links {
		if d.start(k) <= c && c < d.end(k) {
			turning++
		}
	}
	return minGutter + min(3*turning, 90)
}

// start and end are the leftmost and rightmost layer of an edge.
func (d *layered) start(k link) int { return min(d.nodes[k.from].layer, d.nodes[k.to].layer) }
func (d *layered) end(k link) int   { return max(d.nodes[k.from].layer, d.nodes[k.to].layer) }

// indices returns the numbers from 0 to n-1.
func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

package graph

import (
	"cmp"
	"slices"
)

// router leads edges from layer to layer, through the free space between the boxes that they pass.
type router struct {
	*layered
	gaps  [][]gap   // by layer, from top to bottom
	lanes [][]*lane // by edge: where it passes each layer on its way
	exits []int     // by edge: the height at which it leaves its caller
}

// gap is free space of a layer.
type gap struct {
	top, bottom int
	lanes       []*lane
}

// lane is the passage of one edge through a layer.
type lane struct {
	edge, layer int
	want, y     int
}

func newRouter(d *layered) *router {
	r := &router{layered: d, lanes: make([][]*lane, len(d.links)), exits: make([]int, len(d.links))}
	for c := range d.layers {
		r.gaps = append(r.gaps, d.freeSpace(c))
	}
	return r
}

// freeSpace returns what the boxes and the titles of frames leave of a layer.
func (d *layered) freeSpace(c int) []gap {
	var taken []rect
	for _, n := range d.layers[c].nodes {
		taken = append(taken, d.boxes[d.nodes[n].node])
	}
	for f, s := range d.spans {
		if s.first == c {
			title := d.frames[f].rect
			title.h = frameTitle - 8
			taken = append(taken, title)
		}
	}
	slices.SortFunc(taken, func(a, b rect) int { return cmp.Compare(a.y, b.y) })
	const (
		beyond = 1 << 20 // above and below all boxes there is room for every edge
		away   = 5       // from a box
	)
	var free []gap
	top := -beyond
	for _, t := range taken {
		if t.y-away > top {
			free = append(free, gap{top: top, bottom: t.y - away})
		}
		top = max(top, t.bottom()+away)
	}
	return append(free, gap{top: top, bottom: beyond})
}

func (r *router) run() {
	order := indices(len(r.links))
	// Short edges choose first: they have the least room to go elsewhere.
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(r.end(r.links[a])-r.start(r.links[a]), r.end(r.links[b])-r.start(r.links[b]))
	})
	for _, i := range order {
		r.choose(i)
	}
	for c := range r.gaps {
		for g := range r.gaps[c] {
			r.gaps[c][g].separate()
		}
	}
	r.spreadExits()
	for i := range r.links {
		r.draw(i)
	}
}

// passed returns the layers that an edge passes: those between its ends and, where it leads back, the ends' own.
func (r *router) passed(k link) (layers []int) {
	a, b := r.nodes[k.from].layer, r.nodes[k.to].layer
	for c := a + 1; c < b; c++ {
		layers = append(layers, c)
	}
	for c := a; c >= b; c-- {
		layers = append(layers, c)
	}
	return layers
}

// choose picks the gaps of an edge: those nearest to the straight line that are not full.
func (r *router) choose(i int) {
	layers := r.passed(r.links[i])
	y, target := r.nodes[r.links[i].from].y, r.arrowOf(i).tip.y
	for j, c := range layers {
		want := y + (target-y)/(len(layers)-j+1)
		best, bestCost := 0, farAway
		for g := range r.gaps[c] {
			gp := &r.gaps[c][g]
			cost := abs(gp.nearest(want) - want)
			if room := (gp.bottom-gp.top)/laneGap - len(gp.lanes); room <= 0 {
				cost += 40 * (1 - room)
			}
			if cost < bestCost {
				best, bestCost = g, cost
			}
		}
		gp := &r.gaps[c][best]
		n := &lane{edge: i, layer: c, want: gp.nearest(want)}
		gp.lanes = append(gp.lanes, n)
		r.lanes[i] = append(r.lanes[i], n)
		y = n.want
	}
}

func (g *gap) nearest(y int) int { return max(g.top, min(g.bottom, y)) }

// separate lays the edges of a gap side by side.
func (g *gap) separate() {
	if len(g.lanes) == 0 {
		return
	}
	slices.SortFunc(g.lanes, func(a, b *lane) int { return cmp.Or(cmp.Compare(a.want, b.want), cmp.Compare(a.edge, b.edge)) })
	tops, heights := make([]int, len(g.lanes)), make([]int, len(g.lanes))
	for i, n := range g.lanes {
		tops[i] = n.want
	}
	separate(tops, heights, min(laneGap, (g.bottom-g.top)/max(1, len(g.lanes)-1)), g.top, g.bottom)
	for i, n := range g.lanes {
		n.y = tops[i]
	}
}

// spreadExits spreads the edges of each caller along the right side of its box, in the order of where they go.
func (r *router) spreadExits() {
	byCaller := make([][]int, len(r.nodes))
	for i, k := range r.links {
		byCaller[k.from] = append(byCaller[k.from], i)
	}
	for n, edges := range byCaller {
		slices.SortStableFunc(edges, func(a, b int) int { return cmp.Compare(r.firstTurn(a), r.firstTurn(b)) })
		pitch := min(8, (r.nodes[n].h-14)/max(1, len(edges)-1))
		for i, e := range edges {
			r.exits[e] = r.nodes[n].y + (2*i-len(edges)+1)*pitch/2
		}
	}
}

func (r *router) firstTurn(i int) int {
	if len(r.lanes[i]) > 0 {
		return r.lanes[i][0].y
	}
	return r.arrowOf(i).tip.y
}

// draw makes the curve of an edge. Within a layer it runs level enough to stay in its lane; it turns in the gutters.
func (r *router) draw(i int) {
	k := r.links[i]
	from, end := r.layers[r.nodes[k.from].layer], r.arrowOf(i).start()
	at := point{from.x + from.w, r.exits[i]}
	curve := []point{at}
	bend := func(to point, out, in int) {
		curve = append(curve, point{at.x + out, at.y}, point{to.x + in, to.y}, to)
		at = to
	}
	if r.nodes[k.to].layer > r.nodes[k.from].layer {
		for _, n := range r.lanes[i] {
			c := r.layers[n.layer]
			half := (c.x - at.x) / 2
			bend(point{c.x, n.y}, half, -half)
			bend(point{c.x + c.w, n.y}, c.w/3, -c.w/3)
		}
		half := (end.x - at.x) / 2
		bend(end, half, -half)
	} else {
		const loop = 44
		for j, n := range r.lanes[i] {
			c := r.layers[n.layer]
			if j == 0 {
				bend(point{c.x + c.w, n.y}, loop, loop)
			} else {
				half := (at.x - c.x - c.w) / 2
				bend(point{c.x + c.w, n.y}, -half, half)
			}
			bend(point{c.x, n.y}, -c.w/3, c.w/3)
		}
		bend(end, -loop, -loop/2)
	}
	r.edges[i].curve = curve
}

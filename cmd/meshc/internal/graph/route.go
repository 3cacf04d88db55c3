package graph

import (
	"cmp"
	"slices"
)

// router leads edges from column to column, through the free space between the boxes of those that they pass.
type router struct {
	*layered
	gaps  [][]gap   // by column, from top to bottom
	lanes [][]*lane // by edge: where it passes each column on its way
	exits map[int]int
}

// gap is free space of a column.
type gap struct {
	top, bottom int
	lanes       []*lane
}

// lane is the passage of one edge through a column.
type lane struct {
	edge, column int
	want, y      int
}

const beyond = 1 << 20 // above and below all boxes there is room for every edge

func newRouter(l *layered) *router {
	r := &router{layered: l, lanes: make([][]*lane, len(l.links)), exits: map[int]int{}}
	for c := range l.columns {
		r.gaps = append(r.gaps, l.freeSpace(c))
	}
	return r
}

// freeSpace is what boxes and the titles of frames leave of a column.
func (l *layered) freeSpace(c int) []gap {
	var taken []rect
	for _, n := range l.columns[c].nodes {
		taken = append(taken, l.out.boxes[l.nodes[n].node])
	}
	for f, fr := range l.frames {
		if fr.first == c {
			r := l.out.groups[f].rect
			taken = append(taken, rect{r.x, r.y, r.w, frameTitle - 8})
		}
	}
	slices.SortFunc(taken, func(a, b rect) int { return cmp.Compare(a.y, b.y) })
	var free []gap
	top := -beyond
	for _, t := range taken {
		const away = 5
		if t.y-away > top {
			free = append(free, gap{top: top, bottom: t.y - away})
		}
		top = max(top, t.bottom()+away)
	}
	return append(free, gap{top: top, bottom: beyond})
}

func (r *router) run() {
	order := make([]int, len(r.links))
	for i := range order {
		order[i] = i
	}
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
	r.leave()
	for i := range r.links {
		r.draw(i)
	}
}

// passed is the columns that an edge passes: those between its ends and, of one that leads back, its ends' too.
func (r *router) passed(k link) (columns []int) {
	a, b := r.nodes[k.from].column, r.nodes[k.to].column
	if b > a {
		for c := a + 1; c < b; c++ {
			columns = append(columns, c)
		}
		return columns
	}
	for c := a; c >= b; c-- {
		columns = append(columns, c)
	}
	return columns
}

// choose picks the gaps of an edge: those nearest to the straight way that are not full.
func (r *router) choose(i int) {
	k := r.links[i]
	columns := r.passed(k)
	y, target := r.nodes[k.from].y, r.out.entries[r.out.edges[i].entry].tip.y
	for j, c := range columns {
		want := y + (target-y)/(len(columns)-j+1)
		best, bestCost := 0, 1<<30
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
		n := &lane{edge: i, column: c, want: gp.nearest(want)}
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
	slices.SortStableFunc(g.lanes, func(a, b *lane) int { return cmp.Or(cmp.Compare(a.want, b.want), cmp.Compare(a.edge, b.edge)) })
	apart := min(laneGap, (g.bottom-g.top)/max(1, len(g.lanes)-1))
	tops, heights := make([]int, len(g.lanes)), make([]int, len(g.lanes))
	for i, n := range g.lanes {
		tops[i] = n.want
	}
	spread(tops, heights, apart, g.top, g.bottom)
	for i, n := range g.lanes {
		n.y = tops[i]
	}
}

// leave spreads the edges of each caller along the right side of its box, in the order of where they go.
func (r *router) leave() {
	by := map[int][]int{}
	for i, k := range r.links {
		by[k.from] = append(by[k.from], i)
	}
	for n, edges := range by {
		slices.SortStableFunc(edges, func(a, b int) int { return cmp.Compare(r.firstTurn(a), r.firstTurn(b)) })
		h := r.nodes[n].h
		apart := min(8, (h-14)/max(1, len(edges)-1))
		for i, e := range edges {
			r.exits[e] = r.nodes[n].y + (2*i-len(edges)+1)*apart/2
		}
	}
}

func (r *router) firstTurn(i int) int {
	if len(r.lanes[i]) > 0 {
		return r.lanes[i][0].y
	}
	return r.out.entries[r.out.edges[i].entry].tip.y
}

// draw makes the curve of an edge.
func (r *router) draw(i int) {
	k := r.links[i]
	entry := r.out.entries[r.out.edges[i].entry]
	end := point{entry.tip.x - entry.look.stub(), entry.tip.y}
	from := r.columns[r.nodes[k.from].column]
	at := point{from.x + from.w, r.exits[i]}
	curve := []point{at}
	bend := func(to point, out, in int) {
		curve = append(curve, point{at.x + out, at.y}, point{to.x + in, to.y}, to)
		at = to
	}
	if r.nodes[k.to].column > r.nodes[k.from].column {
		for _, n := range r.lanes[i] {
			c := r.columns[n.column]
			half := (c.x - at.x) / 2
			bend(point{c.x, n.y}, half, -half)
			bend(point{c.x + c.w, n.y}, c.w/3, -c.w/3)
		}
		half := (end.x - at.x) / 2
		bend(end, half, -half)
	} else {
		const loop = 44
		for j, n := range r.lanes[i] {
			c := r.columns[n.column]
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
	r.out.edges[i].curve = curve
}

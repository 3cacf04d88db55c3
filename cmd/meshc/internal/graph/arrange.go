package graph

import (
	"cmp"
	"slices"
)

const (
	sweeps         = 24
	orderingSweeps = 18 // after these the order of boxes stands, only their places still move
	crossingCost   = 60 // of two edges, in pixels of the length of edges
	maxCrossed     = 140
)

// arrange finds the order of the frames and the height of every box, so that edges are short and cross little.
// It tries to exchange neighbours in the order of frames until nothing gets better.
func (l *layered) arrange() {
	order := make([]int, len(l.frames))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.frames[a].first, l.frames[b].first) })
	best := l.try(order)
	for improved := true; improved; {
		improved = false
		for i := range order {
			for j := i + 1; j < len(order); j++ {
				order[i], order[j] = order[j], order[i]
				if cost := l.try(order); cost < best {
					best, improved = cost, true
				} else {
					order[i], order[j] = order[j], order[i]
				}
			}
		}
		if len(order) > 12 {
			break // one round of so many pairs is enough
		}
	}
	l.try(order)
}

// try places everything with the frames stacked in an order, and tells what that costs.
func (l *layered) try(order []int) int {
	floor := make([]int, len(l.columns))
	for _, f := range order {
		fr := &l.frames[f]
		y := 0
		for c := fr.first; c <= fr.last; c++ {
			y = max(y, floor[c])
		}
		fr.y = y
		for c := fr.first; c <= fr.last; c++ {
			floor[c] = y + fr.height + frameGap
		}
		for _, cell := range fr.cells {
			slices.Sort(cell)
			y := fr.y + frameTitle + (fr.height-frameTitle-framePad-l.stack(cell))/2
			for _, n := range cell {
				l.nodes[n].y = y + l.nodes[n].h/2
				y += l.nodes[n].h + boxGap
			}
		}
	}
	for sweep := range sweeps {
		for c := range l.columns {
			if sweep%2 == 1 {
				c = len(l.columns) - 1 - c
			}
			for f := range l.frames {
				if fr := &l.frames[f]; fr.first <= c && c <= fr.last {
					l.settle(fr, fr.cells[c-fr.first], sweep < orderingSweeps)
				}
			}
		}
		l.slide(order)
	}
	return l.cost()
}

// settle moves the boxes of one cell to where their neighbours are, as far as they leave room for each other.
func (l *layered) settle(fr *frame, cell []int, reorder bool) {
	if len(cell) == 0 {
		return
	}
	want := map[int]int{}
	for _, n := range cell {
		want[n] = l.pull(n)
	}
	if reorder {
		slices.SortStableFunc(cell, func(a, b int) int { return cmp.Compare(want[a], want[b]) })
	}
	tops, heights := make([]int, len(cell)), make([]int, len(cell))
	for i, n := range cell {
		heights[i] = l.nodes[n].h
		tops[i] = want[n] - heights[i]/2
	}
	spread(tops, heights, boxGap, fr.y+frameTitle, fr.y+fr.height-framePad)
	for i, n := range cell {
		l.nodes[n].y = tops[i] + heights[i]/2
	}
}

// pull is the mean height of a node's neighbours, its own where it has none.
func (l *layered) pull(n int) int {
	near := l.nodes[n].near
	if len(near) == 0 {
		return l.nodes[n].y
	}
	sum := 0
	for _, m := range near {
		sum += l.nodes[m].y
	}
	return sum / len(near)
}

// slide moves whole frames towards what they are connected with, as far as the frames above and below let them.
func (l *layered) slide(order []int) {
	for i, f := range order {
		fr := &l.frames[f]
		sum, count := 0, 0
		for _, cell := range fr.cells {
			for _, n := range cell {
				for _, m := range l.nodes[n].near {
					if l.nodes[m].frame != f {
						sum += l.nodes[m].y - l.nodes[n].y
						count++
					}
				}
			}
		}
		if count == 0 {
			continue
		}
		low, high := -1<<30, 1<<30
		for j, o := range order {
			other := &l.frames[o]
			if j == i || other.last < fr.first || fr.last < other.first {
				continue
			}
			if j < i {
				low = max(low, other.y+other.height+frameGap)
			} else {
				high = min(high, other.y-frameGap-fr.height)
			}
		}
		dy := max(low, min(high, fr.y+sum/count)) - fr.y
		fr.y += dy
		for _, cell := range fr.cells {
			for _, n := range cell {
				l.nodes[n].y += dy
			}
		}
	}
}

func (l *layered) cost() int {
	cost := 0
	for _, k := range l.links {
		cost += abs(l.nodes[k.from].y - l.nodes[k.to].y)
	}
	top, bottom := 1<<30, -1<<30
	for _, fr := range l.frames {
		top, bottom = min(top, fr.y), max(bottom, fr.y+fr.height)
	}
	cost += 2 * (bottom - top)
	if len(l.links) > maxCrossed {
		return cost
	}
	for i, a := range l.links {
		for _, b := range l.links[:i] {
			if l.cross(a, b) {
				cost += crossingCost
			}
		}
	}
	return cost
}

// cross tells whether two edges, as straight lines, cross between the columns that both of them pass.
func (l *layered) cross(a, b link) bool {
	if a.from == b.from || a.to == b.to {
		return false
	}
	left := max(l.start(a), l.start(b))
	right := min(l.end(a), l.end(b))
	if left >= right {
		return false
	}
	return (l.heightAt(a, left) < l.heightAt(b, left)) != (l.heightAt(a, right) < l.heightAt(b, right))
}

func (l *layered) start(k link) int { return min(l.nodes[k.from].column, l.nodes[k.to].column) }
func (l *layered) end(k link) int   { return max(l.nodes[k.from].column, l.nodes[k.to].column) }

func (l *layered) heightAt(k link, column int) int {
	a, b := &l.nodes[k.from], &l.nodes[k.to]
	if a.column == b.column {
		return a.y
	}
	return a.y + (b.y-a.y)*(column-a.column)/(b.column-a.column)
}

// spread moves intervals, given in their order, apart: each as near to its wanted top as the sum of all moves
// allows, within low and high. This is isotonic regression by pooling adjacent violators.
func spread(tops, heights []int, gap, low, high int) {
	type pool struct{ sum, count int }
	offsets := make([]int, len(tops))
	total := 0
	for i := range tops {
		offsets[i] = total
		total += heights[i] + gap
	}
	total -= gap
	var pools []pool
	for i := range tops {
		pools = append(pools, pool{tops[i] - offsets[i], 1})
		for n := len(pools); n > 1 && pools[n-2].sum*pools[n-1].count >= pools[n-1].sum*pools[n-2].count; n = len(pools) {
			pools[n-2].sum += pools[n-1].sum
			pools[n-2].count += pools[n-1].count
			pools = pools[:n-1]
		}
	}
	i := 0
	for _, p := range pools {
		at := max(low, min(p.sum/p.count, high-total))
		for range p.count {
			tops[i] = at + offsets[i]
			i++
		}
	}
}

func abs(n int) int { return max(n, -n) }

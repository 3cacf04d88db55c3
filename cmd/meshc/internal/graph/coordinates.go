package graph

import (
	"cmp"
	"slices"
)

// settle moves the boxes of one stack towards their barycenters, as far as they leave room for each other.
func (d *layered) settle(s *span, stack []int, reorder bool) {
	if len(stack) == 0 {
		return
	}
	want := map[int]int{}
	for _, n := range stack {
		want[n] = d.barycenter(n)
	}
	if reorder {
		slices.SortStableFunc(stack, func(a, b int) int { return cmp.Compare(want[a], want[b]) })
	}
	tops, heights := make([]int, len(stack)), make([]int, len(stack))
	for i, n := range stack {
		heights[i] = d.nodes[n].h
		tops[i] = want[n] - heights[i]/2
	}
	separate(tops, heights, boxGap, s.y+frameTitle, s.y+s.height-framePad)
	for i, n := range stack {
		d.nodes[n].y = tops[i] + heights[i]/2
	}
}

// barycenter returns the mean height of a node's neighbours, its own where it has none.
func (d *layered) barycenter(n int) int {
	neighbours := d.nodes[n].neighbours
	if len(neighbours) == 0 {
		return d.nodes[n].y
	}
	sum := 0
	for _, m := range neighbours {
		sum += d.nodes[m].y
	}
	return sum / len(neighbours)
}

// moveFrames moves whole frames towards what they are connected with, as far as those above and below let them.
func (d *layered) moveFrames(order []int) {
	for i, f := range order {
		s := &d.spans[f]
		sum, count := 0, 0
		for _, stack := range s.stacks {
			for _, n := range stack {
				for _, m := range d.nodes[n].neighbours {
					if d.nodes[m].frame != f {
						sum += d.nodes[m].y - d.nodes[n].y
						count++
					}
				}
			}
		}
		if count == 0 {
			continue
		}
		low, high := -farAway, farAway
		for j, o := range order {
			other := &d.spans[o]
			switch {
			case j == i || !other.meets(s):
			case j < i:
				low = max(low, other.y+other.height+frameGap)
			default:
				high = min(high, other.y-frameGap-s.height)
			}
		}
		dy := max(low, min(high, s.y+sum/count)) - s.y
		s.y += dy
		for _, stack := range s.stacks {
			for _, n := range stack {
				d.nodes[n].y += dy
			}
		}
	}
}

// separate moves intervals, given in their order, so that they do not overlap and lie within low and high. Each ends as
// near to its wanted top as the least sum of squared moves allows: isotonic regression by pooling adjacent violators.
func separate(tops, heights []int, gap, low, high int) {
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
		top := max(low, min(p.sum/p.count, high-total))
		for range p.count {
			tops[i] = top + offsets[i]
			i++
		}
	}
}

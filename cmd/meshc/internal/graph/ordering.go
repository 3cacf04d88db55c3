package graph

import (
	"cmp"
	"slices"
)

const (
	sweeps         = 24
	orderingSweeps = 18 // after these the order of the boxes is fixed and only their positions still move
	crossingCost   = 60 // of two edges, in pixels of edge length
	maxCrossed     = 140
	fewFrames      = 12
)

// arrange finds the order of the frames and the heights of all boxes, so that edges are short and cross little. It
// exchanges pairs of frames until nothing gets better. Every attempt starts from where the one before ended.
func (d *layered) arrange() {
	order := indices(len(d.spans))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d.spans[a].first, d.spans[b].first) })
	best := d.attempt(order)
	for improved := true; improved; {
		improved = false
		for i := range order {
			for j := i + 1; j < len(order); j++ {
				order[i], order[j] = order[j], order[i]
				if cost := d.attempt(order); cost < best {
					best, improved = cost, true
				} else {
					order[i], order[j] = order[j], order[i]
				}
			}
		}
		if len(order) > fewFrames {
			break // one round of so many pairs is enough
		}
	}
	d.attempt(order)
}

// attempt places everything with the frames stacked in some order, and returns what that costs.
func (d *layered) attempt(order []int) int {
	floor := make([]int, len(d.layers))
	for _, f := range order {
		s := &d.spans[f]
		s.y = slices.Max(floor[s.first : s.last+1])
		for c := s.first; c <= s.last; c++ {
			floor[c] = s.y + s.height + frameGap
		}
		for _, stack := range s.stacks {
			slices.Sort(stack)
			y := s.y + frameTitle + (s.height-frameTitle-framePad-d.heightOf(stack))/2
			for _, n := range stack {
				d.nodes[n].y = y + d.nodes[n].h/2
				y += d.nodes[n].h + boxGap
			}
		}
	}
	for sweep := range sweeps {
		for c := range d.layers {
			if sweep%2 == 1 {
				c = len(d.layers) - 1 - c
			}
			for f := range d.spans {
				if s := &d.spans[f]; s.first <= c && c <= s.last {
					d.settle(s, s.stacks[c-s.first], sweep < orderingSweeps)
				}
			}
		}
		d.moveFrames(order)
	}
	return d.cost()
}

// cost is what the present arrangement is judged by; less is better.
func (d *layered) cost() int {
	cost := 0
	for _, k := range d.links {
		cost += abs(d.nodes[k.from].y - d.nodes[k.to].y)
	}
	top, bottom := farAway, -farAway
	for _, s := range d.spans {
		top, bottom = min(top, s.y), max(bottom, s.y+s.height)
	}
	cost += 2 * (bottom - top)
	if len(d.links) > maxCrossed {
		return cost // to count the crossings would take too long
	}
	for i, a := range d.links {
		for _, b := range d.links[:i] {
			if d.cross(a, b) {
				cost += crossingCost
			}
		}
	}
	return cost
}

// cross reports whether two edges, as straight lines, cross between the layers that both of them pass.
func (d *layered) cross(a, b link) bool {
	if a.from == b.from || a.to == b.to {
		return false
	}
	left, right := max(d.start(a), d.start(b)), min(d.end(a), d.end(b))
	return left < right && (d.heightAt(a, left) < d.heightAt(b, left)) != (d.heightAt(a, right) < d.heightAt(b, right))
}

func (d *layered) heightAt(k link, layer int) int {
	a, b := &d.nodes[k.from], &d.nodes[k.to]
	if a.layer == b.layer {
		return a.y
	}
	return a.y + (b.y-a.y)*(layer-a.layer)/(b.layer-a.layer)
}

package phrase

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Boxes says what is in some boxes of operations; nil if that is everything. Where none of them leaves anything out,
// each says its own.
func Boxes(t space.Table, boxes []space.Box) []Operations {
	whole := !slices.ContainsFunc(boxes, func(b space.Box) bool {
		return slices.ContainsFunc(b, func(c space.Condition) bool { return len(c.Not) > 0 })
	})
	if !whole && len(boxes) > 1 {
		if all, ok := Chosen(t, [][]space.Box{boxes}, func(in func(int) bool) (bool, bool) { return in(0), true }); ok {
			return all
		}
	}
	var all []Operations
	for _, b := range boxes {
		for _, o := range eachOf(t, b) {
			if o.empty() {
				return nil
			}
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b Operations) int { return cmp.Compare(a.String(), b.String()) })
	return slices.CompactFunc(all, func(a, b Operations) bool { return a.String() == b.String() })
}

// Chosen says the operations of HTTP that are chosen, of those in question, by which groups of boxes they are in. It is
// not ok where that cannot be said as it is. Everything is one Operations without words, and nothing is none.
func Chosen(t space.Table, groups [][]space.Box, choose func(in func(group int) bool) (chosen, asked bool)) (all []Operations, ok bool) {
	var rules []space.Box
	for _, boxes := range groups {
		for _, b := range boxes {
			if slices.ContainsFunc(b, func(c space.Condition) bool { return t[c.Dimension].Kind == nil }) {
				return nil, false
			}
			rules = append(append(rules, Asked(t, b)), LeftOut(t, b)...)
		}
	}
	single, apart := Singles(rules)
	if !apart {
		return nil, false
	}
	var b space.Builder
	b.Reset(t)
	b.DistinguishAll(space.Distinctions{Operations: single})
	s, err := b.Divide("")
	if err != nil {
		return nil, false
	}
	b.Connections(true)
	var requests []*space.Request
	var chosen []int
	if b.Walk(func(r *space.Request, _ []int32) {
		one := *r
		choice, asked := choose(func(group int) bool { return t.AnyMatch(groups[group], &one) == space.Yes })
		if choice {
			chosen = append(chosen, len(requests))
		}
		if asked {
			requests = append(requests, &one)
		}
	}) != nil {
		return nil, false
	}
	if len(chosen) == 0 {
		return nil, true
	}
	want := space.NewSet(len(requests))
	for _, i := range chosen {
		want.Add(i)
	}
	all, _ = NewVocabulary(s, requests, want, Rules{Boxes: rules, Apart: apart}).Of(want, want)
	return all, !slices.ContainsFunc(all, func(o Operations) bool { return o.Such })
}

// Asked is what a box asks for, without what it leaves out, in the order of the dimensions.
func Asked(t space.Table, b space.Box) (asked space.Box) {
	for _, c := range b {
		if t[c.Dimension].Kind != nil {
			asked = asked.And(c.Dimension, c.Is...)
		}
	}
	slices.SortStableFunc(asked, func(a, b space.Condition) int { return cmp.Compare(a.Dimension, b.Dimension) })
	return asked
}

// LeftOut is what a box leaves out: a box for each value.
func LeftOut(t space.Table, b space.Box) (all []space.Box) {
	for _, c := range b {
		for _, not := range c.Not {
			if t[c.Dimension].Kind != nil {
				all = append(all, space.Box{space.Is(c.Dimension, not)})
			}
		}
	}
	return all
}

// divided is a box as several, each with one value of some dimensions.
func divided(b space.Box, apart func(space.Dimension) bool) []space.Box {
	parts := []space.Box{nil}
	for _, c := range b {
		values := [][]space.Pattern{c.Is}
		if apart(c.Dimension) {
			values = slices.Collect(slices.Chunk(c.Is, 1))
		}
		var more []space.Box
		for _, part := range parts {
			for _, is := range values {
				more = append(more, slices.Clip(part).And(c.Dimension, is...))
			}
		}
		parts = more
	}
	return parts
}

// eachOf is a box, one of each port and of the other values that are written apart.
func eachOf(t space.Table, b space.Box) (all []Operations) {
	for _, part := range divided(Asked(t, b), func(d space.Dimension) bool { return t[d].Single }) {
		o := Operations{Operation: operation(t, part)}
		for _, c := range b {
			switch {
			case t[c.Dimension].Kind == nil:
				o.Unjudged = true
			case len(c.Not) == 0:
			case c.Dimension == space.Header:
				o.NoHeader = append(o.NoHeader, t.Values(c.Dimension, c.Not))
			case c.Dimension == space.Host:
				o.Except = append(o.Except, operation(t, space.Box{space.Is(c.Dimension, c.Not...)}))
			default:
				for _, not := range c.Not {
					o.Except = append(o.Except, operation(t, space.Box{space.Is(c.Dimension, not)}))
				}
			}
		}
		all = append(all, o)
	}
	return all
}

package graph

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// denied returns how much of an edge the denies of the callee take away. It looks at each deny alone, so it may return
// Part where several together take everything.
func denied(e *policy.Edge) Extent {
	r, from, extent := e.Rule, e.From, None
	for i := range e.To.Deny {
		d := &e.To.Deny[i]
		if d.Requests.Covers(&r.Requests) && d.Includes(from) {
			return Whole
		}
		if overlap(d.Ports, r.Ports) && operationsOverlap(d.Ops, r.Ops) && slices.ContainsFunc(d.From, from.Meets) && !policy.Includes(d.Except, from) {
			extent = Part
		}
	}
	return extent
}

// refused returns how much of what leads to some ports, or to all if none are given, the network takes away, or may. Of
// a wildcard some callers pass, and none where all is taken away.
func (b *builder) refused(from policy.Source, to *policy.Service, ports []Port) Extent {
	if b.network == nil {
		return None
	}
	numbers := make([]uint16, len(ports))
	for i, p := range ports {
		numbers[i] = p.Number
	}
	switch verdict, _ := b.network.Passes(from, to, numbers...); {
	case verdict == enforce.Denied:
		return Whole
	case verdict == enforce.Undecided && from.Kind == policy.FromService:
		return Part
	}
	return None
}

// overlap reports whether two lists have an element in common. An empty list has every element.
func overlap[T comparable](a, b []T) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(e T) bool { return slices.Contains(b, e) })
}

func operationsOverlap(a, b []policy.Operation) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(o policy.Operation) bool { return slices.ContainsFunc(b, o.Meets) })
}

package graph

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// denied returns how much of an edge the denies of the callee take away. It looks at each deny alone, so it may return Part
// where several together take everything.
func denied(e *policy.Edge) Extent {
	r, from, extent := e.Rule, e.From, None
	for i := range e.To.Deny {
		d := &e.To.Deny[i]
		if policy.CoversPorts(d.Ports, r.Ports) && policy.Covers(d.Ops, r.Ops) && policy.Includes(d.From, from) {
			return Whole
		}
		if overlap(d.Ports, r.Ports) && operationsOverlap(d.Ops, r.Ops) &&
			slices.ContainsFunc(d.From, func(f policy.Source) bool { return f.Includes(from) || from.Includes(f) }) {
			extent = Part
		}
	}
	return extent
}

// overlap reports whether two lists have an element in common. An empty list has every element.
func overlap[T comparable](a, b []T) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(e T) bool { return slices.Contains(b, e) })
}

func operationsOverlap(a, b []policy.Operation) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(o policy.Operation) bool {
		return slices.ContainsFunc(b, func(p policy.Operation) bool {
			return overlap(o.Methods, p.Methods) && pathsOverlap(o.Path, p.Path)
		})
	})
}

// pathsOverlap reports whether some path may match both patterns. It says yes where it is not sure.
func pathsOverlap(a, b string) bool {
	prefixA, exactA := literal(a)
	prefixB, exactB := literal(b)
	return strings.HasPrefix(prefixA, prefixB) && (!exactB || a == b) ||
		strings.HasPrefix(prefixB, prefixA) && (!exactA || a == b)
}

// literal returns what every path that matches a pattern begins with, and whether that is the whole path.
func literal(pattern string) (prefix string, exact bool) {
	if i := strings.IndexAny(pattern, "*{"); i >= 0 {
		return pattern[:i], false
	}
	return pattern, pattern != ""
}

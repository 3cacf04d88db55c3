package graph

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// denied tells how much of what a rule gives a caller the denies of the callee take away. It may say Part where
// several denies together take everything.
func (b *builder) denied(s *policy.Service, r *policy.Rule, from policy.Source) Extent {
	extent := None
	for i := range s.Deny {
		d := &s.Deny[i]
		if policy.CoversPorts(d.Ports, r.Ports) && policy.Covers(d.Ops, r.Ops) &&
			policy.Includes(d.From, from) {
			return Whole
		}
		if portsMeet(d.Ports, r.Ports) && operationsMeet(d.Ops, r.Ops) &&
			slices.ContainsFunc(d.From, func(f policy.Source) bool { return f.Includes(from) || from.Includes(f) }) {
			extent = Part
		}
	}
	return extent
}

func portsMeet(a, b []uint16) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(p uint16) bool { return slices.Contains(b, p) })
}

func operationsMeet(a, b []policy.Operation) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	for _, o := range a {
		for _, p := range b {
			if methodsMeet(o.Methods, p.Methods) && pathsMeet(o.Path, p.Path) {
				return true
			}
		}
	}
	return false
}

func methodsMeet(a, b []string) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(m string) bool { return slices.Contains(b, m) })
}

// pathsMeet says yes where it is not sure.
func pathsMeet(a, b string) bool {
	fixedA, allA := fixed(a)
	fixedB, allB := fixed(b)
	switch {
	case allA && allB:
		return a == b
	case allA:
		return strings.HasPrefix(a, fixedB)
	case allB:
		return strings.HasPrefix(b, fixedA)
	}
	return strings.HasPrefix(fixedA, fixedB) || strings.HasPrefix(fixedB, fixedA)
}

// fixed is what every path of a pattern begins with, and whether that is all of it.
func fixed(pattern string) (prefix string, all bool) {
	if pattern == "" {
		return "", false
	}
	if i := strings.IndexAny(pattern, "*{"); i >= 0 {
		return pattern[:i], false
	}
	return pattern, true
}

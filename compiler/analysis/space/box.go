package space

import (
	"slices"
	"strings"
)

// Box is conditions that must all hold; without any it holds always.
type Box []Condition

// Condition holds where the fact has one of the patterns Is, if there are any, and none of Not.
type Condition struct {
	Dimension Dimension
	Is, Not   []Pattern
}

// Header is the name of the header that the condition looks at, empty where it looks at something else.
func (c *Condition) Header() string {
	for _, patterns := range [...][]Pattern{c.Is, c.Not} {
		for _, p := range patterns {
			if p.kind == inHeader {
				name, _, _ := strings.Cut(p.text, "\x00")
				return name
			}
		}
	}
	return ""
}

// Is is a condition that a fact has one of some patterns.
func Is(d Dimension, patterns ...Pattern) Condition { return Condition{Dimension: d, Is: patterns} }

// And is the box with one more condition: a fact has one of some patterns. Without patterns nothing is added.
func (b Box) And(d Dimension, is ...Pattern) Box {
	if len(is) == 0 {
		return b
	}
	return append(b, Is(d, is...))
}

// Equal reports whether two boxes have the same conditions in the same order.
func (b Box) Equal(other Box) bool {
	return slices.EqualFunc(b, other, func(c, d Condition) bool {
		return c.Dimension == d.Dimension && slices.Equal(c.Is, d.Is) && slices.Equal(c.Not, d.Not)
	})
}

// Match is how certain it is that something matches.
type Match uint8

const (
	No Match = iota
	Maybe
	Yes
)

// AnyMatch is the best match of a request with one of several boxes.
func (t Table) AnyMatch(boxes []Box, r *Request) Match {
	best := No
	for _, b := range boxes {
		if best = max(best, t.Match(b, r)); best == Yes {
			break
		}
	}
	return best
}

// Match reports whether a request is in a box. A condition on what is HTTP's holds where the proxy reads no HTTP; that
// on what a request does not reveal may hold.
func (t Table) Match(b Box, r *Request) Match {
	all := Yes
	for i := range b {
		switch c := &b[i]; {
		case !r.HTTP && t[c.Dimension].HTTP:
		case t[c.Dimension].Kind == nil:
			all = Maybe
		case !c.holds(r.values[c.Dimension]):
			return No
		}
	}
	return all
}

// In reports whether a request surely is in a box, and is HTTP where the box asks for what is HTTP's.
func (t Table) In(b Box, r *Request) bool {
	return (r.HTTP || !t.HTTP([]Box{b})) && t.Match(b, r) == Yes
}

func (c *Condition) holds(v *Value) bool {
	return (len(c.Is) == 0 || anyPattern(c.Is, v)) && !anyPattern(c.Not, v)
}

func anyPattern(patterns []Pattern, v *Value) bool {
	for i := range patterns {
		if patterns[i].matches(v) {
			return true
		}
	}
	return false
}

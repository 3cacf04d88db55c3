package space

import "slices"

// Box is conditions that must all hold; without any it holds always.
type Box []Condition

// Condition holds where the fact has one of the patterns Is, if there are any, and none of Not.
type Condition struct {
	Dimension Dimension
	Is, Not   []Pattern
}

// Match is how certain it is that something matches.
type Match uint8

const (
	No Match = iota
	Maybe
	Yes
)

// AnyMatch is the best match of several boxes.
func AnyMatch(boxes []Box, f *Facts) Match {
	best := No
	for _, b := range boxes {
		if m := b.Match(f); m > best {
			if best = m; m == Yes {
				break
			}
		}
	}
	return best
}

// NeedsHTTP reports whether a condition is HTTP's alone.
func NeedsHTTP(boxes []Box) bool {
	return slices.ContainsFunc(boxes, func(b Box) bool {
		return slices.ContainsFunc(b, func(c Condition) bool { return c.Dimension.OnlyHTTP() })
	})
}

// Match reports whether a request is in the box.
func (b Box) Match(f *Facts) Match {
	all := Yes
	for i := range b {
		if all = min(all, b[i].match(f)); all == No {
			break
		}
	}
	return all
}

func (c *Condition) match(f *Facts) Match {
	switch {
	case !f.HTTP && c.Dimension.OnlyHTTP():
		return Yes
	case c.Dimension.IsHidden():
		return Maybe
	case len(c.Is) > 0 && !hasOne(c.Is, c.Dimension, f), hasOne(c.Not, c.Dimension, f):
		return No
	}
	return Yes
}

func hasOne(patterns []Pattern, d Dimension, f *Facts) bool {
	for i := range patterns {
		if f.matches(d, &patterns[i]) {
			return true
		}
	}
	return false
}

// ExactPaths is the only paths of HTTP requests that the boxes can match, sorted; only is false where there are others.
func ExactPaths(boxes []Box) (paths []string, only bool) {
	for _, b := range boxes {
		i := slices.IndexFunc(b, func(c Condition) bool {
			return c.Dimension == Path && len(c.Is) > 0 && !slices.ContainsFunc(c.Is, func(p Pattern) bool { return p.kind != exact })
		})
		if i < 0 {
			return nil, false
		}
		for _, p := range b[i].Is {
			paths = append(paths, p.text)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), len(paths) > 0
}

package enforce

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// tokens is what a point makes of the tokens of requests. Where nothing authenticates it does not see them, nor
// anywhere those of CORS preflights. Else it refuses those that it does not take, on every path (istio/istio#24371).
type tokens struct {
	refused, unsure space.Set // sources; nil: none
	by              *Object   // that refuses, or of which it is not known what it takes

	// without is the source without a token that is otherwise like another one; nil where the point sees the tokens of
	// requests.
	without func(source int) int
}

// authenticate has objects authenticate requests, as far as they say whose tokens count.
func (c *Point) authenticate(all []*Object) {
	for _, o := range all {
		if len(o.Clauses) > 0 || !c.knows(o) {
			c.Tokens = append(c.Tokens, o)
			c.hide(o.Rewrites)
		}
	}
}

// hide has conditions on some headers not judged: policies see what an object leaves that authenticates before them.
func (c *Point) hide(headers []string) {
	for n, o := range c.Policies {
		if slices.Contains(c.unsure, o) || !slices.ContainsFunc(o.Clauses, func(r Clause) bool { return r.Header(headers) != "" }) {
			continue
		}
		seen := o.As(slices.Clone(o.Clauses))
		for i := range seen.Clauses {
			seen.Clauses[i] = seen.Clauses[i].hiding(func(condition *space.Condition) bool { return slices.Contains(headers, condition.Header()) })
		}
		c.Policies[n] = seen
	}
}

// taken calls f with the boxes of callers with a token that the point takes. It returns the object of which it is not
// known what it takes, if there is one.
func (c *Point) taken(f func([]space.Box)) (unknown *Object) {
	for _, o := range c.Tokens {
		if !c.knows(o) {
			unknown = o
			continue
		}
		for i := range o.Clauses {
			f(o.Clauses[i].From)
		}
	}
	return unknown
}

// authenticate decides about the sources in left whose token the point does not take, and leaves the others. Of these,
// found is then given those that differ by a token which the point does not see together.
func (d *decider) authenticate(found func(space.Set, Decision)) func(space.Set, Decision) {
	t := &d.tokens
	if t.without != nil {
		all := slices.Clone(d.left)
		for source := range all.All() {
			if t.without(source) != source {
				d.left[source/64] &^= 1 << (source % 64)
				d.left.Add(t.without(source))
			}
		}
		return func(s space.Set, by Decision) {
			like := make(space.Set, len(s))
			for source := range all.All() {
				if s.Has(t.without(source)) {
					like.Add(source)
				}
			}
			found(like, by)
		}
	}
	if t.by == nil {
		return found
	}
	found(d.left.Common(t.refused), Decision{Verdict: Denied, Reason: BadToken, Policy: t.by, Rule: -1})
	d.left.RemoveAll(t.refused)
	found(d.left.Common(t.unsure), Decision{Verdict: Undecided, Reason: NotJudged, Policy: t.by, Rule: -1})
	d.left.RemoveAll(t.unsure)
	return found
}

// Meets reports whether a request with a token that the point takes, or without one, can be in a box as far as tokens
// go.
func (c *Point) Meets(box space.Box) bool {
	var asked space.Box
	for _, condition := range box {
		if condition.Dimension == space.Token {
			asked = append(asked, condition)
		}
	}
	if len(asked) == 0 {
		return true
	}
	var b space.Builder
	b.Reset(c.layer.Table)
	b.Distinguish([]space.Box{asked})
	unknown := c.taken(b.Distinguish)
	s, err := b.Divide(c.layer.Mesh.TrustDomain)
	if err != nil || unknown != nil {
		return true
	}
	b.Connections(true)
	taken := b.NewSet()
	for i := range s.Sources {
		if s.Without(i, space.Token) == i {
			taken.Add(i)
		}
	}
	c.taken(func(boxes []space.Box) {
		yes, _ := b.Callers(boxes)
		taken.AddAll(yes)
	})
	holders, _ := b.Callers([]space.Box{asked})
	return holders.Meets(taken)
}

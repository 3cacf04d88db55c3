package enforce

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// MayRise is the sources whose requests of a class one point may deny while another lets them through. What cannot be
// judged is taken for propositions: the conditions of a clause on what requests do not reveal, what a provider answers,
// and what a broken object stands for. Propositions that are written alike on both sides are the same there. A source
// is in the set if some choice of their truth denies its requests at the one point and lets them through at the other:
// so it does not matter in which order objects and clauses come, and more that allows can only raise.
func (s *Classes) MayRise(r *Class, from, to int) space.Set {
	rise := space.NewSet(len(s.Sources))
	if !s.classifier.points[from].Judged() || !s.classifier.points[to].Judged() {
		return rise
	}
	for _, modes := range s.classifier.modes(r, from, to) {
		before, after := s.terms(r, from, modes[0]), s.terms(r, to, modes[1])
		rise.AddAll(before.mayRise(&after))
	}
	return rise
}

// modes is the modes that two points may have, as pairs. Where objects that are written alike leave them open, they are
// the same.
func (s *Classifier) modes(r *Class, from, to int) (pairs [][2]Mode) {
	a, b := s.points[from], s.points[to]
	was, old := a.Mode(r.Request.Port())
	is, now := b.Mode(r.Request.Port())
	options := func(m Mode) []Mode {
		switch m {
		case Unknown:
			return []Mode{Disable, Permissive, Strict}
		case Listener:
			return []Mode{Disable, Permissive}
		}
		return []Mode{m}
	}
	if was == is && Same(old, now) && slices.EqualFunc(a.Shadowed, b.Shadowed, Same) {
		for _, m := range options(was) {
			pairs = append(pairs, [2]Mode{m, m})
		}
		return pairs
	}
	for _, before := range options(was) {
		for _, after := range options(is) {
			pairs = append(pairs, [2]Mode{before, after})
		}
	}
	return pairs
}

// terms is what decides about the sources of a class at a point: a request passes where nothing denies it and something
// allows it.
type terms struct {
	allow, deny    space.Set            // what surely does
	allows, denies map[string]space.Set // by proposition: what does if it is true
	all            space.Set
}

func (s *Classes) terms(r *Class, point int, mode Mode) terms {
	d := &s.classifier.deciders[point]
	n := len(s.Sources)
	t := terms{space.NewSet(n), space.NewSet(n), map[string]space.Set{}, map[string]space.Set{}, d.all}
	perhaps := func(into map[string]space.Set, proposition string, sources space.Set) {
		if into[proposition] == nil {
			into[proposition] = space.NewSet(n)
		}
		into[proposition].AddAll(sources)
	}
	hits := s.classifier.matching(point, r.Request.HTTP, r.boxes)
	d.ask(hits)
	for _, h := range hits {
		sure, propositions := &t.deny, t.denies
		if h.effect == Allow {
			sure, propositions = &t.allow, t.allows
		}
		doubt := space.NewSet(n)
		if h.more != nil {
			doubt.AddAll(h.more)
		}
		yes := h.yes
		if h.asked != alike {
			yes = slices.Clone(yes)
			for i := range yes {
				seen := d.seeing(h.asked, i)
				yes[i], doubt[i] = yes[i]&seen, doubt[i]&seen
			}
		}
		if h.sure && h.effect != Custom {
			sure.AddAll(yes)
		} else {
			doubt.AddAll(yes)
		}
		if !doubt.Empty() {
			perhaps(propositions, h.proposition(d.point.layer.Table), doubt)
		}
	}
	if d.point.guard() == nil {
		unguarded := slices.Clone(d.all)
		for _, sources := range t.allows { // a broken object may be the first that allows something
			unguarded.RemoveAll(sources)
		}
		t.allow.AddAll(unguarded)
	}
	switch mode {
	case Strict:
		t.deny.AddAll(d.plain)
	case Disable:
		t.allow, t.deny = d.unproved(t.allow), d.unproved(t.deny)
		for _, list := range []map[string]space.Set{t.allows, t.denies} {
			for proposition, sources := range list {
				list[proposition] = d.unproved(sources)
			}
		}
	}
	return t
}

// mayRise is the sources that one choice of truth denies by t, and lets through by after.
func (t *terms) mayRise(after *terms) space.Set {
	// They pass after if nothing surely denies them and something may allow them; before, they are denied
	// surely,
	may := slices.Clone(after.allow)
	for _, sources := range after.allows {
		may.AddAll(sources)
	}
	may.RemoveAll(after.deny)
	denied := slices.Clone(t.deny)
	// by a proposition that denies them before only,
	for proposition, sources := range t.denies {
		denied.AddAll(without(sources, after.denies[proposition]))
	}
	// or because no proposition that allows them before is true, while something else allows them after.
	unallowed := slices.Clone(after.allow)
	for proposition, sources := range after.allows {
		unallowed.AddAll(without(sources, t.allows[proposition]))
	}
	unallowed.RemoveAll(t.allow)
	denied.AddAll(unallowed)
	// What nothing may allow before is denied surely.
	never := slices.Clone(t.all)
	never.RemoveAll(t.allow)
	for _, sources := range t.allows {
		never.RemoveAll(sources)
	}
	denied.AddAll(never)
	return may.Common(denied)
}

func without(a, b space.Set) space.Set {
	if b == nil {
		return a
	}
	return a.Minus(b)
}

// proposition is what must be true for a clause to match what it may match, in words that are the same for clauses that
// depend on the same. What is certain about the clause is no part of it where all of its boxes depend on the same;
// where they do not, it is.
func (c *clause) proposition(t space.Table) string {
	var b strings.Builder
	o := c.object
	fmt.Fprintf(&b, "%s %s", c.effect, o.Provider)
	everything := func(space.Dimension) bool { return true }
	if c.rule < 0 {
		fmt.Fprintf(&b, " object %s %s", o.ID(), o.Content)
		for _, clause := range o.Clauses {
			fmt.Fprintf(&b, " from %q to %q", written(clause.From, everything), written(clause.To, everything))
		}
		return b.String()
	}
	clause := &o.Clauses[c.rule]
	hidden := func(d space.Dimension) bool { return t[d].Kind == nil }
	from, to := written(clause.From, hidden), written(clause.To, hidden)
	if len(from) > 1 || len(to) > 1 || from[0] != "" && to[0] != "" {
		from, to = written(clause.From, everything), written(clause.To, everything)
	}
	fmt.Fprintf(&b, " from %q to %q", from, to)
	return b.String()
}

// written is boxes as they are written, with their conditions on some dimensions, in an order that does not depend on
// how they are written.
func written(boxes []space.Box, some func(space.Dimension) bool) []string {
	all := []string{}
	for _, box := range boxes {
		var words []string
		for _, c := range box {
			if some(c.Dimension) {
				words = append(words, fmt.Sprintf("%d %q not %q", c.Dimension, texts(c.Is), texts(c.Not)))
			}
		}
		all = append(all, strings.Join(once(words), " and "))
	}
	return once(all)
}

func texts(patterns []space.Pattern) []string {
	all := make([]string, len(patterns))
	for i, p := range patterns {
		all[i] = p.String()
	}
	return once(all)
}

package enforce

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Decided is sources whose requests of one region are decided alike.
type Decided struct {
	Decision
	Sources space.Set
}

// Decide is Decide for all sources of a region at once: each source is in one set. The callee is one of the split's.
func (s *Classes) Decide(c *Point, r *Class) []Decided {
	d := &decider{split: s, callee: c, facts: r.Request.Facts()}
	everyone := space.NewSet(len(s.Sources))
	everyone.Fill(len(s.Sources))
	switch mode, by := c.Mode(r.Request.Port); mode {
	case Strict:
		plain := space.NewSet(len(s.Sources))
		for i := range s.Anonymous() {
			plain.Add(i)
		}
		d.add(plain, Decision{Denied, Plaintext, by, -1})
		d.authorize(everyone.Minus(plain))
	case Disable, Unknown: // what a caller cannot prove counts, too
		for i, source := range s.Sources {
			one := space.NewSet(len(s.Sources))
			one.Add(i)
			d.add(one, c.Decide(r.Request.From(source)))
		}
	default:
		d.authorize(everyone)
	}
	return d.all
}

type decider struct {
	split  *Classes
	callee *Point
	facts  space.Facts
	all    []Decided
}

func (d *decider) add(sources space.Set, by Decision) {
	i := slices.IndexFunc(d.all, func(other Decided) bool { return other.Decision == by })
	switch {
	case sources.Len() == 0:
	case i < 0:
		d.all = append(d.all, Decided{by, sources})
	default:
		d.all[i].Sources.AddAll(sources)
	}
}

// authorize is authorize.
func (d *decider) authorize(left space.Set) {
	denied, left := d.first(left, Deny, space.Yes)
	for _, by := range denied {
		d.add(by.Sources, Decision{Denied, ByRule, by.Policy, by.Rule})
	}
	allowed, left := d.first(left, Allow, space.Yes)
	for i := range allowed {
		allowed[i].Reason = ByRule
	}
	open, left := d.first(left, Allow, space.Maybe)
	for _, by := range open {
		d.add(by.Sources, Decision{Undecided, NotJudged, by.Policy, by.Rule})
	}
	guard := slices.IndexFunc(d.callee.Policies, func(p *Object) bool { return p.does(Allow) && !p.Broken })
	if guard >= 0 {
		d.add(left, Decision{Denied, NoMatch, d.callee.Policies[guard], -1})
	} else {
		allowed = append(allowed, Decided{Decision{Reason: NoPolicy, Rule: -1}, left})
	}
	for _, by := range allowed {
		left := by.Sources
		for _, action := range []Action{Custom, Deny} {
			var unsure []Decided
			unsure, left = d.first(left, action, space.Maybe)
			for _, by := range unsure {
				d.add(by.Sources, Decision{Undecided, NotJudged, by.Policy, by.Rule})
			}
		}
		by.Verdict = Allowed
		d.add(left, by.Decision)
	}
}

// first is first: the sources of each rule that matches, and those that none does.
func (d *decider) first(left space.Set, action Action, least space.Match) (found []Decided, rest space.Set) {
	for _, p := range d.callee.Policies {
		switch {
		case !p.does(action):
			continue
		case p.Broken && least == space.Maybe:
			return append(found, Decided{Decision{Policy: p, Rule: -1}, left}), make(space.Set, len(left))
		case p.Broken:
			continue
		}
		for i := range p.Clauses {
			r := &p.Clauses[i]
			if !d.facts.HTTP && action == Allow && r.needsHTTP() || space.AnyMatch(r.To, &d.facts) < least {
				continue
			}
			sources := d.callers(r, least)
			if rest := left.Minus(sources); !rest.Equal(left) {
				found = append(found, Decided{Decision{Policy: p, Rule: i}, left.Minus(rest)})
				left = rest
			}
		}
	}
	return found, left
}

// calling is a question about the callers of a rule.
type calling struct {
	rule  *Clause
	http  bool
	least space.Match
}

// callers is the sources that a rule matches at least so surely. Every region asks for them.
func (d *decider) callers(r *Clause, least space.Match) space.Set {
	key := calling{r, d.facts.HTTP, least}
	set, known := d.split.calling[key]
	if !known {
		d.split.classifier.Connections(key.http)
		var more space.Set
		if set, more = d.split.classifier.Callers(r.From); least == space.Maybe && more != nil {
			set.AddAll(more)
		}
		if d.split.calling == nil {
			d.split.calling = map[calling]space.Set{}
		}
		d.split.calling[key] = set
	}
	return set
}

package eval

import "slices"

// Decided is sources whose requests of one region are decided alike.
type Decided struct {
	Decision
	Sources Set
}

// Decide is Callee.Decide for all sources of a region at once: each source is in one set. The callee is one of the split's.
func (s *Split) Decide(c *Callee, r *Region) []Decided {
	d := &decider{split: s, callee: c, facts: r.Request.facts()}
	everyone := NewSet(len(s.Sources))
	everyone.Fill(len(s.Sources))
	switch mode, by := c.Mode(r.Request.Port); mode {
	case Strict:
		plain := NewSet(len(s.Sources))
		for i := range s.addresses.count * s.remotes.count {
			plain.Add(i)
		}
		d.add(plain, Decision{Denied, Plaintext, by, -1})
		d.authorize(everyone.Minus(plain))
	case Disable, Unknown: // what a caller cannot prove counts, too
		for i, source := range s.Sources {
			one := NewSet(len(s.Sources))
			one.Add(i)
			d.add(one, c.Decide(r.From(source)))
		}
	default:
		d.authorize(everyone)
	}
	return d.all
}

type decider struct {
	split  *Split
	callee *Callee
	facts  facts
	all    []Decided
}

func (d *decider) add(sources Set, by Decision) {
	i := slices.IndexFunc(d.all, func(other Decided) bool { return other.Decision == by })
	switch {
	case sources.Len() == 0:
	case i < 0:
		d.all = append(d.all, Decided{by, sources})
	default:
		d.all[i].Sources.AddAll(sources)
	}
}

// authorize is Callee.authorize.
func (d *decider) authorize(left Set) {
	denied, left := d.first(left, Deny, yes)
	for _, by := range denied {
		d.add(by.Sources, Decision{Denied, ByRule, by.Policy, by.Rule})
	}
	allowed, left := d.first(left, Allow, yes)
	for i := range allowed {
		allowed[i].Reason = ByRule
	}
	open, left := d.first(left, Allow, maybe)
	for _, by := range open {
		d.add(by.Sources, Decision{Undecided, NotJudged, by.Policy, by.Rule})
	}
	guard := slices.IndexFunc(d.callee.Policies, func(p *Policy) bool { return p.does(Allow) && !p.Broken })
	if guard >= 0 {
		d.add(left, Decision{Denied, NoMatch, d.callee.Policies[guard], -1})
	} else {
		allowed = append(allowed, Decided{Decision{Reason: NoPolicy, Rule: -1}, left})
	}
	for _, by := range allowed {
		left := by.Sources
		for _, action := range []Action{Custom, Deny} {
			var unsure []Decided
			unsure, left = d.first(left, action, maybe)
			for _, by := range unsure {
				d.add(by.Sources, Decision{Undecided, NotJudged, by.Policy, by.Rule})
			}
		}
		by.Verdict = Allowed
		d.add(left, by.Decision)
	}
}

// first is Callee.first: the sources of each rule that matches, and those that none does.
func (d *decider) first(left Set, action Action, least match) (found []Decided, rest Set) {
	for _, p := range d.callee.Policies {
		switch {
		case !p.does(action):
			continue
		case p.Broken && least == maybe:
			return append(found, Decided{Decision{Policy: p, Rule: -1}, left}), make(Set, len(left))
		case p.Broken:
			continue
		}
		for i := range p.rules {
			r := &p.rules[i]
			if !d.facts.HTTP && action == Allow && r.needsHTTP() || anyOf(r.to, &d.facts) < least {
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
	rule  *rule
	http  bool
	least match
}

// callers is the sources that a rule matches at least so surely. Every region asks for them.
func (d *decider) callers(r *rule, least match) Set {
	key := calling{r, d.facts.HTTP, least}
	set, known := d.split.calling[key]
	if !known {
		d.split.splitter.http = key.http
		var more Set
		if set, more = d.split.splitter.callers(r.from); least == maybe && more != nil {
			set.AddAll(more)
		}
		if d.split.calling == nil {
			d.split.calling = map[calling]Set{}
		}
		d.split.calling[key] = set
	}
	return set
}

package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// intents is what the rules of a service say about the sources of a split: the meaning of the language as sets.
type intents struct {
	model   *Model
	to      *policy.Service
	split   *Split
	sources []space.Source
	plain   space.Set        // the sources without an identity
	named   map[string][]int // the others, by their identity
	open    bool             // nothing closes the service
	alien   space.Set        // the sources with a token that the service does not take
	width   int              // how many sources have no identity: the first ones
	allow   rules
	deny    rules
	ask     rules
	want    space.Set
	asked   space.Set // of want, those whose requests a provider may refuse
}

func (m *Model) intents(s *policy.Service, split *Split) *intents {
	n := len(split.Sources)
	in := &intents{model: m, to: s, split: split, sources: split.Sources, plain: space.NewSet(n), named: make(map[string][]int, n),
		open: !m.closes(s), want: space.NewSet(n), asked: space.NewSet(n), alien: m.alien(s, split), width: split.Anonymous()}
	for i, caller := range split.Sources {
		if caller.Identity() == "" {
			in.plain.Add(i)
		} else {
			in.named[caller.Identity()] = append(in.named[caller.Identity()], i)
		}
	}
	in.allow, in.deny, in.ask = in.rules(s.Allow), in.rules(s.Deny), in.rules(s.Ask)
	return in
}

// callers is the sources that may send a request: an edge lets them and no deny stops them. Without an identity they cannot use
// a strict port; at a disabled one nobody has an identity. The next call overwrites the set.
func (in *intents) callers(r *space.Request, mode policy.Mode) space.Set {
	clear(in.want)
	if in.open {
		in.want.AddRange(0, len(in.sources))
	} else {
		in.allow.each(r, in.want.AddAll)
	}
	in.deny.each(r, in.want.RemoveAll)
	switch {
	case !r.HTTP || !in.to.ReadsRequests(r.Port()):
	case r.Preflight():
		in.asWithoutToken(in.want)
	default:
		in.want.RemoveAll(in.alien)
	}
	switch mode {
	case policy.Strict:
		in.want.RemoveAll(in.plain)
	case policy.Disable:
		// A caller with an identity is let in where the same caller without it is.
		let := slices.Clone(in.want)
		clear(in.want)
		for i := range in.sources {
			if let.Has(i % in.width) {
				in.want.Add(i)
			}
		}
	}
	return in.want
}

// asWithoutToken has sources be in a set where the same callers without a token are.
func (in *intents) asWithoutToken(s space.Set) {
	if !in.split.Varies(space.Token) {
		return
	}
	all := slices.Clone(s)
	clear(s)
	for i := range in.sources {
		if all.Has(in.split.Without(i, space.Token)) {
			s.Add(i)
		}
	}
}

// askedAbout is those of some callers, which may send a request, about whom a provider is asked. The next call overwrites the
// set.
func (in *intents) askedAbout(r *space.Request, mode policy.Mode, callers space.Set) space.Set {
	clear(in.asked)
	if len(in.ask.few)+len(in.ask.byHead) == 0 {
		return in.asked
	}
	in.ask.each(r, in.asked.AddAll)
	if mode == policy.Disable { // nobody has an identity
		proved := slices.Clone(in.asked)
		clear(in.asked)
		for i := range in.sources {
			if proved.Has(i % in.width) {
				in.asked.Add(i)
			}
		}
	}
	for i := range in.asked {
		in.asked[i] &= callers[i]
	}
	return in.asked
}

// rules is the rules of one kind: a few, or else many by the heads of their paths.
type rules struct {
	few    []ruleSet
	byHead map[string][]*ruleSet
	heads
}

const few = 16

type ruleSet struct {
	Subject
	who   space.Set
	plain space.Set // of connections that are not HTTP
}

// of returns the callers of the rule that send a request.
func (rs *ruleSet) of(r *space.Request) space.Set {
	if r.HTTP {
		return rs.who
	}
	return rs.plain
}

func (in *intents) rules(all []policy.Rule) rules {
	sets := make([]ruleSet, len(all))
	for i := range all {
		sets[i] = in.rule(&all[i])
	}
	if len(all) <= few {
		return rules{few: sets}
	}
	rs := rules{byHead: map[string][]*ruleSet{}}
	for i := range all {
		for _, head := range rs.add(&all[i]) {
			rs.byHead[head] = append(rs.byHead[head], &sets[i])
		}
	}
	return rs
}

func (in *intents) rule(rule *policy.Rule) ruleSet {
	rs := ruleSet{Subject: in.model.Subject(&rule.Requests), who: in.from(rule.From)}
	if len(rule.Except) > 0 {
		rs.who.RemoveAll(in.from(rule.Except))
	}
	if rs.plain = rs.who; len(rs.Subject.callers) > 0 {
		rs.who, rs.plain = in.meeting(&rs, true), in.meeting(&rs, false)
	}
	return rs
}

// meeting is the callers of a rule that meet its conditions on callers.
func (in *intents) meeting(rs *ruleSet, http bool) space.Set {
	met := space.NewSet(len(in.sources))
	for i, caller := range in.sources {
		if rs.From(caller, http) {
			met.Add(i)
		}
	}
	return rs.who.Common(met)
}

// each calls a function with the callers of every rule that applies to what a request does.
func (rs *rules) each(r *space.Request, do func(space.Set)) {
	for i := range rs.few {
		if rule := &rs.few[i]; rule.Does(r) {
			do(rule.of(r))
		}
	}
	for head := range rs.of(r.Text(space.Path)) {
		for _, rule := range rs.byHead[head] {
			if rule.Does(r) {
				do(rule.of(r))
			}
		}
	}
}

// from is the sources of the split that sources of the language stand for.
func (in *intents) from(sources []policy.Source) space.Set {
	set := space.NewSet(len(in.sources))
	for _, s := range sources {
		if s.Kind == policy.FromService && s.Service.Proxied() {
			for _, principal := range in.model.Principals(s.Service) {
				for _, i := range in.named[principal] {
					set.Add(i)
				}
			}
			continue
		}
		for i, caller := range in.sources {
			if in.model.MatchesSource(in.to, caller, s) {
				set.Add(i)
			}
		}
	}
	return set
}

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
	*identities
	open  bool      // nothing closes the service
	alien space.Set // the sources with a token that the service does not take
	allow rules
	deny  rules
	ask   rules

	allowAsked, denyAsked rules // of requests about which a provider was asked: without conditions on what it may write

	want, asked, about space.Set
}

func (m *Model) intents(ids *identities, s *policy.Service, split *Split) *intents {
	n := len(split.Sources)
	ids.read(m, split)
	in := &intents{model: m, to: s, split: split, sources: split.Sources, identities: ids,
		open: !m.closes(s), want: space.NewSet(n), asked: space.NewSet(n), about: space.NewSet(n), alien: m.alien(s, split)}
	in.allow, in.deny, in.ask = in.rules(s.Allow), in.rules(s.Deny), in.rules(s.Ask)
	if len(s.Ask) > 0 {
		in.allowAsked, in.denyAsked = in.rules(m.afterAsking(s.Allow, true)), in.rules(m.afterAsking(s.Deny, false))
	}
	return in
}

// callers is the sources that may send a request, and those of which that depends on a provider who is asked about
// them: an edge lets them and no deny stops them. Without an identity they cannot use a strict port; at a disabled one
// nobody has an identity. The next call overwrites the sets.
func (in *intents) callers(r *space.Request, mode policy.Mode) (want, asked space.Set) {
	in.may(in.want, r, mode, &in.allow, &in.deny)
	if len(in.ask.few)+len(in.ask.byHead) == 0 {
		return in.want, in.asked
	}
	clear(in.about)
	in.ask.each(r, in.about.AddAll)
	in.proved(in.about, mode)
	if r.HTTP {
		in.may(in.asked, r, mode, &in.allowAsked, &in.denyAsked)
	} else {
		copy(in.asked, in.want)
	}
	in.want.RemoveAll(in.about)
	for i := range in.asked {
		in.asked[i] &= in.about[i]
	}
	return in.want, in.asked
}

// may sets a set to the sources that some rules let send a request.
func (in *intents) may(into space.Set, r *space.Request, mode policy.Mode, allow, deny *rules) {
	clear(into)
	if in.open {
		into.AddRange(0, len(in.sources))
	} else {
		allow.each(r, into.AddAll)
	}
	deny.each(r, into.RemoveAll)
	switch {
	case !r.HTTP || !in.to.ReadsRequests(r.Port()):
	case r.Preflight():
		in.asWithoutToken(into)
	default:
		into.RemoveAll(in.alien)
	}
	if mode == policy.Strict {
		into.RemoveAll(in.plain)
	}
	in.proved(into, mode)
}

// proved has a caller with an identity be in a set where the same caller without it is, if nobody proves one.
func (in *intents) proved(s space.Set, mode policy.Mode) {
	if mode != policy.Disable {
		return
	}
	let := slices.Clone(s)
	clear(s)
	for i := range in.sources {
		if let.Has(i % in.width) {
			s.Add(i)
		}
	}
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
		rs.who = rs.who.Minus(in.from(rule.Except))
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

// from is the sources of the split that sources of the language stand for, as a set that is not to be changed.
func (in *intents) from(sources []policy.Source) space.Set {
	l, long := listOf(sources)
	if set := in.lists[l]; long && set != nil {
		return set
	}
	set := space.NewSet(len(in.sources))
	for _, s := range sources {
		if s.Kind == policy.FromService && s.Service.Proxied() {
			for _, principal := range in.model.Principals(s.Service) {
				if i, ok := in.named[principal]; ok {
					set.AddRange(i, i+in.width)
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
	if long {
		if in.lists == nil {
			in.lists = map[list]space.Set{}
		}
		in.lists[l] = set
	}
	return set
}

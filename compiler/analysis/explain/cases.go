package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Case is requests that are decided alike.
type Case struct {
	enforce.Decision
	Operations  []phrase.Operations // of the rule; empty: all that are left
	Within      []phrase.Operations // of the rule at another waypoint that they pass too; empty: there is none, or it is about no fewer
	Example     string              // a request; only of a case whose operations do not tell it from those after it
	NotHTTP     bool                // only requests that are not HTTP, where those that are can be decided otherwise
	Intents     []source.Span       // the statements behind the rule; none where there are manifests only
	Counterpart *Counterpart        // where the callers' identity would decide otherwise, or plaintext gets around it; else nil
	Connection  string              // why the connection is refused, or what is not known of it; empty where neither is so
	lacks       bool                // no statement allows some of them
}

// Counterpart is what becomes of the same requests over a connection of the other kind.
type Counterpart struct {
	Only  bool             // the port takes nothing but plaintext: the decision is what mutual TLS would have led to
	Other enforce.Decision // else it is what becomes of the same request in plaintext
}

// Allows says which operations of HTTP on its ports some callers of a PortAnswer are let through with, of those in
// question; it is not ok where that cannot be said.
func (a *Answer) Allows(p *PortAnswer, c *CallerAnswer) (all []phrase.Operations, ok bool) {
	groups := [][]space.Box{a.asked}
	type ruled struct {
		verdict enforce.Verdict
		in      []int // groups
	}
	var cases []ruled
	for _, k := range c.Cases {
		if k.NotHTTP {
			continue
		}
		one := ruled{verdict: k.Verdict}
		for _, by := range [...]enforce.Share{k.Share(), k.Other} {
			if len(k.Operations) > 0 && by.ByClause() {
				one.in = append(one.in, len(groups))
				groups = append(groups, by.Policy.OnPort(by.Rule, p.port))
			}
		}
		cases = append(cases, one)
	}
	return phrase.Chosen(a.table, groups, func(in func(int) bool) (chosen, asked bool) {
		if len(a.asked) > 0 && !in(0) {
			return false, false
		}
		for _, k := range cases {
			if !slices.ContainsFunc(k.in, func(n int) bool { return !in(n) }) {
				return k.verdict == enforce.Allowed, true
			}
		}
		return false, true
	})
}

func signatureOf(cases []Case) string {
	var b strings.Builder
	for _, k := range cases {
		fmt.Fprintf(&b, "\n%d %d %p %d %v %v %s %s", k.Verdict, k.Reason, k.Policy, k.Rule, k.Operations, k.NotHTTP, k.Connection, k.Example)
		if k.Way != nil {
			fmt.Fprintf(&b, " %s %v %v %v %v", k.Way.Waypoint.ID(), k.Behind, k.Around, k.Split, k.Apart)
		}
		if o := k.Other; o.Way != nil {
			fmt.Fprintf(&b, " %s %d %d %p %d %v %v", o.Way.Waypoint.ID(), o.Verdict, o.Reason, o.Policy, o.Rule, o.Behind, k.Within)
		}
		if k.Counterpart != nil {
			fmt.Fprintf(&b, " %v", *k.Counterpart)
		}
		for _, at := range k.Intents {
			fmt.Fprintf(&b, " %p:%d", at.File, at.Start)
		}
	}
	return b.String()
}

// order is the order in which a proxy looks: rules that deny, what cannot be judged, rules that allow, then the rest.
func (k *Case) order() int {
	first := rest
	for _, s := range [...]enforce.Share{k.Share(), k.Other} {
		switch {
		case s.Reason == enforce.ByRule && s.Verdict == enforce.Denied:
			return 0
		case s.Reason == enforce.NotJudged:
			first = min(first, 1)
		case s.Reason == enforce.ByRule:
			first = min(first, 2)
		}
	}
	return first
}

const rest = 3

// cases is how the requests of each of some classes of callers are decided, those that a rule decides first. It decides
// about all callers of a request at once: of many callers and many requests, few pairs differ from the rest.
func (w *why) cases(p *PortAnswer, port uint16, requests []*enforce.Class, classes []int) [][]Case {
	s := &sorting{why: w, at: p, port: port, kinds: map[kindKey]*kind{}, places: map[place]int{}, said: map[clauseAt][]phrase.Operations{}, found: make([][]tally, len(w.split.Sources))}
	if len(p.ways) == 1 && w.From.Kind != policy.FromWorld {
		s.way = p.ways[0]
	}
	s.others, s.sources = space.NewSet(len(w.split.Sources)), space.NewSet(len(w.split.Sources))
	s.others.AddRange(0, len(w.split.Sources))
	for _, c := range classes {
		s.sources.Add(c)
	}
	s.others.RemoveAll(s.sources)
	http := false
	for _, r := range requests {
		http = http || r.Request.HTTP
		s.request(r)
	}
	all := make([][]Case, len(classes))
	for i, c := range classes {
		all[i] = s.of(c, http)
	}
	return all
}

// sorting sorts the requests to a port into the cases of their callers.
type sorting struct {
	*why
	at      *PortAnswer
	port    uint16
	way     model.Way // that all callers go
	others  space.Set // the classes of callers that are not in question
	sources space.Set // scratch

	kinds  map[kindKey]*kind
	places map[place]int                    // in found, of cases that are tallied
	said   map[clauseAt][]phrase.Operations // what clauses are about at the port
	found  [][]tally                        // by class of callers, in the order of their first request
}

// tallied reports whether the requests of a case are tallied caller by caller: the statement behind a rule is looked
// for, and where requests pass waypoints several objects in turn decide, in whose order they do not stand.
func (s *sorting) tallied(by enforce.Decision) bool { return len(s.callee.Ways) > 0 || stated(by) }

// kindKey is what the requests of one case have in common.
type kindKey struct {
	enforce.Decision
	notHTTP     bool
	only        bool // of Counterpart
	counterpart enforce.Decision
}

// kind is the case of every caller that has requests of one kind. Where they are not tallied caller by caller, whole
// sets of callers are enough.
type kind struct {
	Case
	callers, http space.Set // that have such requests, and that have such requests of HTTP; nil of a case that is tallied
}

type place struct {
	*kind
	class int
}

// tally is the case of one caller.
type tally struct {
	*kind
	intents     []source.Span
	http, lacks bool
	requests    []*enforce.Class
}

// request sorts a class of operations.
func (s *sorting) request(r *enforce.Class) {
	for _, d := range s.split.Decide(r, 0) {
		sources := s.sources
		if s.way.Anonymous() {
			s.unproved(sources, d.Sources)
		} else {
			copy(sources, d.Sources)
			sources.RemoveAll(s.others)
		}
		if sources.Empty() {
			continue
		}
		by, connection := d.Decision, ""
		switch refused := s.way.Refused(s.at.Mode); {
		case d.Reason == enforce.NotCaptured:
		case d.Verdict == enforce.Denied && d.Reason != enforce.Plaintext:
		case refused != "":
			by, connection = enforce.Decision{Verdict: enforce.Denied, Reason: enforce.Connection, Rule: -1}, refused
		case s.way.TLS == enforce.UnknownTLS:
			by, connection = enforce.Decision{Verdict: enforce.Undecided, Reason: enforce.NotJudged, Rule: -1}, s.way.String()
		}
		if connection != "" || s.at.Capture.Capture != policy.Captured || s.way.Anonymous() && s.at.Mode != enforce.Disable {
			s.add(r, sources, by, nil, connection)
			continue
		}
		for _, c := range s.counterparts(r, sources, by) {
			s.add(r, c.sources, by, c.Counterpart, "")
		}
	}
}

// unproved overwrites a set with the callers in question that, without their identity, are in another set.
func (s *sorting) unproved(like, set space.Set) {
	clear(like)
	for c := range s.split.Sources {
		if set.Has(c%s.split.Anonymous()) && !s.others.Has(c) {
			like.Add(c)
		}
	}
}

// identified is the callers of a set that have an identity.
func (s *sorting) identified(set space.Set) space.Set {
	plain := space.NewSet(len(s.split.Sources))
	plain.AddRange(0, s.split.Anonymous())
	return set.Minus(plain)
}

type countered struct {
	*Counterpart // nil where there is none
	sources      space.Set
}

// counterparts divides callers whose requests are decided alike by how the other kind of connection would be decided,
// where that differs: mutual TLS at a port that takes plaintext only, and plaintext at one that takes both, if it lets
// through what the caller's identity is denied.
func (s *sorting) counterparts(r *enforce.Class, sources space.Set, by enforce.Decision) (all []countered) {
	rest := sources
	differs := func(c Counterpart, sources space.Set) {
		if !sources.Empty() {
			all = append(all, countered{&c, sources})
			rest = rest.Minus(sources)
		}
	}
	switch s.at.Mode {
	case enforce.Disable:
		identified := s.identified(sources)
		for _, proved := range s.split.Authorize(r, 0) {
			if proved.Verdict != by.Verdict {
				differs(Counterpart{true, proved.Decision}, proved.Sources.Common(identified))
			}
		}
	case enforce.Permissive:
		if by.Verdict != enforce.Denied {
			break
		}
		for _, plain := range s.split.Decide(r, 0) {
			if plain.Verdict == enforce.Denied || plain.Sources.First() >= s.split.Anonymous() {
				continue
			}
			around := space.NewSet(len(s.split.Sources))
			for c := range s.identified(sources).All() {
				// At the address of a service outside the mesh a caller in plaintext is another.
				if plain.Sources.Has(c%s.split.Anonymous()) && s.outside[s.split.Block(c, model.AddressOf(s.To))] == nil {
					around.Add(c)
				}
			}
			differs(Counterpart{false, plain.Decision}, around)
		}
	}
	if !rest.Empty() {
		all = append(all, countered{nil, rest})
	}
	return all
}

// add enters the requests of some callers that are decided alike.
func (s *sorting) add(r *enforce.Class, sources space.Set, by enforce.Decision, other *Counterpart, connection string) {
	if sources.Empty() {
		return
	}
	key := kindKey{Decision: by}
	operations, within := s.operations(by.Share()), s.operations(by.Other)
	switch {
	case len(operations) == 0:
		operations, within = within, nil
	case fmt.Sprint(operations) == fmt.Sprint(within):
		within = nil
	}
	key.notHTTP = len(operations) > 0 && !r.Request.HTTP
	if other != nil {
		key.only, key.counterpart = other.Only, other.Other
	}
	k := s.kinds[key]
	if k == nil {
		k = &kind{Case: Case{Decision: by, Operations: operations, Within: within, NotHTTP: key.notHTTP, Connection: connection, Counterpart: other, lacks: by.Reason == enforce.NoMatch}}
		if k.NotHTTP {
			k.Operations, k.Within = nil, nil
		}
		if !s.tallied(by) {
			k.callers, k.http = space.NewSet(len(s.split.Sources)), space.NewSet(len(s.split.Sources))
		}
		s.kinds[key] = k
	}
	if s.tallied(by) {
		for c := range sources.All() {
			s.tally(r, k, c)
		}
		return
	}
	if !sources.Within(k.callers) {
		for c := range sources.Minus(k.callers).All() {
			s.found[c] = append(s.found[c], tally{kind: k})
		}
		k.callers.AddAll(sources)
	}
	if r.Request.HTTP {
		k.http.AddAll(sources)
	}
}

// operations is what the clause is about that decides; empty if none does.
func (s *sorting) operations(by enforce.Share) []phrase.Operations {
	if !by.ByClause() {
		return nil
	}
	at := clauseAt{by.Policy, by.Rule}
	all, known := s.said[at]
	if !known {
		all = by.Policy.Operations(s.Manifests.Table, by.Rule, s.port)
		s.said[at] = all
	}
	return all
}

// clauseAt is a clause of an object.
type clauseAt struct {
	*enforce.Object
	rule int
}

// stated reports whether a statement may be behind a decision: one by a rule that lets in or denies, or by a provider
// that is asked.
func stated(by enforce.Decision) bool {
	return by.Reason == enforce.ByRule || by.Reason == enforce.NotJudged && by.Policy != nil && by.Policy.Effect == enforce.Custom
}

// tally enters the requests of one caller, with the statement behind the rule that decides.
func (s *sorting) tally(r *enforce.Class, k *kind, class int) {
	i, ok := s.places[place{k, class}]
	if !ok {
		i = len(s.found[class])
		s.places[place{k, class}] = i
		s.found[class] = append(s.found[class], tally{kind: k})
	}
	t := &s.found[class][i]
	t.http = t.http || r.Request.HTTP
	if len(s.callee.Ways) > 0 {
		t.requests = append(t.requests, r)
	}
	if !stated(k.Decision) {
		return
	}
	if s.way.Anonymous() {
		class %= s.split.Anonymous() // the same caller without its identity
	}
	caller, rules := s.split.Sources[class], s.To.Allow
	switch k.Verdict {
	case enforce.Denied:
		t.lacks = t.lacks || s.RuleFor(s.To, rules, caller, &r.Request) == nil
		rules = s.To.Deny
	case enforce.Undecided:
		rules = s.To.Ask
	}
	if rule := s.RuleFor(s.To, rules, caller, &r.Request); rule != nil && (len(t.intents) == 0 || t.intents[len(t.intents)-1] != rule.At) {
		t.intents = append(t.intents, rule.At)
	}
}

// of is the cases of a class of callers. At a port with HTTP, a case without operations that no request of HTTP has is
// about other connections.
func (s *sorting) of(class int, http bool) []Case {
	cases := make([]Case, len(s.found[class]))
	for i, t := range s.found[class] {
		c := t.Case
		if t.callers != nil {
			t.http = t.kind.http.Has(class)
		}
		c.lacks = c.lacks || t.lacks
		c.NotHTTP = c.NotHTTP || http && len(c.Operations) == 0 && !t.http
		slices.SortStableFunc(t.intents, source.Span.Compare)
		c.Intents = slices.Compact(t.intents)
		if c.Reason == enforce.BadToken {
			c.Intents = s.verifying()
		}
		cases[i] = c
	}
	if len(s.callee.Ways) > 0 {
		return s.apart(cases, s.found[class])
	}
	slices.SortStableFunc(cases, func(a, b Case) int { return a.order() - b.order() })
	return cases
}

// apart orders cases so that each holds for the requests that no case before it takes. Where requests have several
// ways, rules of objects that do not know each other decide, so the order in which a proxy looks is not enough, and
// there may be none: a case that would take requests of another one, whatever their order, is told by a request.
func (s *sorting) apart(cases []Case, of []tally) (all []Case) {
	left := make([]int, len(cases))
	for i := range left {
		left[i] = i
	}
	slices.SortStableFunc(left, func(a, b int) int { return cases[a].order() - cases[b].order() })
	takesNone := func(i int) bool {
		return !slices.ContainsFunc(left, func(j int) bool {
			return j != i && slices.ContainsFunc(of[j].requests, func(r *enforce.Class) bool { return s.takes(&cases[i], &r.Request) })
		})
	}
	for len(left) > 0 {
		n := slices.IndexFunc(left, takesNone)
		if n < 0 {
			n = max(0, slices.IndexFunc(left, func(i int) bool {
				for _, r := range of[i].requests {
					if cases[i].Example == "" && r.Request.HTTP {
						cases[i].Example = s.split.Words(&r.Request, true)
					}
				}
				return cases[i].Example != ""
			}))
		}
		all = append(all, cases[left[n]])
		left = slices.Delete(left, n, n+1)
	}
	return all
}

// takes reports whether a request is one of those that a case seems to be about.
func (s *sorting) takes(k *Case, r *space.Request) bool {
	if k.NotHTTP {
		return !r.HTTP
	}
	for _, by := range [...]enforce.Share{k.Share(), k.Other} {
		if len(s.operations(by)) > 0 && (!r.HTTP || s.Manifests.Table.AnyMatch(by.Policy.Clauses[by.Rule].To, r) == space.No) {
			return false
		}
	}
	return true
}

// verifying lists the statements that have the callee verify tokens: those that say so, or else one that asks for one.
func (s *sorting) verifying() (all []source.Span) {
	for _, v := range s.To.Verifies {
		all = append(all, v.At)
	}
	for _, rules := range s.To.Rules() {
		for i := range rules {
			if asks := slices.ContainsFunc(rules[i].Where, func(c policy.Condition) bool { return c.AsksForToken() }); asks && all == nil {
				all = append(all, rules[i].At)
			}
		}
	}
	slices.SortFunc(all, source.Span.Compare)
	return slices.Compact(all)
}

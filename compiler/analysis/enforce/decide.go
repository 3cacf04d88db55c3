package enforce

import (
	"fmt"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Verdict is what becomes of a request.
type Verdict uint8

const (
	Denied    Verdict = iota
	Undecided         // that depends on what is not known or cannot be judged
	Allowed
)

func (v Verdict) String() string { return [...]string{"denied", "undecided", "allowed"}[v] }

// Reason is why.
type Reason uint8

const (
	NoPolicy    Reason = iota // no object that allows selects the workload, so what nothing denies is let through
	ByRule                    // a rule matches
	NoMatch                   // objects that allow select the workload, and none matches
	Plaintext                 // the port is STRICT, and the caller has no identity
	Connection                // the caller opens a connection that the port does not take
	NotJudged                 // it depends on an object that is broken, on what requests do not reveal, or, without an object, on what no object says
	NotCaptured               // the proxy does not see the port, or may not
	Relays                    // the caller is a waypoint, which passes on the calls of others
	BadToken                  // an object authenticates requests, and none takes the token
)

// Decision is a verdict and its reason.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	Policy  *Object // that decides; for NoMatch the first that allows; nil if there is none
	Rule    int     // for ByRule and NotJudged, which of its clauses, counted from 0; -1 if it is none of them
	Way     *Way    // through a waypoint by which the request comes; nil if it comes to the pod itself
	Behind  bool    // the point behind that waypoint decides, and not the waypoint
	Around  bool    // the decision is about calls to the Service; those to the addresses of pods get past it
	Split   bool    // calls pass that waypoint or another, where more of them get through
	Apart   bool    // calls pass that waypoint or, as those of pods with the same identity and a sidecar, none, and fewer of these get through
	Other   Share   // what is decided at the other one, unless both decide by the same
}

// Share is what becomes of the share of the calls that passes one of two waypoints. The zero value is none.
type Share struct {
	Verdict Verdict
	Reason  Reason
	Policy  *Object
	Rule    int
	Way     *Way
	Behind  bool
}

// Share is what becomes of the calls that a decision is about, without those that pass another waypoint, or none.
func (d Decision) Share() Share {
	if (d.Split || d.Around) && d.Reason != NotJudged {
		d.Verdict = Denied
	}
	if d.Apart {
		d.Verdict = Allowed
	}
	return Share{d.Verdict, d.Reason, d.Policy, d.Rule, d.Way, d.Behind}
}

// alike reports whether two shares are decided by the same.
func (s Share) alike(other Share) bool {
	s.Way, other.Way, s.Policy, other.Policy = nil, nil, s.Policy.Written(), other.Policy.Written()
	return s == other
}

// ByClause reports whether a clause decides, or what an object may stand for that cannot be judged.
func (s Share) ByClause() bool {
	return s.Policy != nil && (s.Reason == ByRule || s.Reason == NotJudged)
}

// String is the decision in one line, such as `allow by shop/backend-ingress rule 0`.
func (d Decision) String() string {
	switch own := d.Share(); {
	case d.Split:
		return fmt.Sprintf("calls pass the waypoint %s (%s) or %s (%s)", d.Way.Waypoint.ID(), own, d.Other.Way.Waypoint.ID(), d.Other)
	case d.Apart:
		return fmt.Sprintf("calls pass the waypoint %s (%s), and those of pods with its account that have a sidecar pass none and are refused", d.Way.Waypoint.ID(), own)
	case d.Around:
		return fmt.Sprintf("calls to the Service pass the waypoint %s (%s), and those to the addresses of pods get around it", d.Way.Waypoint.ID(), own)
	default:
		return own.String()
	}
}

func (d Share) String() string {
	verb := [...]string{"deny", "undecided", "allow"}[d.Verdict]
	switch d.Reason {
	case ByRule:
		return fmt.Sprintf("%s by %s rule %d", verb, d.Policy.ID(), d.Rule)
	case NoMatch:
		return fmt.Sprintf("%s by default: %s selects it, and no ALLOW policy matches", verb, d.Policy.ID())
	case Plaintext:
		return fmt.Sprintf("%s without mutual TLS: %s is STRICT", verb, d.Policy.ID())
	case NotJudged:
		switch {
		case d.Policy == nil:
			return verb + ": what is enforced here is not judged"
		case d.Rule < 0:
			return fmt.Sprintf("%s by %s", verb, d.Policy.ID())
		}
		return fmt.Sprintf("%s by %s rule %d", verb, d.Policy.ID(), d.Rule)
	case Relays:
		return verb + ": a waypoint has no calls of its own"
	case BadToken:
		return fmt.Sprintf("%s by %s: it does not take the token", verb, d.Policy.ID())
	case NotCaptured:
		return verb + ": the port bypasses the proxy"
	}
	return verb + ": no policy"
}

// decider is the decision procedure. It decides about a set of sources at once, given the clauses that some operations
// match. A single request is a space of two sources: its caller, and the same caller without an identity.
type decider struct {
	point *Point
	width int                       // how many sources have no identity; they are the first
	plain space.Set                 // those
	all   space.Set                 // every source
	found func(space.Set, Decision) // is given each source once, in sets that may be empty and do not outlast the call

	tokens tokens
	routes []route // through waypoints

	left, some, doubt space.Set // scratch
	asked             space.Set // those about whose requests a provider may be asked that may write what clauses look at; nil: none
}

// hit is a clause that matches operations.
type hit struct {
	*clause
	sure bool // that it does
}

// clause is a clause of an object that counts at a point, with the sources that match it, surely or perhaps.
type clause struct {
	point     int
	object    *Object
	rule      int // -1: what a broken object may stand for
	effect    Effect
	asked     whenAsked
	yes, more space.Set
}

// decide lets everyone through where the proxy does not see the port. Elsewhere it applies the mode of the port, and
// then the clauses, in their order.
func (d *decider) decide(port uint16, hits []hit) {
	found := d.found
	if !d.point.Judged() {
		found(d.all, Decision{Verdict: Undecided, Reason: NotJudged, Policy: nil, Rule: -1})
		return
	}
	switch d.point.Capture(port) {
	case policy.Bypassed:
		found(d.all, Decision{Verdict: Allowed, Reason: NotCaptured, Policy: nil, Rule: -1})
		return
	case policy.Unclear:
		found = func(s space.Set, by Decision) {
			if by.Verdict == Denied {
				by = Decision{Verdict: Undecided, Reason: NotCaptured, Policy: nil, Rule: -1}
			}
			d.found(s, by)
		}
	}
	mode, by := d.point.Mode(port)
	copy(d.left, d.all)
	switch mode {
	case Strict: // callers without an identity are refused
		found(d.plain, Decision{Verdict: Denied, Reason: Plaintext, Policy: by, Rule: -1})
		d.left.RemoveAll(d.plain)
	case Disable: // no one proves an identity
		copy(d.left, d.plain)
		d.authorize(hits, func(s space.Set, by Decision) { found(d.unproved(s), by) })
		return
	case Unknown, Listener: // decided is what every mode would decide
		var same [Allowed + 1]space.Set
		for v := range same {
			same[v] = make(space.Set, len(d.all))
		}
		copy(d.left, d.plain)
		d.authorize(hits, func(s space.Set, by Decision) { same[by.Verdict].AddAll(d.unproved(s)) })
		if mode == Unknown { // of which STRICT refuses callers without an identity
			for v := range same {
				same[v].RemoveAll(d.plain)
			}
			same[Denied].AddAll(d.plain)
		}
		copy(d.left, d.all)
		d.authorize(hits, func(s space.Set, proved Decision) {
			found(s.Common(same[proved.Verdict]), proved)
			found(s.Minus(same[proved.Verdict]), Decision{Verdict: Undecided, Reason: NotJudged, Policy: by, Rule: -1})
		})
		return
	}
	d.authorize(hits, found)
}

// unproved is the sources that, without their identity, are in a set of sources without an identity.
func (d *decider) unproved(s space.Set) space.Set {
	like := make(space.Set, len(d.all))
	for source := range d.all.All() {
		if s.Has(source % d.width) {
			like.Add(source)
		}
	}
	return like
}

// authorizeAll decides about every source by clauses alone, whatever the mode of the port.
func (d *decider) authorizeAll(_ uint16, hits []hit) {
	copy(d.left, d.all)
	d.authorize(hits, d.found)
}

// authorize decides about the sources in left by clauses alone: CUSTOM, DENY and ALLOW in Istio's order. A DENY that
// surely matches wins over whatever a provider says, so it comes first.
func (d *decider) authorize(hits []hit, found func(space.Set, Decision)) {
	d.ask(hits)
	found = d.authenticate(found)
	for i := range hits {
		if h := &hits[i]; h.effect == Deny && d.take(d.some, d.left, h, space.Yes) {
			found(d.some, Decision{Verdict: Denied, Reason: ByRule, Policy: h.object, Rule: h.rule})
		}
	}
	for i := range hits {
		if h := &hits[i]; h.effect == Allow && d.take(d.some, d.left, h, space.Yes) {
			d.allow(hits, found, Decision{Verdict: Allowed, Reason: ByRule, Policy: h.object, Rule: h.rule})
		}
	}
	for i := range hits {
		switch h := &hits[i]; {
		case h.effect != Allow || !d.take(d.some, d.left, h, space.Maybe):
		case h.asked == rewritten: // the provider comes first
			d.allow(hits, found, Decision{Verdict: Undecided, Reason: NotJudged, Policy: h.object, Rule: h.rule})
		default:
			found(d.some, Decision{Verdict: Undecided, Reason: NotJudged, Policy: h.object, Rule: h.rule})
		}
	}
	if d.left.Empty() {
		return
	}
	if guard := d.point.guard(); guard != nil {
		found(d.left, Decision{Verdict: Denied, Reason: NoMatch, Policy: guard, Rule: -1})
		return
	}
	copy(d.some, d.left)
	d.allow(hits, found, Decision{Verdict: Allowed, Reason: NoPolicy, Policy: nil, Rule: -1})
}

// allow lets the sources in some through, unless a provider may stop them, or a DENY that may match.
func (d *decider) allow(hits []hit, found func(space.Set, Decision), by Decision) {
	for _, effect := range [...]Effect{Custom, Deny} {
		for i := range hits {
			if h := &hits[i]; h.effect == effect && d.take(d.doubt, d.some, h, space.Maybe) {
				found(d.doubt, Decision{Verdict: Undecided, Reason: NotJudged, Policy: h.object, Rule: h.rule})
			}
		}
	}
	if !d.some.Empty() {
		found(d.some, by)
	}
}

// take moves the sources that match a clause, at least as surely as asked, from one set to another, which is
// overwritten. It reports whether there are any.
func (d *decider) take(to, from space.Set, h *hit, least space.Match) bool {
	if least == space.Yes && !h.sure {
		return false
	}
	any := uint64(0)
	for i := range from {
		match := h.yes[i]
		if least == space.Maybe && h.more != nil {
			match |= h.more[i]
		}
		if h.asked != alike {
			match &= d.seeing(h.asked, i)
		}
		to[i] = from[i] & match
		from[i] &^= match
		any |= to[i]
	}
	return any != 0
}

// Decide judges a request by the mode of its port and by the clauses. Its identity is what the caller could prove,
// which a port that is DISABLE does not ask for.
func (c *Point) Decide(r space.Request) Decision { return c.decideByWays(r, (*decider).decide) }

// Authorize judges a request by the clauses alone: the connection is open, and the identity is what the caller proved.
func (c *Point) Authorize(r space.Request) Decision {
	return c.decideByWays(r, (*decider).authorizeAll)
}

func (c *Point) decide(r space.Request, how func(*decider, uint16, []hit)) (decision Decision) {
	callers := []space.Request{r.With(space.Identity, nil), r}
	if r.Identity() == "" {
		callers = callers[:1]
	}
	n := len(callers)
	d := decider{point: c, width: 1, found: func(s space.Set, by Decision) {
		if s.Has(n - 1) {
			decision = by
		}
	}}
	for _, s := range []*space.Set{&d.plain, &d.all, &d.left, &d.some, &d.doubt} {
		*s = space.NewSet(n)
	}
	d.plain.Add(0)
	d.all.AddRange(0, n)
	var hits []hit
	t := c.layer.Table
	if token := r.Value(space.Token); r.HTTP && token != nil && (len(c.Tokens) == 0 || r.Preflight()) {
		r = r.With(space.Token, nil)
		for i := range callers {
			callers[i] = callers[i].With(space.Token, nil)
		}
	} else if r.HTTP && token != nil {
		taken := false
		unknown := c.taken(func(boxes []space.Box) { taken = taken || t.AnyMatch(boxes, &r) == space.Yes })
		switch {
		case unknown != nil:
			d.tokens = tokens{refused: space.NewSet(n), unsure: d.all, by: unknown}
		case !taken:
			d.tokens = tokens{refused: d.all, unsure: space.NewSet(n), by: c.Tokens[0]}
		}
	}
	c.each(r.HTTP, func(o *Object, rule int, effect Effect, asked whenAsked) {
		h := hit{clause: &clause{object: o, rule: rule, effect: effect, asked: asked, yes: space.NewSet(n), more: space.NewSet(n)}}
		if rule < 0 {
			h.more = d.all
			hits = append(hits, h)
			return
		}
		to := t.AnyMatch(o.Clauses[rule].To, &r)
		if to == space.No {
			return
		}
		h.sure = to == space.Yes
		for i := range callers {
			switch t.AnyMatch(o.Clauses[rule].From, &callers[i]) {
			case space.Yes:
				h.yes.Add(i)
			case space.Maybe:
				h.more.Add(i)
			}
		}
		hits = append(hits, h)
	})
	how(&d, r.Port(), hits)
	return decision
}

package enforce

import (
	"fmt"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Verdict is what becomes of a request.
type Verdict uint8

const (
	Denied    Verdict = iota
	Undecided         // it depends on what is not known or cannot be judged
	Allowed
)

func (v Verdict) String() string { return [...]string{"denied", "undecided", "allowed"}[v] }

// Reason is why.
type Reason uint8

const (
	NoPolicy  Reason = iota // nothing that allows selects the workload: what nothing denies is let through
	ByRule                  // a rule matches
	NoMatch                 // objects that allow select the workload, and none matches
	Plaintext               // the port is STRICT, and the caller has no identity
	NotJudged               // it depends on an object that is broken, or looks at what is not known
)

// Decision is a verdict and what it comes from.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	Policy  *Object // that decides; of NoMatch the first that allows; nil where there is none
	Rule    int     // of ByRule and NotJudged: which of its clauses, counted from 0; -1 where it is none of them
}

// String is the decision in one line, such as `allow by shop/backend-ingress rule 0`.
func (d Decision) String() string {
	verb := [...]string{"deny", "undecided", "allow"}[d.Verdict]
	switch d.Reason {
	case ByRule:
		return fmt.Sprintf("%s by %s rule %d", verb, d.Policy.ID(), d.Rule)
	case NoMatch:
		return fmt.Sprintf("%s by default: %s selects it, and no ALLOW policy matches", verb, d.Policy.ID())
	case Plaintext:
		return fmt.Sprintf("%s without mutual TLS: %s is STRICT", verb, d.Policy.ID())
	case NotJudged:
		if d.Rule < 0 {
			return fmt.Sprintf("%s by %s", verb, d.Policy.ID())
		}
		return fmt.Sprintf("%s by %s rule %d", verb, d.Policy.ID(), d.Rule)
	}
	return verb + ": no policy"
}

// decider is the decision procedure: it decides about many sources at once, each a number in sets, for operations that
// some clauses match. One request is two sources, that of its caller and that of the same caller without its identity.
type decider struct {
	point *Point
	width int                       // how many sources have no identity: the first ones
	plain space.Set                 // those
	all   space.Set                 // every source
	found func(space.Set, Decision) // gets each source once; the set is overwritten later, and may be empty

	left, some, doubt space.Set // scratch
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
	yes, more space.Set
}

// decide takes the mode of the port first, and then the clauses that match the operations, in their order.
func (d *decider) decide(port uint16, hits []hit) {
	found := d.found
	mode, by := d.point.Mode(port)
	copy(d.left, d.all)
	switch mode {
	case Strict: // a caller without an identity is refused
		found(d.plain, Decision{Denied, Plaintext, by, -1})
		d.left.RemoveAll(d.plain)
	case Disable: // nobody proves an identity
		copy(d.left, d.plain)
		d.authorize(hits, func(s space.Set, by Decision) { found(d.unproved(s), by) })
		return
	case Unknown: // what holds however that is decided is decided
		var same [Allowed + 1]space.Set
		for v := range same {
			same[v] = make(space.Set, len(d.all))
		}
		copy(d.left, d.plain)
		d.authorize(hits, func(s space.Set, by Decision) { same[by.Verdict].AddAll(d.unproved(s)) })
		for v := range same {
			same[v].RemoveAll(d.plain)
		}
		same[Denied].AddAll(d.plain)
		copy(d.left, d.all)
		d.authorize(hits, func(s space.Set, proved Decision) {
			found(s.Common(same[proved.Verdict]), proved)
			found(s.Minus(same[proved.Verdict]), Decision{Undecided, NotJudged, by, -1})
		})
		return
	}
	d.authorize(hits, found)
}

// unproved is the sources that are like those of a set, which have no identity, but for an identity.
func (d *decider) unproved(s space.Set) space.Set {
	like := make(space.Set, len(d.all))
	for source := range d.all.All() {
		if s.Has(source % d.width) {
			like.Add(source)
		}
	}
	return like
}

// authorize decides about the sources that are left by clauses alone: CUSTOM, DENY and ALLOW in Istio's order. A DENY
// that surely matches wins over what a provider says.
func (d *decider) authorize(hits []hit, found func(space.Set, Decision)) {
	for i := range hits {
		if h := &hits[i]; h.effect == Deny && d.take(d.some, d.left, h, space.Yes) {
			found(d.some, Decision{Denied, ByRule, h.object, h.rule})
		}
	}
	for i := range hits {
		if h := &hits[i]; h.effect == Allow && d.take(d.some, d.left, h, space.Yes) {
			d.allow(hits, found, Decision{Allowed, ByRule, h.object, h.rule})
		}
	}
	for i := range hits {
		if h := &hits[i]; h.effect == Allow && d.take(d.some, d.left, h, space.Maybe) {
			found(d.some, Decision{Undecided, NotJudged, h.object, h.rule})
		}
	}
	if d.left.Empty() {
		return
	}
	if guard := d.point.guard(); guard != nil {
		found(d.left, Decision{Denied, NoMatch, guard, -1})
		return
	}
	copy(d.some, d.left)
	d.allow(hits, found, Decision{Allowed, NoPolicy, nil, -1})
}

// allow lets some sources through, unless a provider or a DENY of which it is not sure may stop them.
func (d *decider) allow(hits []hit, found func(space.Set, Decision), by Decision) {
	for _, effect := range [...]Effect{Custom, Deny} {
		for i := range hits {
			if h := &hits[i]; h.effect == effect && d.take(d.doubt, d.some, h, space.Maybe) {
				found(d.doubt, Decision{Undecided, NotJudged, h.object, h.rule})
			}
		}
	}
	if !d.some.Empty() {
		found(d.some, by)
	}
}

// take moves the sources that a clause matches at least so surely from one set to another, which it overwrites. It
// reports whether there are any.
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
		to[i] = from[i] & match
		from[i] &^= match
		any |= to[i]
	}
	return any != 0
}

// Decide judges a request: first the mode of the port, then the clauses. The identity is what the caller can prove; a
// port that is DISABLE lets nobody prove anything.
func (c *Point) Decide(r space.Request) Decision { return c.decide(r, (*decider).decide) }

// Authorize judges a request by the clauses alone: it came in, and its identity is what was proved.
func (c *Point) Authorize(r space.Request) Decision {
	return c.decide(r, func(d *decider, _ uint16, hits []hit) {
		copy(d.left, d.all)
		d.authorize(hits, d.found)
	})
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
	c.each(r.HTTP, func(o *Object, rule int, effect Effect) {
		h := hit{clause: &clause{object: o, rule: rule, effect: effect, yes: space.NewSet(n), more: space.NewSet(n)}}
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

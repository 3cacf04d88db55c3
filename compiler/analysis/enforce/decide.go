package enforce

import (
	"fmt"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Verdict is what becomes of a request.
type Verdict uint8

const (
	Denied    Verdict = iota
	Undecided         // it depends on what is not told or cannot be judged
	Allowed
)

func (v Verdict) String() string { return [...]string{"denied", "undecided", "allowed"}[v] }

// Reason is why.
type Reason uint8

const (
	NoPolicy  Reason = iota // no ALLOW policy selects the workload: everything that nothing denies is let through
	ByRule                  // a rule matches
	NoMatch                 // ALLOW policies select the workload, and none matches
	Plaintext               // the port is STRICT, and the caller has no identity
	NotJudged               // it depends on a policy that is broken, or looks at what is not told
)

// Decision is a verdict and what it comes from.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	Policy  *Object // that decides; of NoMatch the first ALLOW policy; nil where there is none
	Rule    int     // of ByRule and NotJudged: which of its rules, counted from 0; -1 where it is none of them
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

// Decide judges a request: first the mode of the port, then the policies. The principal is what the caller can prove;
// a port that is DISABLE lets nobody prove anything.
func (c *Point) Decide(r space.Request) Decision {
	f := r.Facts()
	mode, by := c.Mode(r.Port)
	switch mode {
	case Strict:
		if f.URI == "" {
			return Decision{Denied, Plaintext, by, -1}
		}
	case Disable:
		f.URI = ""
	case Unknown:
		proved := c.authorize(&f)
		other := Denied // a caller without identity, if the mode is STRICT
		if f.URI != "" {
			f.URI = ""
			other = c.authorize(&f).Verdict // one with an identity, if it is DISABLE
		}
		if proved.Verdict == other {
			return proved
		}
		return Decision{Undecided, NotJudged, by, -1}
	}
	return c.authorize(&f)
}

// Authorize judges a request by the AuthorizationPolicies alone: it came in, and Principal is what was proved.
func (c *Point) Authorize(r space.Request) Decision {
	f := r.Facts()
	return c.authorize(&f)
}

// authorize takes CUSTOM, DENY and ALLOW in Istio's order. A DENY that matches wins over what a provider says.
func (c *Point) authorize(f *space.Facts) Decision {
	if d, ok := c.first(f, Deny, space.Yes); ok {
		return Decision{Denied, ByRule, d.Policy, d.Rule}
	}
	allowed, matched := c.first(f, Allow, space.Yes)
	var guarded *Object
	for _, p := range c.Policies {
		if p.does(Allow) && !p.Broken {
			guarded = p
			break
		}
	}
	unsure, open := c.first(f, Allow, space.Maybe)
	switch {
	case matched:
	case guarded != nil && !open:
		return Decision{Denied, NoMatch, guarded, -1}
	case open:
		return Decision{Undecided, NotJudged, unsure.Policy, unsure.Rule}
	default:
		allowed = Decision{Policy: nil, Reason: NoPolicy, Rule: -1}
	}
	for _, action := range []Action{Custom, Deny} {
		if d, ok := c.first(f, action, space.Maybe); ok {
			return Decision{Undecided, NotJudged, d.Policy, d.Rule}
		}
	}
	if matched {
		allowed.Reason = ByRule
	}
	allowed.Verdict = Allowed
	return allowed
}

// first is the first rule of the policies with an action that matches at least so surely. A broken policy may match
// every request, and matches none for sure.
func (c *Point) first(f *space.Facts, action Action, least space.Match) (Decision, bool) {
	for _, p := range c.Policies {
		switch {
		case !p.does(action):
			continue
		case p.Broken && least == space.Maybe:
			return Decision{Policy: p, Rule: -1}, true
		case p.Broken:
			continue
		}
		for i := range p.candidates(f) {
			if p.Clauses[i].match(f, action) >= least {
				return Decision{Policy: p, Rule: i}, true
			}
		}
	}
	return Decision{}, false
}

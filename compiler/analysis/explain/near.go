package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// NearMiss is a rule that lets the caller of a denied query in, and for something else than what it asks for.
type NearMiss struct {
	Policy     *enforce.Object
	Rule       int
	Operations []string // that it is about, with their ports
}

const maxNear = 3

// near gathers the near misses of a query that no rule allows.
func (e *explaining) near() {
	from := e.From.Service
	if e.From.Kind != policy.FromService || !e.onlyLacks() {
		return
	}
	r := space.Request{HTTP: true}
	switch {
	case from.Proxied() && slices.ContainsFunc(e.Answer.Ports, func(p PortAnswer) bool { return p.Mode == enforce.Disable }):
		return // the caller has no identity there
	case from.Proxied():
		r = r.With(space.Identity, space.IdentityValue(e.model.Principal(from)))
	case len(from.Addresses) > 0:
		r = r.With(space.SourceAddress, space.AddressValue(from.Addresses[0].Addr()))
	}
	t := e.model.Manifests.Table
	for _, o := range e.model.Callee(e.To).Policies {
		if o.Effect != enforce.Allow || o.Broken || o.DryRun {
			continue
		}
		for i := range o.Clauses {
			if t.AnyMatch(o.Clauses[i].From, &r) != space.Yes {
				continue
			}
			if operations := o.Asks(t, i); len(operations) > 0 && len(e.Near) < maxNear {
				e.Near = append(e.Near, NearMiss{o, i, operations})
			}
		}
	}
}

// onlyLacks reports whether all of a query is denied because no rule allows it.
func (e *explaining) onlyLacks() bool {
	for _, p := range e.Answer.Ports {
		for _, c := range p.Callers {
			if slices.ContainsFunc(c.Cases, func(k Case) bool { return k.Reason != enforce.NoMatch }) {
				return false
			}
		}
	}
	return true
}

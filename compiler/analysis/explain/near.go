package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// NearMiss is a rule that lets the caller of a denied query in, and for something else than what it asks for.
type NearMiss struct {
	Policy     *enforce.Object
	Rule       int
	Operations []phrase.Operations // that it is about, on each of its ports
}

const maxNear = 3

// near gathers the near misses of a query that no rule allows.
func (e *explaining) near() error {
	from := e.From.Service
	if e.From.Kind != policy.FromService || !e.onlyLacks() {
		return nil
	}
	passes, err := e.passes()
	if err != nil {
		return err
	}
	r := space.Request{HTTP: true}
	switch {
	case from.Proxied() && slices.ContainsFunc(e.Answer.Ports, func(p PortAnswer) bool { return p.Mode == enforce.Disable }):
		return nil // the caller has no identity there
	case from.Proxied():
		r = r.With(space.Identity, space.IdentityValue(e.model.Principal(from)))
	case len(from.Addresses) > 0:
		r = r.With(model.AddressOf(e.To), space.AddressValue(from.Addresses[0].Addr()))
	}
	t, callee := e.model.Manifests.Table, e.model.Callee(e.To)
	proves := func(port uint16) bool {
		return slices.ContainsFunc(e.model.Ways(e.From, e.To, callee, port), func(w model.Way) bool { return !w.Anonymous() })
	}
	for _, o := range callee.All() {
		if o.Effect != enforce.Allow || o.Broken || o.DryRun {
			continue
		}
		for i := range o.Clauses {
			if t.AnyMatch(o.Clauses[i].From, &r) != space.Yes || !passes(o, i) {
				continue
			}
			ports, anonymous := model.NamedPorts(&o.Clauses[i]), space.Request{HTTP: true}
			if len(ports) > 0 && from.Proxied() && !slices.ContainsFunc(ports, proves) && t.AnyMatch(o.Clauses[i].From, &anonymous) != space.Yes {
				continue // no call to these ports shows who it is from
			}
			if operations := o.Asks(t, i); len(operations) > 0 && len(e.Near) < maxNear {
				e.Near = append(e.Near, NearMiss{o, i, operations})
			}
		}
	}
	return nil
}

// passes returns a function that reports whether some request of the caller passes by a rule: what a rule allows, a
// DENY may refuse.
func (e *explaining) passes() (func(*enforce.Object, int) bool, error) {
	if !slices.ContainsFunc(e.model.Callee(e.To).All(), func(o *enforce.Object) bool { return o.Effect == enforce.Deny }) {
		return func(*enforce.Object, int) bool { return true }, nil
	}
	var extra space.Distinctions
	e.model.AddSources(&extra, e.To, []policy.Source{e.From})
	split, err := e.model.Split(new(enforce.Classifier), e.To, extra)
	if err != nil {
		return nil, err
	}
	type rule struct {
		*enforce.Object
		n int
	}
	passing := map[rule]bool{}
	for i := range split.Operations {
		r := &split.Operations[i]
		if !model.Occurs(e.To, &r.Request) {
			continue
		}
		for _, d := range split.Decide(r, 0) {
			for c := range d.Sources.All() {
				if d.Verdict == enforce.Allowed && e.model.Represents(e.To, split.Sources[c], e.From) {
					passing[rule{d.Policy, d.Rule}] = true
				}
			}
		}
	}
	return func(o *enforce.Object, n int) bool { return passing[rule{o, n}] }, nil
}

// onlyLacks reports whether all of a query is denied because no rule allows it, but for tokens that the callee takes
// from nobody.
func (e *explaining) onlyLacks() bool {
	for _, p := range e.Answer.Ports {
		for _, c := range p.Callers {
			if slices.ContainsFunc(c.Cases, func(k Case) bool { return k.Reason != enforce.NoMatch && k.Reason != enforce.BadToken }) {
				return false
			}
		}
	}
	return true
}

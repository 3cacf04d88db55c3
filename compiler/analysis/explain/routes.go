package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// routes notes where a gateway that is asked about passes calls on to, and along which route the gateways in front of a
// callee get there.
func (e *explaining) routes() {
	if e.To.Dataplane == policy.Gateway {
		for i, r := range e.To.Routes {
			same := func(other policy.Route) bool { return other.To == r.To && other.Port == r.Port }
			if !slices.ContainsFunc(e.To.Routes[:i], same) {
				e.note(Leads{Gateway: e.To, Route: r})
			}
		}
	}
	q := question{To: e.To, Port: e.Port, Ops: e.Ops}
	for _, g := range e.gateways() {
		switch r := g.RouteTo(e.To, q.requests()); {
		case r != nil:
			e.note(Leads{Gateway: g, Route: *r})
		case g.Routed:
			e.note(Leads{Gateway: g, Route: policy.Route{To: e.To, Port: e.Port}, Unrouted: true})
		}
	}
}

// gateways returns those whose routes an answer is about: the caller, or for callers outside the mesh each that the
// callee may let in.
func (e *explaining) gateways() (all []*policy.Service) {
	if from := e.From.Service; from != nil && from.Dataplane == policy.Gateway {
		return []*policy.Service{from}
	}
	if e.From.Kind != policy.FromWorld && !e.fromOutside() {
		return nil
	}
	callers, err := e.model.CallersOf(e.To, &policy.Requests{})
	if err != nil {
		return nil
	}
	for _, s := range e.model.Policy.Services() {
		if s.Dataplane == policy.Gateway && s != e.To && (len(s.Routes) > 0 || s.Routed) && callers.Admits(e.model, policy.Source{Service: s}) {
			all = append(all, s)
		}
	}
	return all
}

package check

import (
	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// dataplane determines what enforces the policies of a service: what its workloads show, else its labels and its
// namespace.
func (c *checker) dataplane(s *service) {
	if !s.Proxied() {
		s.DataplaneAt = s.outsideAt()
		return
	}
	var found inventory.Dataplane
	for i, w := range s.workloads {
		switch {
		case w.NoProxy != "":
		case i == 0 || found.Dataplane == w.Dataplane.Dataplane:
			found = w.Dataplane
		case w.Dataplane.Dataplane == policy.Unjudged:
			found = w.Dataplane
		case found.Dataplane == policy.Gateway || w.Dataplane.Dataplane == policy.Gateway:
			found = inventory.Dataplane{Dataplane: policy.Unjudged, Why: "some of its pods are a gateway and others are not", At: w.At}
		case w.Dataplane.Dataplane == policy.Ambient: // sees less than a sidecar
			found = w.Dataplane
		}
	}
	if len(s.workloads) == 0 {
		found = c.declaredDataplane(s)
	}
	s.Dataplane, s.DataplaneWhy, s.DataplaneAt = found.Dataplane, found.Why, found.At
}

// declaredDataplane is what the labels and the namespace of a service without workloads show.
func (c *checker) declaredDataplane(s *service) inventory.Dataplane {
	labels := s.Selector()
	if why := bearing.Gateway(labels); why != "" {
		return inventory.Dataplane{Dataplane: policy.Gateway, Why: "it has the " + why, At: s.At}
	}
	for _, g := range c.inv.Gateways {
		if len(g.Selector) > 0 && bearing.Selects(g.Selector, labels) {
			return inventory.Dataplane{Dataplane: policy.Gateway, Why: "a Gateway selects its pods", At: g.At}
		}
	}
	switch ns := c.namespaces[s.Namespace]; {
	case ns == nil:
	case ns.Waypoint.Dataplane != policy.Sidecar:
		return ns.Waypoint
	case ns.Ambient:
		return inventory.Dataplane{Dataplane: policy.Ambient, Why: "namespace " + ns.Name + " is ambient", At: ns.At}
	}
	return inventory.Dataplane{}
}

// gateway judges a rule that leads to a gateway. Its listeners, and not a mode, decide who may connect and who proves an
// identity.
func (c *checker) gateway(r *rule) {
	for i, f := range r.From {
		switch {
		case f.Kind == policy.FromService && !f.Service.Proxied():
			c.unproved(r.FromAt[i], f.Service)
		case f.Kind != policy.FromWorld:
			c.list.Add(diag.UnknownEffect, r.FromAt[i], "whether %s proves an identity to %s is not judged: the listeners of a gateway decide it", quoted(f.String()), r.callee.Name).
				WithRelated(r.callee.DataplaneAt, "%s is a gateway: %s", r.callee.Name, r.callee.DataplaneWhy).
				WithNote("a listener without mutual TLS asks for no identity, so that this rule matches none of its callers").
				WithHelp("let the listener ask for certificates of the mesh (`tls: {mode: ISTIO_MUTUAL}` in its Gateway)")
		}
	}
}

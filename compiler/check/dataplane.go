package check

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// uninjected reports, once, a namespace without an injection label in which proxies are needed.
func (c *checker) uninjected(m *mesh) {
	for _, s := range m.services {
		if needed := s.calls || len(m.sections) > 0 && !m.Declares; !needed || !s.Proxied() || !slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return w.Assumed }) {
			continue
		}
		d := c.list.Add(diag.NoIdentity, c.namespaces[m.Name].At, "namespace %s has no injection label, so the manifests do not show that its pods have a proxy", m.Name).
			WithNote("without a proxy, %s has no identity, and nothing enforces its policies", s.Name)
		if slices.ContainsFunc(m.services, (*service).hasWaypoint) { // which sidecars would pass by
			d.WithHelp("label the Namespace `istio.io/dataplane-mode: ambient`, since its Services have a waypoint, even if the cluster has the label already; "+
				"or state it in meshc.yaml: `dataplanes: {%s: ambient}`; declare a workload without a proxy as `outside`", m.Name)
			return
		}
		d.WithHelp("label the Namespace `istio-injection: enabled`, `istio.io/rev: REVISION` if Istio is installed as a revision, or `istio.io/dataplane-mode: ambient`, even if the cluster has the label already; "+
			"or state it in meshc.yaml: `dataplanes: {%s: sidecar}`; for single pods, label their templates `sidecar.istio.io/inject: \"true\"`; declare a workload without a proxy as `outside`", m.Name)
		return
	}
}

// hasWaypoint reports whether a Service in front of the pods of a service names a waypoint, whether or not they are in
// ambient mode.
func (s *service) hasWaypoint() bool {
	return slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return w.Bound })
}

// dataplane determines what enforces the policies of a service: what its workloads show, else its labels and its
// namespace.
func (c *checker) dataplane(s *service) {
	if !s.Proxied() {
		s.DataplaneAt = s.outsideAt()
		return
	}
	var found inventory.Dataplane
	stated := c.statedDataplane(s.mesh)
	for i, w := range s.workloads {
		of := w.Dataplane
		if stated.Dataplane == policy.Ambient && c.joins(s.mesh, w) {
			of = stated
		}
		switch {
		case w.NoProxy != "": // none, or not certain
		case i == 0 || found.Dataplane == of.Dataplane:
			found = of
		case found.Dataplane == policy.Proxyless: // which most of its policies are about
		case !of.Dataplane.Judged():
			found = of
		case found.Dataplane == policy.Gateway || of.Dataplane == policy.Gateway:
			found = inventory.Dataplane{Dataplane: policy.Unjudged, Why: "some of its pods are a gateway and others are not", At: w.At, Way: "give the gateway labels that no other pods have"}
		case of.Dataplane == policy.Ambient: // sees less than a sidecar
			found = of
		}
	}
	if len(s.workloads) == 0 {
		found = c.declaredDataplane(s)
	}
	if s.decl != nil && s.decl.Gateway.Present() {
		if len(s.workloads) > 0 && found.Dataplane != policy.Gateway {
			d := c.list.Add(diag.NoGateway, s.decl.Gateway.Range, "%s is not a gateway by its manifest", s.Name).
				WithRelated(s.workloads[0].At, "this one").
				WithNote("the pods of a gateway have the injection template `gateway`, a label such as `istio: ingressgateway`, or labels that a Gateway selects").
				WithHelp("delete `gateway`")
			if found.Why != "" {
				d.WithNote("%s", found.Why)
			}
			d.WithFix(false, s.decl.Gateway.Range, "", "delete `gateway`")
		} else {
			found = inventory.Dataplane{Dataplane: policy.Gateway, Why: cmp.Or(found.Why, "it is declared as one"), At: either(found.At, s.decl.Gateway.Range)}
		}
	}
	s.Dataplane, s.DataplaneWhy, s.DataplaneAt, s.DataplaneWay = found.Dataplane, found.Why, found.At, found.Way
	s.OwnSidecar = found.Dataplane == policy.Sidecar && len(s.workloads) > 0 && !slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return !w.OwnSidecar() })
	d, _ := c.stating(s.mesh)
	s.Moving, s.Joining = d.Moving && s.Dataplane == policy.Ambient, d.Joining && s.Dataplane == policy.Ambient
	c.passWaypoints(s)
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
	if ns := c.namespaces[s.Namespace]; ns != nil && ns.Ambient {
		return inventory.Dataplane{Dataplane: policy.Ambient, Why: "namespace " + ns.Name + " is ambient", At: ns.At}
	}
	return c.statedDataplane(s.mesh)
}

// shutGateway reports a gateway that its namespace closes to everyone.
func (c *checker) shutGateway(s *service) {
	switch {
	case !s.shut() || c.policy.DryRun:
	case s.mesh.Closed:
		c.list.Add(diag.ShutOut, s.At, "nobody can call the gateway %s: the whole mesh is closed, and no edge leads to it", s.Name).
			WithRelated(c.policy.ClosedAt, "closed here").
			WithNote("it is a gateway: %s", s.DataplaneWhy).
			WithHelp("state who may, below `mesh %s`: `world -> %s`; or that this is intended: `deny world -> %[2]s`", s.Namespace, s.Name)
	default:
		c.list.Add(diag.ClosedRoute, s.At, "nobody can call the gateway %s: mesh %s is closed, and no edge leads to it", s.Name, s.Namespace).
			WithNote("it is a gateway: %s", s.DataplaneWhy).
			WithHelp("state who may: `world -> %s`; or that this is intended: `deny world -> %[1]s`", s.Name)
	}
}

// shut reports whether nobody can call a gateway, and no deny says that this is meant.
func (s *service) shut() bool {
	if s.Dataplane != policy.Gateway || !s.mesh.Closed && s.mesh.Declares || len(s.allow) > 0 {
		return false
	}
	return !slices.ContainsFunc(s.deny, func(r *rule) bool {
		return r.All() && len(r.Except) == 0 && slices.Contains(r.From, policy.Source{Kind: policy.FromWorld})
	})
}

// selectedByRoot reports workloads that a policy for a service of the root namespace would bind too, because it binds
// every namespace.
func (c *checker) selectedByRoot(s *service) {
	if !s.bound() || len(s.Labels) == 0 || !c.isRoot(s.Namespace) {
		return
	}
	labels := s.Selector()
	for _, m := range c.meshes {
		for _, other := range m.services {
			if other == s || !other.Proxied() {
				continue
			}
			var at source.Span
			if len(other.workloads) == 0 && bearing.Selects(labels, other.Selector()) {
				at = other.At
			}
			for _, w := range other.workloads {
				if bearing.Selects(labels, w.Labels) {
					at = w.At
				}
			}
			if !at.IsZero() {
				c.list.Add(diag.RootNamespace, s.At, "the policy of %s would bind %s too: it is in the root namespace, and both have the labels %s", s.ID(), other.ID(), selectorText(s.Labels)).
					WithRelated(at, "these pods").
					WithHelp("give the pods of %s a label that no others have, and declare it", s.Name)
				return
			}
		}
	}
}

// asksIdentity reports whether all listeners of a gateway on some ports, or on all of its ports, are known to ask for
// certificates of the mesh.
func (c *checker) asksIdentity(s *service, ports []uint16) bool {
	if len(ports) == 0 {
		for _, p := range s.Ports {
			ports = append(ports, p.Number)
		}
	}
	for _, port := range ports {
		known := false
		for _, w := range s.workloads {
			numbers := []uint16{port}
			for _, p := range w.Ports {
				if p.Number == port {
					numbers = append(numbers, p.ServicePorts...)
				}
			}
			for _, g := range c.inv.Gateways {
				for _, number := range numbers {
					if _, listens := g.Protocols[number]; !listens || !g.Selects(w.Namespace, w.Labels) {
						continue
					}
					if known = true; !g.Mutual[number] {
						return false
					}
				}
			}
		}
		if !known {
			return false
		}
	}
	return len(ports) > 0
}

// gateway judges a rule that leads to a gateway. Its listeners, and not a mode, decide who may connect and who proves
// an identity.
func (c *checker) gateway(r *rule) {
	c.byAddress(r.callee, r.From, r.FromAt, r.EveryPod)
	c.byAddress(r.callee, r.Except, r.exceptAt, r.EveryPod)
	for i, f := range r.From {
		switch {
		case f.Kind == policy.FromService && !f.Service.Proxied():
			c.unproved(r.FromAt[i], f.Service)
		case f.Kind != policy.FromWorld && !c.asksIdentity(r.callee, r.Ports):
			c.list.Add(diag.UnknownEffect, r.FromAt[i], "meshc cannot tell whether %s proves an identity to %s: that depends on the listeners of the gateway", quoted(f.String()), r.callee.Name).
				WithRelated(r.callee.DataplaneAt, "%s is a gateway: %s", r.callee.Name, r.callee.DataplaneWhy).
				WithNote("a listener without mutual TLS asks for no identity, so this rule matches none of its callers").
				WithHelp("have the listener require certificates of the mesh (`tls: {mode: ISTIO_MUTUAL}` in its Gateway)")
		}
	}
}

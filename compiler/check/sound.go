package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// permissive is the callees under a permissive mode whose edges need an identity.
type permissive struct {
	first, last string // by name, of the callees
	port        string // a port of the first that is permissive
	callees     int
}

// sound judges whether proxies can enforce what the statements say.
func (c *checker) sound() {
	c.eachJudged(func(m *mesh) {
		c.unit.loose = map[source.Span]*permissive{}
		c.uninjected(m)
		for _, s := range m.services {
			if s.bound() {
				c.nameable(s)
				c.selectable(s)
				c.selectedByRoot(s)
			}
			c.shutGateway(s)
			c.withoutToken(s)
			c.enforceable(s)
		}
		if m.unnamed != nil {
			c.enforceable(m.unnamed)
		}
		c.overlaps(m)
	})
	c.spellings()
}

// enforceable judges the rules of a callee.
func (c *checker) enforceable(s *service) {
	for _, r := range s.allow {
		c.identities(r, false)
	}
	for _, r := range s.deny {
		c.dropUnidentifiable(r)
		c.identities(r, true)
		c.aroundByPort(r)
		c.aroundWithoutToken(r)
		c.widened(r)
	}
	c.asks(s)
}

// identities judges whether the callers of a rule can prove what its callee needs.
func (c *checker) identities(r *rule, deny bool) {
	s := r.callee
	if !s.Proxied() {
		c.outsideCallee(r)
		for i, f := range r.From {
			if f.Kind == policy.FromService && !f.Service.Proxied() && !s.declaredOutside() && !deny {
				c.unproved(r.FromAt[i], f.Service)
			}
		}
		return
	}
	if s.partly {
		c.list.Add(diag.OutsideCallee, r.ToAt, "nothing enforces this at some pods of %s, which have no proxy", s.Name).
			WithRelated(s.outsideAt(), "%s", s.outsideWhy()).
			WithHelp("inject the proxy into all its workloads")
	}
	if s.Dataplane == policy.Gateway {
		c.gateway(r)
		return
	}
	c.bypassed(r)
	c.fromOutside(r)
	if !deny {
		c.unled(r)
	}
	met := c.met(r)
	for i, f := range r.From {
		at := r.FromAt[i]
		switch {
		case f.Kind == policy.FromWorld:
			c.world(r, at, met, deny)
		case f.Kind == policy.FromService && !f.Service.Proxied():
			c.outsideCaller(r, at, f.Service, met, deny)
		case f.Kind == policy.FromService && f.Service.Account == "":
			c.list.Add(diag.NoIdentitySource, at, "%s has no account, so it cannot prove who it is", f.Service.Name).
				WithRelated(f.Service.At, "declared here").
				WithHelp("state its account: `service %s account NAME`, or list its workload manifests", f.Service.Name)
		default:
			c.needsIdentity(r, f, at, met, deny)
		}
	}
}

// bypassed warns of the ports of a rule that bypass the proxy of the callee, or may, those of one reason together.
func (c *checker) bypassed(r *rule) {
	reasons := map[policy.PortCapture][]string{}
	var all []policy.PortCapture
	for _, port := range r.ports() {
		reason := r.callee.Inbound.Of(port)
		if reason.Number = 0; reason.Capture == policy.Captured || r.callee.lacksProxy(reason) {
			continue
		}
		if reasons[reason] == nil {
			all = append(all, reason)
		}
		reasons[reason] = append(reasons[reason], portText(port))
	}
	for _, reason := range all {
		which, verb, bypasses := "port "+reasons[reason][0], "is", "bypasses"
		switch {
		case len(reasons[reason]) > 1:
			which, bypasses = "ports "+strings.Join(reasons[reason], ", "), "bypass"
		case reasons[reason][0] == portText(0):
			which = "any port"
		}
		if reason.Capture == policy.Unclear {
			verb, bypasses = "may be", "may bypass"
		}
		d := c.list.Add(diag.OutsideCallee, r.ToAt, "nothing %s enforced on %s of %s, which %s its proxy: %s", verb, which, r.callee.Name, bypasses, reason.Why)
		if reason.At.IsZero() {
			d.WithHelp("protect it with a NetworkPolicy")
		} else {
			d.WithRelated(reason.At, "said here").WithHelp("have the annotation leave the port to the proxy, or protect it with a NetworkPolicy")
		}
	}
}

// unled warns of a port of a rule to which no Service leads: sidecars pass on calls to the address of a pod as they
// come, so that callers prove no identity there. A rule of every port is about such a port where callers dial pods:
// behind headless Services alone.
func (c *checker) unled(r *rule) {
	s := r.callee
	if c.policy.DryRun || c.Meshless {
		return
	}
	calls := func(f policy.Source) bool {
		return !plaintext(f) && (f.Kind != policy.FromService || f.Service.Dataplane == policy.Sidecar)
	}
	i := slices.IndexFunc(r.From, calls)
	if i < 0 {
		return
	}
	ports := r.Ports
	if len(ports) == 0 && !slices.ContainsFunc(s.Fronts, func(f policy.Front) bool { return !f.Headless }) {
		for _, p := range s.Ports {
			ports = append(ports, p.Number)
		}
	}
	for _, port := range ports {
		if !s.unledAt(port) {
			continue
		}
		if mode := c.effective(s, port).mode; mode == policy.Disable || mode == policy.Permissive && s.admits(policy.Source{Kind: policy.FromWorld}, port) {
			continue // of which there is a finding, or where no identity is needed
		}
		d := c.list.Add(diag.UnledPort, r.ToAt, "no Service leads to port %d of %s, so %s cannot prove who it is there", port, s.Name, quoted(r.From[i].String())).
			WithNote("a sidecar adds no mutual TLS to a call to the address of a pod").
			WithHelp("add a port with `targetPort: %d` to a Service of your own, and have callers dial that; if they dial pods, let in plaintext: `world -> %s:%[1]d` and `mtls %[2]s:%[1]d permissive`", port, s.Name)
		if i := slices.IndexFunc(s.Fronts, func(f policy.Front) bool { return !f.Operated }); i >= 0 {
			d.WithHelp("add a port with `targetPort: %d` to the Service %s, and have callers dial that", port, s.Fronts[i].Host)
			if s.Fronts[i].Headless {
				d.WithHelp("add the port %d to the Service %s, which is headless", port, s.Fronts[i].Host)
			}
		}
		if headless := s.Leading(port, true); len(headless) > 0 {
			d.WithNote("the Service %s is headless, so calls to its port %[2]d go to port %[2]d of the pods, whatever its targetPort", headless[0].Host, headless[0].Port).
				WithHelp("give the port of the Service %s the number %d", headless[0].Host, port)
		}
		return
	}
}

// unledAt reports whether no Service leads to a port, of those in front of the pods. A Service port of the same number
// has a finding of its own: the edge is about the wrong port.
func (s *service) unledAt(port uint16) bool {
	also := func(f policy.Front) bool { return f.Port == port }
	return port != 0 && s.Dataplane == policy.Sidecar && len(s.Fronts) > 0 && len(s.Leading(port, false)) == 0 && !slices.ContainsFunc(s.Fronts, also) &&
		s.Inbound.Of(port).Capture == policy.Captured
}

// departing reports a caller whose calls bypass its own sidecar, or may, so that they prove no identity.
func (c *checker) departing(r *rule, from *service, at source.Span) {
	if from.Outbound.Complete() {
		return
	}
	var unclear policy.PortCapture
	for _, port := range r.ports() {
		if r.callee.Inbound.Of(port).Capture == policy.Bypassed {
			continue
		}
		dialed := []uint16{}
		for _, front := range r.callee.Leading(port, false) {
			dialed = append(dialed, front.Port)
		}
		if len(dialed) == 0 {
			dialed = append(dialed, port)
		}
		for _, d := range dialed {
			switch past := from.Outbound.Of(d); past.Capture {
			case policy.Bypassed:
				c.list.Add(diag.NoIdentity, at, "calls of %s to %s bypass its sidecar, so they cannot prove who they are", from.Name, dialedText(d)).
					WithRelated(past.At, "said here").
					WithHelp("have the annotation leave them to the sidecar, or delete it: a call in plaintext matches no edge of %s", from.Name)
				return
			case policy.Unclear:
				unclear = past
			}
		}
	}
	if unclear.Capture == policy.Unclear && !unclear.Own && !unclear.Unread && !from.lacksProxy(unclear) {
		c.list.Add(diag.UnclearDeparture, at, "calls of %s to %s may bypass its sidecar, and then cannot prove who they are: %s", from.Name, r.callee.Name, unclear.Why).
			WithRelated(unclear.At, "said here").
			WithHelp("have the annotation leave the addresses of pods and Services to the sidecar, or delete it")
	}
}

func dialedText(port uint16) string {
	if port == 0 {
		return "any port"
	}
	return "port " + portText(port)
}

// ports returns the ports that a rule is about: its own, else those of the callee, else 0 for all of them.
func (r *rule) ports() []uint16 {
	ports := r.Ports
	if len(ports) == 0 {
		for _, p := range r.callee.Ports {
			ports = append(ports, p.Number)
		}
	}
	if len(ports) == 0 {
		return []uint16{0}
	}
	return ports
}

// lacksProxy reports whether a port bypasses the proxy of a service because some of its pods have none.
func (s *service) lacksProxy(p policy.PortCapture) bool {
	return s.partly && slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return w.Bare() && either(w.NoProxyAt, w.At) == p.At })
}

func (c *checker) needsIdentity(r *rule, f policy.Source, at source.Span, met []stated, deny bool) {
	if bare := c.withoutProxy(f); bare != nil && !deny {
		strict := slices.IndexFunc(met, func(m stated) bool { return m.mode == policy.Strict })
		switch {
		case strict >= 0:
			c.refusedByMode(r, at, bare, met[strict])
		case f.Kind == policy.FromService:
			c.list.Add(diag.NoIdentity, at, "some pods of %s have no proxy, so they cannot prove who they are", bare.Name).
				WithRelated(bare.outsideAt(), "%s", bare.outsideWhy()).
				WithHelp("inject the proxy into all its workloads, or declare a service for each")
		}
	}
	if deny {
		c.aroundInPlaintext(r, f, at)
	} else if f.Kind == policy.FromService {
		c.departing(r, c.serviceOf(f.Service), at)
	}
	if c.unasked(r, f, at, met) {
		return
	}
	for _, m := range met {
		switch m.mode {
		case policy.Disable:
			if m.capped && c.env.DryRun {
				continue // a migration under way: policies decide nothing yet
			}
			d := c.list.Add(diag.NoIdentity, at, "%s cannot prove who it is to %s, whose mTLS is disabled", quoted(f.String()), r.callee.Name).
				WithNote("identity comes from mutual TLS: without it this rule never matches")
			if m.capped {
				d.WithRelated(m.at, "the ceiling of environment %s", c.Environment).
					WithHelp("raise the ceiling, or set `enforcement: dry-run` for the environment: `meshc migrate --env %s` plans both", c.Environment)
			} else {
				d.WithRelated(m.at, "disabled here").WithHelp("make the port permissive or strict")
			}
			return
		case policy.Permissive:
			if deny || m.at.IsZero() || m.capped || r.callee.welcomesPlaintext() {
				// A mode that is stated nowhere has a warning of its own; a ceiling is a migration under way.
				continue
			}
			p := c.unit.loose[m.at]
			if p == nil {
				p = &permissive{first: r.callee.Name, port: c.loosePort(r.callee)}
				c.unit.loose[m.at] = p
			}
			if p.last != r.callee.Name {
				p.last = r.callee.Name
				p.callees++
			}
		}
	}
}

// unasked reports a caller whose sidecar opens plaintext to a callee that takes mutual TLS: it goes by the mode of the
// namespace alone. See BestEffortInferServiceMTLSMode in istio.io/istio/pilot/pkg/model/push_context.go.
func (c *checker) unasked(r *rule, f policy.Source, at source.Span, met []stated) bool {
	mesh := c.around(r.callee.mesh)
	i := slices.IndexFunc(met, func(m stated) bool { return m.mode != policy.Disable })
	if mesh.mode != policy.Disable || i < 0 || mesh.capped && c.env.DryRun || r.callee.Dataplane == policy.Ambient {
		return false
	}
	what := "the rule never matches"
	if met[i].mode == policy.Strict {
		what = "its strict mTLS refuses them"
	}
	d := c.list.Add(diag.NoIdentity, at, "%s cannot prove who it is to %s: the mode of mesh %s is disable, so sidecars call all of its services in plaintext", quoted(f.String()), r.callee.Name, r.callee.Namespace).
		WithRelated(met[i].at, "%s here, and %s", met[i].mode, what)
	if mesh.capped {
		d.WithRelated(mesh.at, "the ceiling of environment %s", c.Environment).WithHelp("raise the ceiling")
	} else {
		d.WithRelated(mesh.at, "disabled here").WithHelp("make the mesh permissive, and disable mTLS for single services")
	}
	return true
}

// withoutProxy returns a service that a source includes and that cannot prove an identity; nil if all have a proxy, as
// far as the manifests show.
func (c *checker) withoutProxy(f policy.Source) *service {
	switch f.Kind {
	case policy.FromService:
		if s := c.serviceOf(f.Service); s.partly {
			return s
		}
	case policy.FromMesh:
		services := c.byName[f.Mesh].services
		i := slices.IndexFunc(services, func(s *service) bool { return !s.Proxied() && !s.declaredOutside() })
		if i >= 0 && !slices.ContainsFunc(services, func(s *service) bool { return s.Proxied() }) {
			return services[i]
		}
	}
	return nil
}

// welcomesPlaintext reports whether some edge lets in callers without identity, which justifies a loose mode.
func (s *service) welcomesPlaintext() bool {
	return slices.ContainsFunc(s.allow, func(r *rule) bool { return slices.ContainsFunc(r.From, plaintext) })
}

// plaintext reports whether a source may call without identity.
func plaintext(f policy.Source) bool {
	return f.Kind == policy.FromWorld || f.Kind == policy.FromService && !f.Service.Proxied()
}

func (c *checker) world(r *rule, at source.Span, met []stated, deny bool) {
	if deny || len(met) == 0 {
		return
	}
	for _, m := range met {
		if m.mode != policy.Strict {
			c.exemptInPlaintext(r)
			return
		}
	}
	c.list.Add(diag.WorldIntoStrict, at, "`world` may call %s, but its strict mTLS still refuses plaintext callers", r.callee.Name).
		WithRelated(met[0].at, "strict here").
		WithHelp("%s", c.insteadOfWorld(r))
}

// insteadOfWorld says what to write in place of `world` to a strict port. Where a waypoint enforces what is asked of
// requests, callers without an identity would not pass it.
func (c *checker) insteadOfWorld(r *rule) string {
	switch {
	case !r.asksWaypoint():
		return "write `any` for every caller of the mesh, or make the port permissive: " + r.loosened()
	case c.anyPasses(r.callee):
		return "write `any` for every caller of the mesh"
	}
	return r.namePassing()
}

// namePassing says what to write where `any` is also about callers that pass no waypoint.
func (r *rule) namePassing() string {
	return fmt.Sprintf("name the callers that are meant and that pass the waypoint of %s: `any` is also about callers that do not", r.callee.Name)
}

// asksWaypoint reports whether a rule is about something that only a waypoint sees.
func (r *rule) asksWaypoint() bool {
	s := r.callee
	return len(s.Through()) > 0 && (r.OfHTTP() || slices.ContainsFunc(s.allow, asksForToken) || len(s.Verifies) > 0)
}

// anyPasses reports whether all callers of the project that prove an identity pass the waypoints on the ways to a
// service.
func (c *checker) anyPasses(to *service) bool {
	var p policy.Policy
	for _, m := range c.byName {
		one := m.Mesh
		for _, s := range m.services {
			one.Services = append(one.Services, s.Service)
		}
		p.Meshes = append(p.Meshes, &one)
	}
	return !slices.ContainsFunc(to.Through(), func(f policy.Front) bool {
		_, all := p.Passes(policy.Source{Kind: policy.FromAny}, to.Service, &f)
		return !all
	})
}

// exemptInPlaintext warns of callers that are left out of world by their identity and get in without it.
func (c *checker) exemptInPlaintext(r *rule) {
	i := slices.IndexFunc(r.Except, func(f policy.Source) bool { return f.Kind != policy.FromAny && !plaintext(f) })
	if i < 0 || c.Meshless {
		return
	}
	instead := "admit `any` instead of `world`"
	if r.asksWaypoint() && !c.anyPasses(r.callee) {
		instead = r.namePassing()
	}
	c.list.Add(diag.BypassedDeny, r.exceptAt[i], "%s can bypass this exception in plaintext", quoted(r.Except[i].String())).
		WithNote("it is excluded by its identity, and a call that bypasses its own proxy has none").
		WithHelp("make the port strict, or %s", instead)
}

func (c *checker) outsideCaller(r *rule, at source.Span, caller *policy.Service, met []stated, deny bool) {
	svc := c.serviceOf(caller)
	if !deny {
		for _, m := range met {
			if m.mode == policy.Strict {
				c.refusedByMode(r, at, svc, m)
				return
			}
		}
	}
	c.unproved(at, caller)
}

// refusedByMode reports a caller without a proxy that a strict port turns away, with what its edge needs.
func (c *checker) refusedByMode(r *rule, at source.Span, caller *service, m stated) {
	what, it := caller.Name+" has no proxy", "it"
	if caller.Proxied() {
		what, it = "some pods of "+caller.Name+" have no proxy", "them"
	}
	d := c.list.Add(diag.OutsideIntoStrict, at, "%s, so the strict mTLS of %s refuses %s", what, r.callee.Name, it).
		WithRelated(m.at, "strict here").
		WithRelated(caller.outsideAt(), "%s", caller.outsideWhy())
	way := "make the port permissive: " + r.loosened()
	if len(r.Ports) != 1 {
		from, to := caller.Name, r.callee.Name
		if caller.Namespace != r.callee.Namespace {
			from, to = caller.ID(), r.callee.ID()
		}
		way = fmt.Sprintf("let it call a single port, `%s -> %s:%s`, and make that permissive: %s", from, to, r.onePort(), r.loosened())
	}
	if !caller.declaredOutside() {
		way = "inject its proxy; or " + way
		if len(caller.Addresses) == 0 {
			way += fmt.Sprintf(", and say where it calls from: `service %s outside address NETWORK`", caller.Name)
		}
	}
	d.WithHelp("%s", way)
}

// loosened returns the statement that makes the one port of an edge permissive. The port must be declared.
func (r *rule) loosened() string {
	statement := fmt.Sprintf("`mtls %s:%s permissive`", r.callee.Name, r.onePort())
	if len(r.callee.Ports) == 0 {
		return fmt.Sprintf("%s, where %s declares it: `port %s tcp`", statement, r.callee.Name, r.onePort())
	}
	return statement
}

// onePort returns the port that an edge is about; where it may be about several, a placeholder.
func (r *rule) onePort() string {
	switch {
	case len(r.Ports) == 1:
		return portText(r.Ports[0])
	case len(r.callee.Ports) == 1:
		return portText(r.callee.Ports[0].Number)
	}
	return "PORT"
}

// unproved reports a caller that has neither an identity nor an address.
func (c *checker) unproved(at source.Span, caller *policy.Service) {
	if len(caller.Addresses) == 0 {
		svc := c.serviceOf(caller)
		c.list.Add(diag.NoIdentity, at, "%s has no proxy, so it cannot prove who it is", caller.Name).
			WithRelated(svc.outsideAt(), "%s", svc.outsideWhy()).
			WithHelp("inject its proxy, or say where its calls come from: `service %s outside address NETWORK`", caller.Name)
	}
}

// outsideCallee reports a statement about a service without a proxy. The network may enforce an edge that is about
// ports alone.
func (c *checker) outsideCallee(r *rule) {
	s := r.callee
	if c.Network && r.kind == edge && len(s.workloads) > 0 && !s.HostNetwork && len(r.Ops)+len(r.Without)+len(r.Where)+len(r.Except) == 0 {
		return
	}
	c.list.Add(diag.OutsideCallee, r.ToAt, "nothing enforces this %s: %s has no proxy", r.kind, s.Name).
		WithRelated(s.outsideAt(), "%s", s.outsideWhy()).
		WithHelp("anything that reaches it on the network may call it: bring it into the mesh, or protect it with a NetworkPolicy")
}

// declaredOutside reports whether the intents, rather than the manifests, say that the service has no proxy.
func (s *service) declaredOutside() bool { return s.decl != nil && s.decl.Outside.Present() }

func (s *service) outsideAt() source.Span {
	if s.declaredOutside() {
		return s.decl.Outside.Range
	}
	for _, w := range s.workloads {
		if w.NoProxy != "" {
			return either(w.NoProxyAt, w.At)
		}
	}
	return s.At
}

func (s *service) outsideWhy() string {
	if s.declaredOutside() {
		return "declared outside the mesh here"
	}
	for _, w := range s.workloads {
		if w.NoProxy != "" {
			return w.NoProxy
		}
	}
	return "outside the mesh"
}

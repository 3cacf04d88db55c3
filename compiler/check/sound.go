package check

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// permissive is a permissive mode and the edges that need identity under it.
type permissive struct {
	first   *rule
	callees map[*service]bool
}

// sound judges whether what Istio would enforce is what the statements say.
func (c *checker) sound() {
	for _, m := range c.meshes {
		for _, s := range m.services {
			if s.bound() {
				c.nameable(s)
				c.selectable(s)
			}
			for _, r := range s.allow {
				c.identities(r, false)
			}
			for _, r := range s.deny {
				c.withoutNobody(r)
				c.identities(r, true)
				c.aroundByPort(r)
			}
		}
		c.overlaps(m)
	}
}

// bound tells whether any object is emitted that selects the pods of the service.
func (s *service) bound() bool {
	return s.Proxied() && (len(s.allow) > 0 || len(s.deny) > 0 || s.Mode != policy.ModeUnset ||
		slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Mode != policy.ModeUnset }))
}

// selectable reports a workload whose pods no policy could find.
func (c *checker) selectable(s *service) {
	if len(s.Labels) == 0 {
		c.list.Add(diag.SelectorMismatch, either(s.workloads[0].LabelsAt, s.At), "the pods of %s have no label in common", s.Name).
			WithHelp("a policy finds its pods by labels: give them one, such as `app: %s`", s.Name)
	}
}

// nameable reports a workload whose name from the manifests cannot be the name of a policy.
func (c *checker) nameable(s *service) {
	if s.decl == nil && !policy.IsLabel(s.Name) {
		c.list.Add(diag.InvalidName, s.At, "%s cannot be the name of a policy", quoted(s.Name)).
			WithHelp("declare the service under a name of lower-case letters, digits and `-`, with this workload's label: `service NAME label app=%s`", s.Name)
	}
}

// overlaps reports a selector that also takes the pods of another service of the mesh.
func (c *checker) overlaps(m *mesh) {
	holders := map[policy.Label][]*service{} // services some pods of which carry a label
	for _, s := range m.services {
		if !s.Proxied() && s.decl != nil && len(s.workloads) == 0 {
			continue // no pods in the cluster
		}
		if len(s.workloads) == 0 {
			for _, l := range s.Labels {
				holders[l] = append(holders[l], s)
			}
			continue
		}
		seen := map[policy.Label]bool{}
		for _, w := range s.workloads {
			for k, v := range w.Labels {
				if l := (policy.Label{Key: k, Value: v}); !seen[l] {
					seen[l] = true
					holders[l] = append(holders[l], s)
				}
			}
		}
	}
	for _, s := range m.services {
		if !s.bound() || len(s.Labels) == 0 {
			continue
		}
		for _, other := range holders[s.Labels[0]] {
			if other != s && other.carries(s.Labels) {
				at := s.At
				if s.decl != nil && len(s.decl.Labels) > 0 {
					at = s.decl.Labels[0].Key.Range.To(s.decl.Labels[len(s.decl.Labels)-1].Value.Range)
				}
				c.list.Add(diag.OverlappingSelectors, at, "the selector of %s also takes the pods of %s", s.Name, other.Name).
					WithRelated(other.podsAt(), "the pods of %s", other.Name).
					WithNote("a policy for %s (%s) would bind them too", s.Name, selectorText(s.Labels)).
					WithHelp("add a label that only the pods of %s carry", s.Name)
				break
			}
		}
	}
}

// carries tells whether some pod of a service has all of these labels.
func (s *service) carries(selector []policy.Label) bool {
	if len(s.workloads) == 0 {
		for _, l := range selector {
			if !slices.Contains(s.Labels, l) {
				return false
			}
		}
		return true
	}
	for _, w := range s.workloads {
		if selects(selector, w.Labels) {
			return true
		}
	}
	return false
}

func (s *service) podsAt() source.Span {
	if len(s.workloads) > 0 {
		return s.workloads[0].LabelsAt
	}
	return s.At
}

func selectorText(labels []policy.Label) string {
	text := ""
	for i, l := range labels {
		if i > 0 {
			text += ","
		}
		text += l.Key + "=" + l.Value
	}
	return text
}

// identities judges who can prove what the callee asks for.
func (c *checker) identities(r *rule, deny bool) {
	s := r.callee
	if !s.Proxied() {
		c.outsideCallee(r, deny)
		for i, f := range r.From {
			if f.Kind == policy.FromService && !f.Service.Proxied() && !s.declaredOutside() && !deny {
				c.unproved(r.FromAt[i], f.Service)
			}
		}
		return
	}
	if s.partly {
		c.list.Add(diag.OutsideCallee, r.ToAt, "nothing enforces this at a part of %s, which has no proxy", s.Name).
			WithRelated(s.outsideAt(), "%s", s.outsideWhy()).
			WithHelp("let the proxy of all its workloads be injected")
	}
	c.bypassed(r)
	met := c.met(r)
	for i, f := range r.From {
		at := r.FromAt[i]
		switch {
		case f.Kind == policy.FromWorld:
			c.world(r, at, met, deny)
		case f.Kind == policy.FromService && !f.Service.Proxied():
			c.outsideCaller(r, at, f.Service, met, deny)
		case f.Kind == policy.FromService && f.Service.Account == "":
			c.list.Add(diag.NoIdentitySource, at, "%s has no account, so nobody could tell who is calling", f.Service.Name).
				WithRelated(f.Service.At, "declared here").
				WithHelp("say which one it runs as: `service %s account NAME`, or name its workload manifests", f.Service.Name)
		default:
			c.needsIdentity(r, f, at, met, deny)
		}
	}
}

// bypassed warns of ports that are led past the sidecar of the callee.
func (c *checker) bypassed(r *rule) {
	for _, w := range r.callee.workloads {
		for _, p := range r.callee.Ports {
			if !w.Excluded.Has(p.Number) || len(r.Ports) > 0 && !slices.Contains(r.Ports, p.Number) {
				continue
			}
			c.list.Add(diag.OutsideCallee, r.ToAt, "nothing is enforced on port %d of %s, which is led past its proxy", p.Number, r.callee.Name).
				WithRelated(w.Excluded.At, "led past it here").
				WithHelp("take the port out of the annotation, or guard it with a NetworkPolicy")
			return
		}
	}
}

func (c *checker) needsIdentity(r *rule, f policy.Source, at source.Span, met []stated, deny bool) {
	if bare := c.withoutProxy(f); bare != nil && !deny {
		strict := slices.IndexFunc(met, func(m stated) bool { return m.mode == policy.Strict })
		switch {
		case strict >= 0:
			c.refusedByMode(r, at, bare, met[strict])
		case f.Kind == policy.FromService:
			c.list.Add(diag.NoIdentity, at, "a part of %s has no proxy, so it cannot prove who it is", bare.Name).
				WithRelated(bare.outsideAt(), "%s", bare.outsideWhy()).
				WithHelp("let the proxy of all its workloads be injected, or make a service of each")
		}
	}
	if deny {
		c.aroundInPlaintext(r, f, at)
	}
	for _, m := range met {
		switch m.mode {
		case policy.Disable:
			if m.capped && c.env.DryRun {
				continue // policies decide nothing yet: a migration under way
			}
			d := c.list.Add(diag.NoIdentity, at, "%s cannot prove who it is to %s, whose mTLS is disabled", quoted(f.String()), r.callee.Name).
				WithNote("identity comes with mutual TLS: without it this rule never matches")
			if m.capped {
				d.WithRelated(m.at, "environment %s allows no more", c.Environment).
					WithHelp("raise this limit, or set `enforcement: dry-run` for the environment: `meshc migrate --env %s` plans both", c.Environment)
			} else {
				d.WithRelated(m.at, "disabled here").WithHelp("make the port permissive or strict, or let in `world`")
			}
			return
		case policy.Permissive:
			if deny || m.at.IsZero() || m.capped || r.callee.welcomesPlaintext() {
				// A mode that is stated nowhere has a warning of its own; a ceiling is a migration under way.
				continue
			}
			p := c.loose[m.at]
			if p == nil {
				p = &permissive{first: r, callees: map[*service]bool{}}
				c.loose[m.at] = p
			}
			p.callees[r.callee] = true
		}
	}
}

// withoutProxy is a service, or one of a mesh, that proves nothing though its source is meant to: nil where all
// have a proxy as far as the manifests show.
func (c *checker) withoutProxy(f policy.Source) *service {
	switch f.Kind {
	case policy.FromService:
		if s := c.byName[f.Service.Namespace].names[f.Service.Name].service; s.partly {
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

// welcomesPlaintext tells whether some edge lets in callers without identity, so that a loose mode is meant.
func (s *service) welcomesPlaintext() bool {
	return slices.ContainsFunc(s.allow, func(r *rule) bool { return slices.ContainsFunc(r.From, plaintext) })
}

// plaintext tells a source that proves no identity.
func plaintext(f policy.Source) bool {
	return f.Kind == policy.FromWorld || f.Kind == policy.FromService && !f.Service.Proxied()
}

func (c *checker) world(r *rule, at source.Span, met []stated, deny bool) {
	if deny {
		return
	}
	for _, m := range met {
		if m.mode != policy.Strict {
			return
		}
	}
	c.list.Add(diag.WorldIntoStrict, at, "world may call %s, but its strict mTLS refuses plaintext callers all the same", r.callee.Name).
		WithRelated(met[0].at, "strict here").
		WithHelp("write `any` for every caller of the mesh, or make the port permissive: `mtls %s:PORT permissive`", r.callee.Name)
}

func (c *checker) outsideCaller(r *rule, at source.Span, caller *policy.Service, met []stated, deny bool) {
	svc := c.byName[caller.Namespace].names[caller.Name].service
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

// refusedByMode reports a caller without a proxy that a strict port turns away, with all that its edge needs.
func (c *checker) refusedByMode(r *rule, at source.Span, caller *service, m stated) {
	who := caller.Name
	if caller.Proxied() {
		who = "a part of " + who
	}
	d := c.list.Add(diag.OutsideIntoStrict, at, "%s has no proxy, so the strict mTLS of %s refuses it", who, r.callee.Name).
		WithRelated(m.at, "strict here").
		WithRelated(caller.outsideAt(), "%s", caller.outsideWhy())
	port := "PORT"
	switch {
	case len(r.Ports) == 1:
		port = portText(r.Ports[0])
	case len(r.callee.Ports) == 1:
		port = portText(r.callee.Ports[0].Number)
	}
	way := fmt.Sprintf("let it call one port alone, `-> %s:%s`, and make that permissive: `mtls %s:%s permissive`", r.callee.Name, port, r.callee.Name, port)
	if !caller.declaredOutside() {
		way = "let its proxy be injected; or " + way
		if len(caller.Addresses) == 0 {
			way += fmt.Sprintf(", and say where it calls from: `service %s outside address NETWORK`", caller.Name)
		}
	}
	d.WithHelp("%s", way)
}

// unproved reports a caller that has neither an identity nor an address.
func (c *checker) unproved(at source.Span, caller *policy.Service) {
	if len(caller.Addresses) == 0 {
		svc := c.byName[caller.Namespace].names[caller.Name].service
		c.list.Add(diag.NoIdentity, at, "%s has no proxy, so it cannot prove who it is", caller.Name).
			WithRelated(svc.outsideAt(), "%s", svc.outsideWhy()).
			WithHelp("let its proxy be injected, or say where its calls come from: `service %s outside address NETWORK`", caller.Name)
	}
}

func (c *checker) outsideCallee(r *rule, deny bool) {
	s := r.callee
	what := "edge"
	if deny {
		what = "deny"
	}
	c.list.Add(diag.OutsideCallee, r.ToAt, "nothing enforces this %s: %s has no proxy", what, s.Name).
		WithRelated(s.outsideAt(), "%s", s.outsideWhy()).
		WithHelp("whoever reaches it on the network may call it: bring it into the mesh, or guard it with a NetworkPolicy")
}

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

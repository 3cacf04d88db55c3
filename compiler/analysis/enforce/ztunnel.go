package enforce

import (
	"slices"
)

// Written is the object as it is written, of one that is as a point sees it.
func (p *Object) Written() *Object {
	if p != nil && p.written != nil {
		return p.written
	}
	return p
}

// As returns a copy of the object that has other clauses, and is the same object.
func (p *Object) As(clauses []Clause) *Object {
	as := *p
	as.Clauses, as.written, as.Ztunnel = clauses, p, nil
	return &as
}

// receive has a point that sees connections only keep what ztunnel is sent: buildWorkloadPolicies in
// istio.io/istio/pilot/pkg/serviceregistry/ambient/workloads.go. ztunnel authenticates no requests.
func (c *Point) receive(policies, tokens []*Object) {
	c.Unsent = tokens
	sent := c.sent
	for _, p := range policies {
		switch {
		case p.Broken:
			sent = append(sent, p)
		case p.Unsent != Sent:
			c.Unsent = append(c.Unsent, p)
		case p.Ztunnel != nil:
			sent = append(sent, p.Ztunnel)
		default:
			sent = append(sent, p)
		}
	}
	c.Policies, c.sent = sent, sent
}

// Unsent is why ztunnel is not sent an object.
type Unsent uint8

const (
	Sent       Unsent = iota
	ByEffect          // it knows neither AUDIT nor CUSTOM
	ByTargets         // targetRefs are for proxies that read requests
	BySelector        // a selector without labels selects no workload
)

// peers is the objects that set the modes of a workload; nil where there is none.
type peers struct {
	mesh, namespace, workload *Object

	// Those for which ztunnel is sent the ports of a workload: of the mesh and the namespace, only what has no selector
	// counts.
	meshRule, namespaceRule *Object
}

// each calls f with the modes that the objects may have, where those of some are not known.
func (p peers) each(unknown func(*Object) bool, f func(peers)) {
	for _, level := range []**Object{&p.mesh, &p.namespace, &p.meshRule, &p.namespaceRule} {
		if *level == nil || !unknown(*level) {
			continue
		}
		was := *level
		for _, mode := range []Mode{Inherit, Disable, Permissive, Strict} {
			may := *was
			may.Mode, may.Broken, may.written = mode, false, was
			one := p
			for _, same := range []**Object{&one.mesh, &one.namespace, &one.meshRule, &one.namespaceRule} {
				if *same == was {
					*same = &may
				}
			}
			one.each(func(o *Object) bool { return o != &may && unknown(o) }, f)
		}
		return
	}
	f(p)
}

// connections has a point that sees connections only enforce modes as ztunnel does. It gets them as policies that deny
// callers without an identity, and DISABLE is like PERMISSIVE to it.
func (c *Point) connections(p peers, unknown func(*Object) bool) {
	if p.workload != nil && unknown(p.workload) {
		c.mode = peerMode{Unknown, p.workload}
		return
	}
	doubtful := p.mesh
	if p.namespace != nil && unknown(p.namespace) {
		doubtful = p.namespace
	}
	var ports []uint16
	if p.workload != nil {
		for _, port := range p.workload.Ports {
			ports = append(ports, port.Port)
		}
	}
	settings := make([]portSetting, 1+len(ports)) // the first is of all other ports
	first := true
	p.each(unknown, func(p peers) {
		strict := p.strict()
		for i := range settings {
			port := uint16(0)
			if i > 0 {
				port = ports[i-1]
			}
			mode := peerMode{Permissive, p.decides(port).Written()}
			if strict(port) {
				mode.mode = Strict
			}
			switch was := settings[i].peerMode; {
			case first:
				settings[i] = portSetting{port, mode}
			case was.mode != mode.mode:
				settings[i].peerMode = peerMode{Unknown, doubtful}
			}
		}
		first = false
	})
	c.mode, c.ports = settings[0].peerMode, settings[1:]
}

// decides is the object that decides about a port; 0 stands for those that the workload does not name.
func (p peers) decides(port uint16) *Object {
	stated := func(o *Object) bool { return o != nil && (o.Mode != Inherit || len(o.Ports) > 0) }
	switch {
	case stated(p.workload):
		return p.workload
	case p.namespace != nil && p.namespace.Mode != Inherit:
		return p.namespace
	case p.mesh != nil && p.mesh.Mode != Inherit:
		return p.mesh
	}
	return nil
}

// strict returns which ports refuse callers without an identity: convertedSelectorPeerAuthentications and
// convertPeerAuthentication in istio.io/istio/pilot/pkg/serviceregistry/ambient/authorization.go. The former says that
// the workload has a rule of its own, and the latter may then make none, or one that leaves out ports.
func (p peers) strict() func(port uint16) bool {
	all := p.mesh.has(Strict)
	if p.namespace != nil && p.namespace.Mode != Inherit {
		all = p.namespace.Mode == Strict
	}
	w := p.workload
	if w == nil {
		return func(uint16) bool { return all }
	}
	if w.Mode != Inherit {
		all = w.Mode == Strict
	}
	own := false
	switch {
	case w.Mode == Strict:
		own = w.hasPort(Permissive, Disable)
	case w.Mode == Inherit && all:
		own = w.hasPort(Permissive)
	default:
		own = w.hasPort(Strict)
	}
	if !own {
		return func(uint16) bool { return all }
	}
	strict, open := p.rule()
	return func(port uint16) bool {
		return slices.Contains(strict, port) || len(open) > 0 && !slices.Contains(open, port)
	}
}

// rule is the ports that the rule of a workload makes STRICT, and those that it leaves open where it makes all others
// so.
func (p peers) rule() (strict, open []uint16) {
	w := p.workload
	covered := w.Mode == Strict || w.Mode == Inherit && p.namespaceRule.has(Strict) ||
		(p.namespaceRule == nil || p.namespaceRule.Mode == Inherit) && p.meshRule.has(Strict)
	inherits := p.meshRule.has(Strict)
	if p.namespaceRule != nil {
		inherits = p.namespaceRule.Mode == Strict
	}
	for _, port := range w.Ports {
		switch {
		case port.Mode == Strict && !covered:
			strict = append(strict, port.Port)
		case (port.Mode == Permissive || port.Mode == Disable) && (w.Mode == Strict || w.Mode == Inherit && inherits):
			open = append(open, port.Port)
		}
	}
	return strict, open
}

func (p *Object) has(mode Mode) bool { return p != nil && p.Mode == mode }

func (p *Object) hasPort(modes ...Mode) bool {
	return slices.ContainsFunc(p.Ports, func(port PortMode) bool { return slices.Contains(modes, port.Mode) })
}

// equallyOld reports whether it matters which of two objects that set modes istiod finds first for ztunnel: of those
// that are equally old, any (getOldestPeerAuthn in the file above).
func equallyOld(a, b *Object) bool { return a.Created.Equal(b.Created) && differ(a, b) }

// Deviates calls f with the ports whose mode ztunnel enforces otherwise than it is stated, with both modes and the
// object that decides; the port is 0 for all that the workload does not name.
func (c *Point) Deviates(f func(port uint16, stated, enforced Mode, by *Object)) {
	if !c.Ambient() {
		return
	}
	for _, s := range append([]portSetting{{0, c.mode}}, c.ports...) {
		if stated := c.stated.of(s.port); stated.mode != s.mode {
			f(s.port, stated.mode, s.mode, s.by)
		}
	}
}

package networkpolicy

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// leg is a part of the way that an edge opens: from its caller to the pods of the callee, or to a waypoint and from
// there.
type leg struct {
	from  policy.Source
	to    *policy.Service // or the pods of a waypoint
	ports portRanges
	udp   []uint16
}

// appendLegs adds what a source of an edge needs at some ports.
func (e *emission) appendLegs(all []leg, s *policy.Service, r *policy.Rule, ports portRanges, from policy.Source) []leg {
	if len(ports) == 0 {
		return all
	}
	direct := leg{from, s, ports, ports.among(s.UDP)}
	ways := s.Through()
	aside := len(ways) == 0
	var rest portRanges
	for _, f := range ways {
		some, every := e.passes(from, s, f)
		aside = aside || !every || s.Joining
		entered := f.Target == 0 || ports.has(f.Target)
		if !some || !entered {
			continue
		}
		in := tunnelPort
		if !only(s) {
			in = portRanges{{f.Target, f.Target}}.and(tunnel)
			if f.Target == 0 {
				in = ports.and(tunnel)
			}
		}
		w := e.waypoint(f.Waypoint)
		all = append(all, leg{from: from, to: w, ports: tunnelPort}, leg{from: policy.Source{Service: w}, to: s, ports: in})
	}
	led := func(port uint16) bool {
		return slices.ContainsFunc(ways, func(f policy.Front) bool { return f.Target == 0 || f.Target == port })
	}
	if rest = ports; !aside {
		changes := make([]uint16, 0, len(ways))
		for _, f := range ways {
			changes = append(changes, f.Target)
		}
		for _, p := range ports {
			changes = append(changes, p[0], p[1])
		}
		rest = targets.PortRanges(changes, func(port uint16) bool { return ports.has(port) && !led(port) })
	}
	switch {
	case s.Moving: // those with a sidecar are called as ever
		direct.ports = ports.and(tunnel)
	case s.Dataplane == policy.Ambient && (len(rest) == 0 || len(ways) > 0 && r.OfHTTP()):
		return all
	case s.Dataplane == policy.Ambient:
		direct.ports = e.direct(s, from, rest)
	case s.Proxied() && s.Dataplane != policy.Gateway && e.tunnels(from):
		direct.ports = ports.and(tunnel)
	}
	return append(all, direct)
}

// only reports whether all pods of a service are in ambient mode.
func only(s *policy.Service) bool {
	return s.Dataplane == policy.Ambient && !s.Mixed && !s.Moving
}

// direct returns the ports at which pods in ambient mode are called without a waypoint.
func (e *emission) direct(s *policy.Service, from policy.Source, ports portRanges) portRanges {
	plain, tunnels := from.Kind == policy.FromWorld || !only(s), true
	if f := from.Service; from.Kind == policy.FromService {
		plain, tunnels = plain || !f.Proxied() || f.Moving || !f.Dataplane.Judged(), f.Proxied()
	}
	switch {
	case !tunnels:
		return ports
	case plain:
		return ports.and(tunnel)
	}
	return tunnelPort
}

// portsOf is the ports on which a source may call, without those that are denied to it.
func portsOf(s *policy.Service, r *policy.Rule, from policy.Source) portRanges {
	changes := r.Ports
	if without := r.PortsWithout(); len(without) > 0 {
		changes = slices.Concat(changes, without)
	}
	var denies []*policy.Rule
	for i := range s.Deny {
		if d := &s.Deny[i]; !d.OfHTTP() && d.Includes(from) {
			denies = append(denies, d)
			changes = slices.Concat(changes, d.Ports, d.PortsWithout())
		}
	}
	if len(changes) == 0 && len(denies) == 0 {
		return every
	}
	return targets.PortRanges(changes, func(port uint16) bool {
		return r.Leads(port) && !slices.ContainsFunc(denies, func(d *policy.Rule) bool { return d.Leads(port) })
	})
}

// tunnels reports whether a source may call through the tunnel of pods, as pods in ambient mode do.
func (e *emission) tunnels(from policy.Source) bool {
	if from.Kind == policy.FromService {
		return from.Service.Dataplane == policy.Ambient
	}
	if from.Kind == policy.FromMesh {
		if in, known := e.ambient[from.Mesh]; known {
			return in
		}
	}
	return e.someAmbient
}

// passes is Passes of a policy, which looks at all services for a wildcard.
func (e *emission) passes(from policy.Source, to *policy.Service, f policy.Front) (some, all bool) {
	if from.Kind == policy.FromService {
		return e.Passes(from, to, &f)
	}
	key := wildcard{from.Kind, from.Mesh, f.Ingress, to.Moving}
	known, ok := e.passing[key]
	if !ok {
		some, all = e.Passes(from, to, &f)
		known = [2]bool{some, all}
		e.passing[key] = known
	}
	return known[0], known[1]
}

type wildcard struct {
	kind            policy.SourceKind
	mesh            string
	ingress, moving bool
}

// waypoint is the pods of a waypoint.
func (e *emission) waypoint(w *policy.Waypoint) *policy.Service {
	if e.waypoints[w.ID()] == nil {
		e.waypoints[w.ID()] = w.Caller()
	}
	return e.waypoints[w.ID()]
}

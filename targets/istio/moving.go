package istio

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// A service whose pods move from sidecars to ambient mode has its rules in both places at once. Its waypoint has those
// of a service in ambient mode. Its pods have those of a service with sidecars, and let the waypoint in: a sidecar
// enforces all of them, and ztunnel leaves out what lets in operations. A deny of operations is one of the whole port
// to ztunnel, so it names the port and leaves out the waypoint, which enforces it for whoever passes.

// authorizeMoving emits the policies of a service behind a waypoint while its pods move.
func (b *builder) authorizeMoving(s *policy.Service, ways []policy.Front) {
	b.authorizeAtWaypoints(s, ways)
	to := placeOf(s)
	pods := *s
	pods.Dataplane, pods.Fronts = policy.Sidecar, nil
	behind := allow
	behind.wave = waveBehind
	b.policies(&pods, slices.Concat(b.relayed(s, ways), b.allowedMoving(s, ways)), behind, to)
	b.policies(&pods, b.deniedMoving(s, ways), deny, to)
	b.policies(&pods, s.Ask, ask, to)
}

// allowedMoving is the edges of a service as its pods enforce them while they move. Where requests are denied, or
// tokens verified, callers that pass the waypoint may not get around it: their edges name every method, so that ztunnel
// leaves them out.
func (b *builder) allowedMoving(s *policy.Service, ways []policy.Front) (all []policy.Rule) {
	var ports []uint16 // on which a rule with a method is about every request
	for _, p := range s.Ports {
		if through, _ := led([]uint16{p.Number}, ways); p.Protocol.IsHTTP() {
			ports = append(ports, through...)
		}
	}
	for _, r := range s.Allow {
		kept, at := b.sources(&r, func(f policy.Source) bool { return b.kept(s, f, ways) })
		if r.OfHTTP() || !s.RequestsAsked() || len(kept) == 0 || r.EveryPod {
			all = append(all, r)
			continue
		}
		aside := r
		if aside.From, aside.FromAt = b.aside(s, &r, ways); len(aside.From) > 0 {
			all = append(all, aside)
		}
		r.From, r.FromAt = kept, at
		hidden := r
		hidden.Ports, hidden.Ops = slices.DeleteFunc(slices.Clone(ports), func(port uint16) bool { return !r.Leads(port) }), []policy.Operation{{Methods: []string{"*"}, At: r.At}}
		hidden.Where = nil
		if len(hidden.Ports) == 0 {
			all = append(all, r)
			continue
		}
		all = append(all, hidden)
		if rest, some := without(r, hidden.Ports); some {
			all = append(all, rest)
		}
	}
	return all
}

// without is a rule without some of the ports that it is about; false if there are no others.
func without(r policy.Rule, ports []uint16) (policy.Rule, bool) {
	if len(r.Ports) > 0 {
		r.Ports = slices.DeleteFunc(slices.Clone(r.Ports), func(port uint16) bool { return slices.Contains(ports, port) })
		return r, len(r.Ports) > 0
	}
	return unled(r, nil, frontsTo(ports))
}

// frontsTo is fronts that lead to ports.
func frontsTo(ports []uint16) (all []policy.Front) {
	for _, port := range ports {
		all = append(all, policy.Front{Target: port})
	}
	return all
}

// deniedMoving is the denies of a service as its pods enforce them while they move: on the ports that a way leads to,
// waypoints are left out.
func (b *builder) deniedMoving(s *policy.Service, ways []policy.Front) (all []policy.Rule) {
	everywhere := slices.ContainsFunc(ways, func(f policy.Front) bool { return f.Target == 0 })
	for _, r := range s.Deny {
		if r.EveryPod {
			continue
		}
		through, direct := led(r.Ports, ways)
		if rest, some := unled(r, direct, ways); some {
			all = append(all, rest)
		}
		if len(r.Ports) == 0 && !everywhere {
			through = slices.DeleteFunc(targetsOf(ways), func(port uint16) bool { return !r.Leads(port) })
			r.Where = slices.DeleteFunc(slices.Clone(r.Where), func(c policy.Condition) bool { return c.Dimension == policy.PortDimension })
		}
		if len(through) > 0 || everywhere && len(r.Ports) == 0 {
			r.Ports = through
			all = append(all, b.sparing(r, ways))
		}
	}
	return all
}

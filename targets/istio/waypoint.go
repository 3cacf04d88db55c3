package istio

import (
	"slices"
	"strconv"
	"strings"

	selector "istio.io/api/type/v1beta1"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// A service behind a waypoint has its rules in two places. At the waypoint they bind each Service of the workload, know
// callers by their identities, and name the ports of the Service. At the pods they let in the waypoint, and of the
// callers that do not pass it those that no condition on requests is about: what the pods let in is never more than the
// intents say.
// https://istio.io/latest/docs/ambient/usage/waypoint/

// waypointSuffix ends the names of what binds a waypoint.
const waypointSuffix = "-waypoint"

// waveBehind is the wave of the rules that let a waypoint in: once its own are there.
const waveBehind = 29 // and down to 22

// authorizeBehind emits the policies of a service behind a waypoint.
func (b *builder) authorizeBehind(s *policy.Service, ways []policy.Front) {
	before := len(b.findings)
	for n, rules := range s.Rules() {
		a := [...]action{allow, deny, ask}[n]
		for i := range rules {
			if b.acceptRule(s, &rules[i], a) {
				b.acceptBehind(s, &rules[i], a, ways)
			}
		}
	}
	if len(s.Issuers) > 0 && !b.meshOf(s).Closes(s) {
		b.findings.Add(diag.Inexpressible, tokensAt(s), "tokens cannot be verified at %s: nothing closes it, so that calls get to its pods without the waypoint", s.ID()).
			WithRelated(ways[0].Waypoint.At, "the waypoint").
			WithHelp("let an edge lead to it, or close its namespace: delete `open`")
	}
	b.acceptOwnServices(s, ways)
	if len(b.findings) > before {
		return
	}
	if s.Moving || s.Joining {
		b.authorizeMoving(s, ways)
		return
	}
	b.authorizeAtWaypoints(s, ways)
	to := placeOf(s)
	behind := allow
	behind.wave = waveBehind
	b.view = *s
	b.view.Fronts = nil
	if rules, aside := b.atPods(s, ways); aside || to.selector == nil {
		b.policies(&b.view, rules, behind, to)
	} else {
		b.admit(&b.view, rules, behind, to)
	}
	b.policies(&b.view, b.deniedAtPods(s, ways), deny, to)
}

// authorizeAtWaypoints emits the rules of a service, which are accepted, for each of its Services.
func (b *builder) authorizeAtWaypoints(s *policy.Service, ways []policy.Front) {
	for _, host := range hosts(ways) {
		view, fronts := b.atWaypoint(s, host, ways)
		to := place{name: host, kinds: waypointSuffix, targets: b.serviceTargets(host)}
		b.accepted(view, b.translated(s, s.Allow, fronts), allow, to)
		b.accepted(view, b.translated(s, s.Deny, fronts), deny, to)
		b.accepted(view, b.translated(s, s.Ask, fronts), ask, to)
	}
}

// hosts is the names of the Services of fronts.
func hosts(ways []policy.Front) (all []string) {
	for _, f := range ways {
		if !slices.Contains(all, f.Host) {
			all = append(all, f.Host)
		}
	}
	return all
}

func (b *builder) serviceTargets(hosts ...string) []*selector.PolicyTargetReference {
	all, made := b.targetLists.take(len(hosts)), b.targets.take(len(hosts))
	for i, host := range hosts {
		made[i].Kind, made[i].Name = "Service", host
		all[i] = &made[i]
	}
	return all
}

// atWaypoint is a service as a waypoint sees it behind one Service, and the fronts of that. The next call overwrites
// both.
func (b *builder) atWaypoint(s *policy.Service, host string, ways []policy.Front) (*policy.Service, []policy.Front) {
	b.view = *s
	view, fronts := &b.view, b.fronts[:0]
	view.Ports, view.Dataplane = b.ports[:0], policy.Sidecar
	for _, f := range ways {
		if f.Host != host {
			continue
		}
		fronts = append(fronts, f)
		for _, p := range s.Ports {
			if number, leads := f.Leads(p.Number); leads {
				view.Ports = append(view.Ports, policy.Port{Number: number, Protocol: p.Protocol})
			}
		}
	}
	b.fronts, b.ports = fronts, view.Ports
	return view, fronts
}

// translated is rules as they are about the calls to a Service that pass its waypoint: of the sources that do, and of
// the ports of the Service. The next list of rules overwrites them.
func (b *builder) translated(s *policy.Service, rules []policy.Rule, fronts []policy.Front) []policy.Rule {
	all := b.rules[:0]
	for _, r := range rules {
		r.From, r.FromAt = b.sources(&r, func(f policy.Source) bool {
			some, _ := b.Passes(f, s, &fronts[0])
			return some
		})
		if len(r.From) == 0 {
			continue
		}
		if len(r.Ports) > 0 {
			if r.Ports = servicePorts(r.Ports, fronts); len(r.Ports) == 0 {
				continue
			}
		}
		if len(r.Where) > 0 {
			r.Where = servicePortsWhere(r.Where, fronts)
		}
		r.EveryPod = false
		all = append(all, r)
	}
	b.rules = all
	return all
}

// servicePortsWhere is conditions as they are about the ports of a Service.
func servicePortsWhere(where []policy.Condition, fronts []policy.Front) []policy.Condition {
	where = slices.Clone(where)
	for i := range where {
		if c := &where[i]; c.Dimension == policy.PortDimension {
			var left []uint16
			for _, v := range c.Values {
				n, _ := strconv.ParseUint(v, 10, 16)
				left = append(left, uint16(n))
			}
			c.Values = nil
			for _, port := range servicePorts(left, fronts) {
				c.Values = append(c.Values, strconv.Itoa(int(port)))
			}
		}
	}
	return slices.DeleteFunc(where, func(c policy.Condition) bool { return len(c.Values) == 0 })
}

// sources is those of the sources of a rule that a function picks, with their places.
func (b *builder) sources(r *policy.Rule, pick func(policy.Source) bool) (from []policy.Source, at []source.Span) {
	if !slices.ContainsFunc(r.From, func(f policy.Source) bool { return !pick(f) }) {
		return r.From, r.FromAt
	}
	for i, f := range r.From {
		if pick(f) {
			from, at = append(from, f), append(at, r.SourceAt(i))
		}
	}
	return from, at
}

// servicePorts is the ports of a Service that lead to container ports.
func servicePorts(ports []uint16, fronts []policy.Front) (all []uint16) {
	for _, port := range ports {
		for i := range fronts {
			if number, leads := fronts[i].Leads(port); leads && !slices.Contains(all, number) {
				all = append(all, number)
			}
		}
	}
	slices.Sort(all)
	return all
}

// led splits ports into those that a way leads to, and all others; no ports stand for every port.
func led(ports []uint16, ways []policy.Front) (through, direct []uint16) {
	leads := func(port uint16) bool {
		return slices.ContainsFunc(ways, func(f policy.Front) bool { _, leads := f.Leads(port); return leads })
	}
	n := 0
	for n < len(ports) && leads(ports[n]) {
		n++
	}
	through = ports[:n:n]
	for _, port := range ports[n:] {
		if leads(port) {
			through = append(through, port)
		} else {
			direct = append(direct, port)
		}
	}
	return through, direct
}

// aside is the sources of a rule of which some pass no waypoint.
func (b *builder) aside(s *policy.Service, r *policy.Rule, ways []policy.Front) ([]policy.Source, []source.Span) {
	return b.sources(r, func(f policy.Source) bool { return !b.kept(s, f, ways) })
}

// kept reports whether all calls of a source to a service pass its waypoints. Where the service takes mutual TLS only,
// nobody else than who proves an identity calls it.
func (b *builder) kept(s *policy.Service, f policy.Source, ways []policy.Front) bool {
	if f.Kind == policy.FromWorld && b.strict(s) {
		f.Kind = policy.FromAny
	}
	return !slices.ContainsFunc(ways, func(w policy.Front) bool {
		_, all := b.Passes(f, s, &w)
		return !all
	})
}

// strict reports whether every port of a service takes mutual TLS only.
func (b *builder) strict(s *policy.Service) bool {
	mesh := b.meshOf(s)
	return b.ModeOf(mesh, s, 0) == policy.Strict && !slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return b.ModeOf(mesh, s, p.Number) != policy.Strict })
}

// directly is what the pods of a service let in of a rule without its waypoint: callers that pass none, and to ports
// that no way leads to, everyone. It is appended to others.
func (b *builder) directly(all []policy.Rule, s *policy.Service, r policy.Rule, ways []policy.Front) []policy.Rule {
	r.EveryPod = false
	through, direct := led(r.Ports, ways)
	if aside, at := b.aside(s, &r, ways); len(aside) > 0 && (len(r.Ports) == 0 || len(through) > 0) {
		past := r
		past.From, past.FromAt, past.Ports = aside, at, through
		all = append(all, past)
	}
	if rest, some := unled(r, direct, ways); some {
		all = append(all, rest)
	}
	return all
}

// atPods is what lets callers in at the pods of a service: its waypoints, and whether there are others who do not pass
// them. The next list of rules overwrites it.
func (b *builder) atPods(s *policy.Service, ways []policy.Front) (all []policy.Rule, aside bool) {
	all = b.relayed(s, ways)
	relayed := len(all)
	for i := range s.Allow {
		if !s.Allow[i].OfHTTP() {
			all = b.directly(all, s, s.Allow[i], ways)
		}
	}
	b.rules = all
	return all, len(all) > relayed
}

// relayed is what lets waypoints in at the pods of a service, on the ports of its edges. The next list of rules
// overwrites it.
func (b *builder) relayed(s *policy.Service, ways []policy.Front) []policy.Rule {
	all := b.rules[:0]
	for _, f := range ways {
		var entry policy.Rule
		var ports []uint16
		through, every := false, false
		for i := range s.Allow {
			r := &s.Allow[i]
			passes := slices.ContainsFunc(r.From, func(from policy.Source) bool { some, _ := b.Passes(from, s, &f); return some })
			if !passes || f.Target != 0 && !r.Leads(f.Target) {
				continue
			}
			if !through {
				entry, through = policy.Rule{At: r.At, ToAt: r.ToAt, Because: r.Because}, true
			}
			if f.Target == 0 {
				ports, every = append(ports, r.Ports...), every || len(r.Ports) == 0
			}
		}
		switch {
		case f.Target != 0:
			ports = []uint16{f.Target}
		case every:
			ports = nil
		}
		if through {
			slices.Sort(ports)
			entry.From, entry.Ports = b.relay(f.Waypoint), slices.Compact(ports)
			all = append(all, entry)
		}
	}
	b.rules = all
	return all
}

// relay is a waypoint as a caller.
func (b *builder) relay(w *policy.Waypoint) []policy.Source {
	from, known := b.relays[w]
	if !known {
		if b.relays == nil {
			b.relays = map[*policy.Waypoint][]policy.Source{}
		}
		from = []policy.Source{{Service: w.Caller()}}
		b.relays[w] = from
	}
	return from
}

// deniedAtPods is the denies that the pods of a service enforce themselves. On the ports that a waypoint passes calls
// on to they do not count for the waypoint; and to whom the waypoint denies operations may not get around it.
func (b *builder) deniedAtPods(s *policy.Service, ways []policy.Front) (all []policy.Rule) {
	for _, r := range s.Deny {
		through, direct := led(r.Ports, ways)
		r.EveryPod = false
		spared := r
		if r.OfHTTP() {
			spared.From, spared.FromAt = b.sources(&r, func(f policy.Source) bool { return b.kept(s, f, ways) })
			spared.Ops, spared.Without, spared.Widened = nil, nil, false
			spared.Where = slices.DeleteFunc(slices.Clone(r.Where), func(c policy.Condition) bool { return c.Dimension != policy.PortDimension })
		} else if rest, some := unled(r, direct, ways); some {
			all = append(all, rest)
		}
		every := len(r.Ports) == 0 && slices.ContainsFunc(ways, func(f policy.Front) bool { return f.Target == 0 })
		if spared.Ports = through; len(r.Ports) == 0 && !every {
			spared.Ports = slices.DeleteFunc(targetsOf(ways), func(port uint16) bool { return !r.Leads(port) })
			spared.Where = nil
		}
		if len(spared.From) == 0 || len(spared.Ports) == 0 && !every {
			continue
		}
		all = append(all, b.sparing(spared, ways))
	}
	return all
}

// sparing is a deny that the waypoints of ways are left out of.
func (b *builder) sparing(r policy.Rule, ways []policy.Front) policy.Rule {
	r.Except = slices.Clone(r.Except)
	for _, f := range ways {
		if w := b.relay(f.Waypoint)[0]; !slices.ContainsFunc(r.Except, func(e policy.Source) bool { return e.Service != nil && e.Service.ID() == w.Service.ID() }) {
			r.Except = append(r.Except, w)
		}
	}
	return r
}

// unled is what a rule is about of ports that no way leads to, of which direct are those that it names; false for
// nothing.
func unled(r policy.Rule, direct []uint16, ways []policy.Front) (policy.Rule, bool) {
	switch {
	case len(direct) > 0:
		r.Ports = direct
		return r, true
	case len(r.Ports) > 0 || slices.ContainsFunc(ways, func(f policy.Front) bool { return f.Target == 0 }):
		return r, false
	}
	c := policy.Condition{Dimension: policy.PortDimension, Not: true, At: r.At, Values: make([]string, 0, len(ways))}
	for _, f := range ways {
		c.Values = append(c.Values, strconv.Itoa(int(f.Target)))
	}
	r.Where = slices.Clone(r.Where)
	if i := slices.IndexFunc(r.Where, func(c policy.Condition) bool { return c.Dimension == policy.PortDimension }); i >= 0 {
		c.Values = append(c.Values, r.Where[i].Values...)
		r.Where = slices.Delete(r.Where, i, i+1)
	}
	slices.Sort(c.Values)
	c.Values = slices.Compact(c.Values)
	r.Where = append(r.Where, c)
	return r, true
}

// targetsOf is the container ports that ways lead to.
func targetsOf(ways []policy.Front) (all []uint16) {
	for _, f := range ways {
		all = append(all, f.Target)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// meshOf is the namespace of a service.
func (b *builder) meshOf(s *policy.Service) *policy.Mesh {
	i, _ := slices.BinarySearchFunc(b.Meshes, s.Namespace, func(m *policy.Mesh, name string) int { return strings.Compare(m.Name, name) })
	return b.Meshes[i]
}

// waysInto is the ways through waypoints to the services of the namespace of a service.
func (b *builder) waysInto(s *policy.Service) (all []policy.Front) {
	for _, s := range b.meshOf(s).Services {
		all = append(all, s.Through()...)
	}
	return all
}

package enforce

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Way is a port of a Service through which requests pass a waypoint on their way to a workload in ambient mode. What
// binds the waypoint decides first. Then the workload's own point does, for which the waypoint is the caller. Where a
// request has several ways, and where it also reaches the pod itself, it passes if it does so by one of them. A canary
// follows the way that it shares: which of the two a request takes is chance.
type Way struct {
	policy.Front
	Point *Point // of the waypoint, for requests to the Service

	*relay
}

// relay is a waypoint, whatever is behind it.
type relay struct {
	principals []string        // that it may have
	patterns   []space.Pattern // of these alone
	bound      []*Object       // what binds its Gateway or its class
}

// Principals returns what the waypoint may call the workload as.
func (w *Way) Principals() []space.Pattern { return w.patterns }

// The keys of targets. Those of Services and classes are no labels of pods, and that of Gateways is the label of
// theirs.
const (
	TargetService = "/Service"
	TargetClass   = "/GatewayClass"
	TargetGateway = "gateway.networking.k8s.io/gateway-name"
)

// waypointClass is the only class that a policy for a GatewayClass binds:
// istio.io/istio/pilot/pkg/model/policyattachment.go.
const waypointClass = "istio-waypoint"

// target is what a policy with targetRefs may bind.
type target struct {
	namespace string
	Label
}

func (o *Object) targets(t target) bool {
	return t.namespace == o.Namespace && slices.Contains(o.Targets, t.Label)
}

// ways is how requests pass waypoints to a workload, in the memory of others.
func (m *Layer) ways(all []Way, w *Workload) []Way {
	all = all[:0]
	for _, f := range w.Fronts {
		if f.Waypoint == nil {
			continue
		}
		var c *Point
		if n := len(all); n < cap(all) {
			c = all[:n+1][n].Point
		}
		if c == nil {
			c = &Point{}
		}
		relay := m.relay(f.Waypoint)
		m.waypoint(c, w.Namespace, f, relay)
		all = append(all, Way{Front: f, Point: c, relay: relay})
	}
	return all
}

// relay returns what the layer shows about a waypoint.
func (m *Layer) relay(w *policy.Waypoint) *relay {
	if known, ok := m.relays.Load(w); ok {
		return known.(*relay)
	}
	r := &relay{}
	for _, domain := range append([]string{cmp.Or(m.Mesh.TrustDomain, defaultDomain)}, m.Mesh.Aliases...) {
		principal := policy.Identity{TrustDomain: domain, Namespace: w.Namespace, Account: w.Account}.String()
		r.principals, r.patterns = append(r.principals, principal), append(r.patterns, space.PrincipalPattern(principal))
	}
	gateway := target{w.Namespace, Label{TargetGateway, w.Name}}
	r.bound = m.bound(nil, gateway)
	for _, p := range m.bound(nil, target{m.Mesh.RootNamespace, Label{TargetClass, waypointClass}}) {
		if !p.targets(gateway) {
			r.bound = append(r.bound, p)
		}
	}
	m.relays.Store(w, r)
	return r
}

// bound appends the objects that bind a target.
func (m *Layer) bound(to []*Object, t target) []*Object {
	of := m.in(t.namespace)
	for _, all := range [...][]*Object{of.labelled[t.Label], of.whole} { // one that also has a selector is of the namespace
		for _, p := range all {
			if slices.Contains(p.Targets, t.Label) {
				to = append(to, p)
			}
		}
	}
	return to
}

// waypoint makes a point that of a waypoint, for requests to a port of a Service. Only policies with targetRefs bind
// it, and they see the port of the Service: that of a way decides their conditions on ports.
func (m *Layer) waypoint(c *Point, namespace string, f policy.Front, relay *relay) {
	service := target{namespace, Label{TargetService, f.Host}}
	*c = Point{layer: m, Policies: c.Policies[:0], modes: modes{mode: peerMode{mode: Permissive}}, bound: m.bound(c.bound[:0], service)}
	for _, p := range relay.bound {
		if !p.targets(service) {
			c.bound = append(c.bound, p)
		}
	}
	var tokens []*Object
	for _, p := range c.bound {
		switch p.Role {
		case Authorizes:
			c.Policies = append(c.Policies, m.atPort(p, f))
		case Authenticates:
			tokens = append(tokens, p)
		}
	}
	slices.SortFunc(c.Policies, older)
	slices.SortFunc(tokens, older)
	c.authenticate(tokens)
}

// atPort is an object of a waypoint as it decides about requests through one front: what it says of the port of the
// Service is said of the container port. Where both are one port, that is what it says.
func (m *Layer) atPort(o *Object, f policy.Front) *Object {
	about := func(c space.Condition) bool { return c.Dimension == space.Port }
	if f.Port == 0 || f.Port == f.Target || !slices.ContainsFunc(o.Clauses, func(r Clause) bool {
		return slices.ContainsFunc(r.To, func(b space.Box) bool { return slices.ContainsFunc(b, about) })
	}) {
		return o
	}
	request := m.Table.Request(true, space.Facts{space.Port: strconv.Itoa(int(f.Port))})
	at := o.As(slices.Clone(o.Clauses))
	for i := range at.Clauses {
		r := &at.Clauses[i]
		var to []space.Box
		for _, b := range r.To {
			rest := space.Box{}
			met := true
			for _, c := range b {
				if !about(c) {
					rest = append(rest, c)
				} else if m.Table.Match(space.Box{c}, &request) == space.No {
					met = false
				}
			}
			if met {
				to = append(to, append(rest, space.Is(space.Port, space.PortPattern(f.Target))))
			}
		}
		r.To = to
	}
	return at
}

// joined is a decision about a way, given what its waypoint decides and what the point behind it does about the
// waypoint.
func (w *Way) joined(waypoint, behind Decision) Decision {
	if behind.Verdict < waypoint.Verdict {
		waypoint = behind
		waypoint.Behind = true
	}
	waypoint.Way = w
	return waypoint
}

// relays is the decision about calls of the waypoint of its own: there are none.
func (w *Way) relays() Decision {
	return Decision{Verdict: Denied, Reason: Relays, Rule: -1, Way: w}
}

// All is the objects with clauses that have a say in requests to the workload, at its own point and at the waypoints on
// the ways to it.
func (c *Point) All() []*Object {
	all := slices.Clip(c.Policies)
	for i := range c.Ways {
		of := c.Ways[i].Point.Policies
		if c.Ways[i].Canary { // most are those of the way that it shares
			shared := c.Ways[i-1].Point.Policies
			of = slices.DeleteFunc(slices.Clone(of), func(o *Object) bool {
				return slices.ContainsFunc(shared, func(p *Object) bool { return p.Written() == o.Written() })
			})
		}
		all = append(all, of...)
	}
	return all
}

// Relays reports whether a caller is a waypoint on a way to a port, which calls for others only.
func (c *Point) Relays(identity string, port uint16) bool {
	return slices.ContainsFunc(c.Ways, func(w Way) bool {
		_, leads := w.Leads(port)
		return leads && slices.Contains(w.principals, identity)
	})
}

// decideByWays is what becomes of one request by all its ways.
func (c *Point) decideByWays(r space.Request, how func(*decider, uint16, []hit)) Decision {
	direct, partly := c.decide(r, how), false
	var ways []Decision
	for i := range c.Ways {
		w := &c.Ways[i]
		_, leads := w.Leads(r.Port())
		switch {
		case !leads:
			continue
		case slices.Contains(w.principals, r.Identity()):
			return w.relays()
		}
		switch c.layer.Mesh.Aside.passes(r.Identity(), w) {
		case none:
			continue
		case some:
			partly = true
		}
		by := w.joined(w.Point.decide(r, how), c.behind(w, r, how))
		if last := len(ways) - 1; w.Canary {
			ways[last] = ways[last].either(by)
		} else {
			ways = append(ways, by)
		}
	}
	if len(ways) == 0 {
		return direct
	}
	best := ways[0]
	for _, by := range ways[1:] {
		if by.Verdict > best.Verdict {
			best = by
		}
	}
	if best = best.around(direct.Verdict); partly {
		best = best.apart(direct)
	}
	return best
}

// behind is what the point of the pods decides about a request that a waypoint passes on, wherever the waypoint runs and
// whichever address of a pod it takes in place of that of the Service.
func (c *Point) behind(w *Way, r space.Request, how func(*decider, uint16, []hit)) (by Decision) {
	var boxes []space.Box
	for _, o := range slices.Concat(c.Policies, c.Tokens) {
		for i := range o.Clauses {
			boxes = append(append(boxes, o.Clauses[i].From...), o.Clauses[i].To...)
		}
	}
	var requests []space.Request
	for _, principal := range w.principals {
		requests = append(requests, r.With(space.Identity, space.IdentityValue(principal)).With(space.Token, nil))
	}
	for _, d := range [...]space.Dimension{space.SourceAddress, space.RemoteAddress, space.DestinationAddress} {
		var at []space.Request
		for _, r := range requests {
			for _, address := range (space.Addresses{}).Representatives(d, boxes) {
				at = append(at, r.With(d, address))
			}
		}
		requests = at
	}
	for n, r := range requests {
		one := c.decide(r, how)
		if by = by.or(one, n == 0); by.Verdict != one.Verdict {
			break // undecided, whatever becomes of the rest
		}
	}
	return by
}

// places reports whether the point looks at the addresses of its pods, which those who call a Service do not ask for.
func (c *Point) places() bool {
	about := func(c space.Condition) bool { return c.Dimension == space.DestinationAddress }
	return slices.ContainsFunc(c.Policies, func(o *Object) bool {
		return slices.ContainsFunc(o.Clauses, func(r Clause) bool {
			return slices.ContainsFunc(r.To, func(b space.Box) bool { return slices.ContainsFunc(b, about) })
		})
	})
}

// either is a decision about calls of which a share passes another waypoint, given what becomes of these. Where one of
// the two lets more of them through, it is the decision of the other one.
func (d Decision) either(canary Decision) Decision {
	other := canary
	if canary.Verdict < d.Verdict {
		d, other = canary, d
	}
	switch {
	case d.Verdict != other.Verdict:
		d.Other, d.Verdict, d.Split = other.Share(), Undecided, true
	case !d.Share().alike(other.Share()):
		d.Other = other.Share()
	}
	return d
}

// around is a decision about calls to Services, given what becomes of those to the addresses of pods: where more of
// these get through, it depends on the address.
func (d Decision) around(direct Verdict) Decision {
	if direct > d.Verdict {
		d.Verdict, d.Around = Undecided, true
	}
	return d
}

// apart is a decision about calls that pass a waypoint, given what becomes of those of pods with the same identity that
// pass none: where fewer of these get through, it depends on the pod; where that is not known, it depends on what
// decides about these.
func (d Decision) apart(direct Decision) Decision {
	switch {
	case direct.Verdict >= d.Verdict:
		return d
	case direct.Verdict == Undecided: // nobody knows whether fewer get through
		return direct
	}
	d.Apart, d.Verdict = d.Verdict == Allowed, Undecided
	return d
}

// route is a way of a point, with the number of the point of its waypoint among all points.
type route struct {
	*Way
	point    int
	passes   space.Set // sources of which calls pass the waypoint
	partly   space.Set // those of which others pass none
	own      space.Set // sources that are the waypoint
	waypoint []int     // those of them without a token
	placed   *Point    // behind the waypoint, if it looks at the addresses of its pods
}

// routes prepares the ways of a point.
func (s *Classifier) routes(c *Point) (routes []route) {
	for i := range c.Ways {
		r := route{Way: &c.Ways[i], point: slices.Index(s.points, c.Ways[i].Point), passes: s.builder.NewSet(), partly: s.builder.NewSet(), own: s.builder.NewSet()}
		var at []int
		for _, principal := range r.principals {
			at = append(at, s.classes.Identity(s.classes.With(principal, 0)))
		}
		for i, source := range s.classes.Sources {
			switch c.layer.Mesh.Aside.passes(source.Identity(), r.Way) {
			case some:
				r.partly.Add(i)
				fallthrough
			case all:
				r.passes.Add(i)
			}
			if slices.Contains(at, s.classes.Identity(i)) {
				r.own.Add(i)
				if s.classes.Without(i, space.Token) == i {
					r.waypoint = append(r.waypoint, i)
				}
			}
		}
		if c.places() {
			r.placed = c
		}
		routes = append(routes, r)
	}
	return routes
}

// behind is what a point decides about a waypoint, wherever that runs.
func (r *route) behind(direct []Decided) Decision {
	var by Decision
	for n, source := range r.waypoint {
		for _, d := range direct {
			if d.Sources.Has(source) {
				by = by.or(d.Decision, n == 0)
			}
		}
	}
	return by
}

// or is what is known of a decision that may also be another one: it depends on the policy that lets less through, if
// one does.
func (d Decision) or(other Decision, first bool) Decision {
	if first {
		return other
	}
	if d.Verdict == other.Verdict {
		return d
	}
	if other.Policy == nil || d.Verdict < other.Verdict && d.Policy != nil {
		other = d
	}
	return Decision{Verdict: Undecided, Reason: NotJudged, Policy: other.Policy, Rule: other.Rule}
}

// collect is what one point itself decides about all sources of one class of operations.
func (s *Classifier) collect(all space.Set, point int, r *space.Request, in []int32, how func(*decider, uint16, []hit)) (into []Decided) {
	s.enforce(point, r, in, how, func(sources space.Set, by Decision) {
		if !sources.Empty() {
			into = append(into, Decided{by, s.builder.Common(sources, all)})
		}
	})
	return into
}

// along is what is decided about the sources that pass the waypoint of a route, given what the point behind it decides.
func (s *Classifier) along(route *route, all space.Set, r *space.Request, in []int32, how func(*decider, uint16, []hit), direct []Decided) (by []Decided) {
	behind := route.behind(direct)
	if route.placed != nil {
		behind = route.placed.behind(route.Way, *r, how)
	}
	for _, one := range s.collect(all, route.point, r, in, how) {
		if passing := s.builder.Common(one.Sources, route.passes); !passing.Empty() {
			by = append(by, Decided{route.joined(one.Decision, behind), passing})
		}
	}
	return by
}

// Directly is what a point decides about requests of a class that come to the addresses of its pods, past every
// waypoint. Each source is in one set.
func (s *Classes) Directly(r *Class, point int) []Decided {
	c := s.classifier
	return c.collect(c.deciders[point].all, point, &r.Request, r.boxes, (*decider).decide)
}

// EachWay calls found with what is decided about requests of a class that come by each of the ways to a point.
func (s *Classes) EachWay(r *Class, point int, found func(*Way, Decided)) {
	c := s.classifier
	d := &c.deciders[point]
	direct := s.Directly(r, point)
	for i := range d.routes {
		route := &d.routes[i]
		if _, leads := route.Leads(r.Request.Port()); !leads {
			continue
		}
		for _, by := range c.along(route, d.all, &r.Request, r.boxes, (*decider).decide, direct) {
			found(route.Way, by)
		}
	}
}

// byWays decides about all sources of one class of operations by all their ways.
func (s *Classifier) byWays(point int, r *space.Request, in []int32, how func(*decider, uint16, []hit), found func(space.Set, Decision)) {
	d := &s.deciders[point]
	direct := s.collect(d.all, point, r, in, how)
	var all, last []Decided
	left, partly := s.builder.Common(d.all, d.all), s.builder.NewSet()
	for i := range d.routes {
		route := &d.routes[i]
		if _, leads := route.Leads(r.Port()); !leads {
			continue
		}
		if own := s.builder.Common(route.own, left); !own.Empty() {
			found(own, route.relays())
			left.RemoveAll(own)
		}
		partly.AddAll(route.partly)
		by := s.along(route, d.all, r, in, how, direct)
		if !route.Canary {
			all, last = append(all, last...), by
			continue
		}
		var either []Decided
		for _, one := range last {
			for _, other := range by {
				if both := s.builder.Common(one.Sources, other.Sources); !both.Empty() {
					either = append(either, Decided{one.either(other.Decision), both})
				}
			}
		}
		last = either
	}
	all = append(all, last...)
	for _, verdict := range [...]Verdict{Allowed, Undecided, Denied} {
		for _, by := range all {
			if by.Verdict != verdict {
				continue
			}
			some := s.builder.Common(by.Sources, left)
			left.RemoveAll(some)
			for _, past := range direct {
				both := s.builder.Common(past.Sources, some)
				if mixed := s.builder.Common(both, partly); !mixed.Empty() {
					found(mixed, by.around(past.Verdict).apart(past.Decision))
					both.RemoveAll(mixed)
				}
				if !both.Empty() {
					found(both, by.around(past.Verdict))
				}
			}
		}
	}
	for _, by := range direct {
		if some := s.builder.Common(by.Sources, left); !some.Empty() {
			found(some, by.Decision)
		}
	}
}

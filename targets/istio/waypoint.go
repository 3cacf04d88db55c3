package istio

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"istio.io/api/security/v1beta1"
	selector "istio.io/api/type/v1beta1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// A service behind a waypoint has its rules in two places. At the waypoint they bind each Service of the workload, know callers by
// their identities, and name the ports of the Service. At the pods they let in the waypoint, and of the callers that do not pass
// it those that no condition on requests is about: what the pods let in is never more than the intents say.
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
		rules := slices.Concat(s.Allow, s.Deny)
		b.findings.Add(diag.Inexpressible, either(requestsAt(&rules[0].Requests), rules[0].At), "tokens cannot be asked for at %s: nothing closes it, so that calls get to its pods without the waypoint", s.ID()).
			WithRelated(ways[0].Waypoint.At, "the waypoint").
			WithHelp("let an edge lead to it, or close its namespace: delete `open`")
	}
	b.acceptOwnServices(s, ways)
	if len(b.findings) > before {
		return
	}
	for _, host := range hosts(ways) {
		view, fronts := b.atWaypoint(s, host, ways)
		to := place{name: host, kinds: waypointSuffix, targets: serviceTargets(host)}
		b.policies(view, b.translated(s.Allow, fronts), allow, to)
		b.policies(view, b.translated(s.Deny, fronts), deny, to)
	}
	to := placeOf(s)
	behind := allow
	behind.wave = waveBehind
	pods := *s
	pods.Fronts = nil
	b.policies(&pods, b.atPods(s, ways), behind, to)
	b.policies(&pods, b.deniedAtPods(s, ways), deny, to)
}

// acceptOwnServices refuses a Service that leads to the pods of several services: its waypoint enforces the edges of one as those of all.
func (b *builder) acceptOwnServices(s *policy.Service, ways []policy.Front) {
	if len(s.Allow)+len(s.Deny) == 0 {
		return
	}
	for _, host := range hosts(ways) {
		for _, other := range b.meshOf(s).Services {
			if other == s || !slices.Contains(hosts(other.Through()), host) || other.Name < s.Name && len(other.Allow)+len(other.Deny) > 0 {
				continue
			}
			b.findings.Add(diag.Inexpressible, s.At, "the Service %s leads to the pods of %s and of %s, and its waypoint cannot tell them apart", host, s.Name, other.Name).
				WithRelated(other.At, "the other pods").
				WithRelated(ways[0].Waypoint.At, "the waypoint").
				WithHelp("give each a Service of its own, or let calls to this one pass no waypoint: label it `istio.io/use-waypoint: none`")
			return
		}
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

func serviceTargets(hosts ...string) (all []*selector.PolicyTargetReference) {
	for _, host := range hosts {
		all = append(all, &selector.PolicyTargetReference{Kind: "Service", Name: host})
	}
	return all
}

// atWaypoint is a service as a waypoint sees it behind one Service, and the fronts of that.
func (b *builder) atWaypoint(s *policy.Service, host string, ways []policy.Front) (*policy.Service, []policy.Front) {
	view := *s
	view.Ports, view.Dataplane = nil, policy.Sidecar
	var fronts []policy.Front
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
	return &view, fronts
}

// translated is rules as they are about the calls to a Service that pass its waypoint: of the sources that do, and of the ports of the
// Service.
func (b *builder) translated(rules []policy.Rule, fronts []policy.Front) (all []policy.Rule) {
	for _, r := range rules {
		r.From, r.FromAt = b.sources(&r, func(f policy.Source) bool {
			some, _ := b.Passes(f, &fronts[0])
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
		r.Where = slices.Clone(r.Where)
		for i := range r.Where {
			if c := &r.Where[i]; c.Dimension == policy.PortDimension {
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
		r.Where = slices.DeleteFunc(r.Where, func(c policy.Condition) bool { return len(c.Values) == 0 })
		r.EveryPod = false
		all = append(all, r)
	}
	return all
}

// sources is those of the sources of a rule that a function picks, with their places.
func (b *builder) sources(r *policy.Rule, pick func(policy.Source) bool) (from []policy.Source, at []source.Span) {
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
	for _, port := range ports {
		if slices.ContainsFunc(ways, func(f policy.Front) bool { _, leads := f.Leads(port); return leads }) {
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

// kept reports whether all calls of a source to a service pass its waypoints. Where the service takes mutual TLS only, nobody else than who
// proves an identity calls it.
func (b *builder) kept(s *policy.Service, f policy.Source, ways []policy.Front) bool {
	if f.Kind == policy.FromWorld && b.strict(s) {
		f.Kind = policy.FromAny
	}
	return !slices.ContainsFunc(ways, func(w policy.Front) bool {
		_, all := b.Passes(f, &w)
		return !all
	})
}

// strict reports whether every port of a service takes mutual TLS only.
func (b *builder) strict(s *policy.Service) bool {
	mesh := b.meshOf(s)
	return b.ModeOf(mesh, s, 0) == policy.Strict && !slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return b.ModeOf(mesh, s, p.Number) != policy.Strict })
}

// directly is what the pods of a service let in of a rule without its waypoint: callers that pass none, and to ports that no way
// leads to, everyone.
func (b *builder) directly(s *policy.Service, r policy.Rule, ways []policy.Front) (all []policy.Rule) {
	r.EveryPod = false
	through, direct := led(r.Ports, ways)
	if aside, at := b.aside(s, &r, ways); len(aside) > 0 && (len(r.Ports) == 0 || len(through) > 0) {
		past := r
		past.From, past.FromAt, past.Ports = aside, at, through
		all = append(all, past)
	}
	if rest := unled(r, direct, ways); rest != nil {
		all = append(all, *rest)
	}
	return all
}

// atPods is what lets callers in at the pods of a service: its waypoints, on the ports of its edges, and who does not pass them.
func (b *builder) atPods(s *policy.Service, ways []policy.Front) (all []policy.Rule) {
	for _, f := range ways {
		var entry policy.Rule
		var ports []uint16
		through, every := false, false
		for i := range s.Allow {
			r := &s.Allow[i]
			from, _ := b.sources(r, func(from policy.Source) bool { some, _ := b.Passes(from, &f); return some })
			if len(from) == 0 || f.Target != 0 && !r.Leads(f.Target) {
				continue
			}
			if !through {
				entry, through = policy.Rule{At: r.At, ToAt: r.ToAt, Because: r.Because}, true
			}
			ports, every = append(ports, r.Ports...), every || len(r.Ports) == 0
		}
		switch {
		case f.Target != 0:
			ports = []uint16{f.Target}
		case every:
			ports = nil
		}
		if through {
			slices.Sort(ports)
			entry.From, entry.Ports = []policy.Source{{Service: f.Waypoint.Caller()}}, slices.Compact(ports)
			all = append(all, entry)
		}
	}
	for _, r := range s.Allow {
		if !r.OfHTTP() {
			all = append(all, b.directly(s, r, ways)...)
		}
	}
	return all
}

// deniedAtPods is the denies that the pods of a service enforce themselves. On the ports that a waypoint passes calls on to they do not
// count for the waypoint; and to whom the waypoint denies operations may not get around it.
func (b *builder) deniedAtPods(s *policy.Service, ways []policy.Front) (all []policy.Rule) {
	for _, r := range s.Deny {
		through, direct := led(r.Ports, ways)
		r.EveryPod = false
		spared := r
		if r.OfHTTP() {
			spared.From, spared.FromAt = b.sources(&r, func(f policy.Source) bool { return b.kept(s, f, ways) })
			spared.Ops, spared.Without, spared.Widened = nil, nil, false
			spared.Where = slices.DeleteFunc(slices.Clone(r.Where), func(c policy.Condition) bool { return c.Dimension != policy.PortDimension })
		} else if rest := unled(r, direct, ways); rest != nil {
			all = append(all, *rest)
		}
		if spared.Ports = through; len(r.Ports) == 0 && !slices.ContainsFunc(ways, func(f policy.Front) bool { return f.Target == 0 }) {
			spared.Ports = slices.DeleteFunc(targetsOf(ways), func(port uint16) bool { return !r.Leads(port) })
			spared.Where = nil
			through = spared.Ports
		}
		if len(spared.From) == 0 || len(r.Ports) > 0 && len(through) == 0 {
			continue
		}
		spared.Except = slices.Clone(r.Except)
		for _, f := range ways {
			if w := (policy.Source{Service: f.Waypoint.Caller()}); !slices.ContainsFunc(spared.Except, func(e policy.Source) bool { return e.Service != nil && e.Service.ID() == w.Service.ID() }) {
				spared.Except = append(spared.Except, w)
			}
		}
		all = append(all, spared)
	}
	return all
}

// unled is what a rule is about of ports that no way leads to, of which direct are those that it names; nil for nothing.
func unled(r policy.Rule, direct []uint16, ways []policy.Front) *policy.Rule {
	switch {
	case len(direct) > 0:
		r.Ports = direct
		return &r
	case len(r.Ports) > 0 || slices.ContainsFunc(ways, func(f policy.Front) bool { return f.Target == 0 }):
		return nil
	}
	c := policy.Condition{Dimension: policy.PortDimension, Not: true, At: r.At}
	for _, port := range targetsOf(ways) {
		c.Values = append(c.Values, strconv.Itoa(int(port)))
	}
	r.Where = slices.Clone(r.Where)
	if i := slices.IndexFunc(r.Where, func(c policy.Condition) bool { return c.Dimension == policy.PortDimension }); i >= 0 {
		c.Values = append(c.Values, r.Where[i].Values...)
		r.Where = slices.Delete(r.Where, i, i+1)
	}
	slices.Sort(c.Values)
	c.Values = slices.Compact(c.Values)
	r.Where = append(r.Where, c)
	return &r
}

// targetsOf is the container ports that ways lead to.
func targetsOf(ways []policy.Front) (all []uint16) {
	for _, f := range ways {
		all = append(all, f.Target)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// acceptEveryPod refuses a deny of every pod of a namespace that would stop a waypoint, and with it everyone behind it.
func (b *builder) acceptEveryPod(s *policy.Service) {
	for _, r := range s.Deny {
		for _, f := range b.waysInto(s) {
			w := policy.Source{Service: f.Waypoint.Caller()}
			if slices.ContainsFunc(r.From, func(from policy.Source) bool { return from.Includes(w) }) && !slices.ContainsFunc(r.Except, func(e policy.Source) bool { return e.Includes(w) }) {
				b.findings.Add(diag.Inexpressible, r.At, "this deny would stop the waypoint %s, and with it all calls that pass it", f.Waypoint.ID()).
					WithRelated(f.Waypoint.At, "the waypoint").
					WithHelp("name the services that nobody may call, in place of every pod")
				break
			}
		}
	}
}

// acceptBehind refuses what a waypoint, or the pods behind it, would not enforce.
func (b *builder) acceptBehind(s *policy.Service, r *policy.Rule, a action, ways []policy.Front) {
	refuse := func(at source.Span, format string, args ...any) *diag.Diagnostic {
		return b.findings.Add(diag.Inexpressible, either(at, r.At), format, args...).
			WithRelated(ways[0].Waypoint.At, "calls to %s pass this waypoint", s.Name)
	}
	if a == ask {
		refuse(r.ProviderAt, "an ask cannot be enforced at %s, which is behind a waypoint", s.ID()).
			WithHelp("give the namespace sidecars, or ask at the gateway")
		return
	}
	http := requestsAt(&r.Requests)
	_, direct := led(r.Ports, ways)
	everywhere := slices.ContainsFunc(ways, func(f policy.Front) bool { return f.Target == 0 })
	needs := r.OfHTTP()
	if needs && (len(direct) > 0 || len(r.Ports) == 0 && !everywhere) {
		port := "every port"
		if len(direct) > 0 {
			port = "port " + strconv.Itoa(int(direct[0]))
		}
		refuse(http, "the operations of this %s cannot be enforced on %s of %s: no Service leads there through the waypoint", a.word, port, s.ID()).
			WithHelp("add a port with this `targetPort` to the Service, or leave the operations out")
		return
	}
	if a == deny {
		if needs {
			b.acceptDenied(s, r, ways, refuse)
		}
		return
	}
	aside, at := b.aside(s, r, ways)
	switch {
	case r.EveryPod && !needs && len(s.Issuers) > 0:
		refuse(r.ToAt, "this edge lets callers into every pod, past the waypoint of %s, which alone sees tokens", s.ID()).
			WithHelp("name the services that it is about")
	case len(aside) == 0:
	case needs:
		b.unpassed(refuse(at[0], "%s does not pass the waypoint of %s, which alone sees operations", aside[0], s.ID()), aside[0], s)
	case len(s.Issuers) > 0:
		b.unpassed(refuse(at[0], "%s does not pass the waypoint of %s, which alone sees tokens", aside[0], s.ID()), aside[0], s)
	}
}

// acceptDenied refuses a deny of operations if somebody whom it is about gets to the pods without the waypoint.
func (b *builder) acceptDenied(s *policy.Service, r *policy.Rule, ways []policy.Front, refuse func(source.Span, string, ...any) *diag.Diagnostic) {
	denied, _ := b.aside(s, r, ways)
	for _, f := range denied {
		at, may := source.Span{}, !b.meshOf(s).Closes(s)
		for i := range s.Allow {
			edge := &s.Allow[i]
			if edge.OfHTTP() || len(edge.Ports) > 0 && len(r.Ports) > 0 && !slices.ContainsFunc(edge.Ports, func(p uint16) bool { return slices.Contains(r.Ports, p) }) {
				continue
			}
			aside, places := b.aside(s, edge, ways)
			if n := slices.IndexFunc(aside, f.Meets); n >= 0 && !may {
				at, may = places[n], true
			}
		}
		if !may {
			continue
		}
		d := refuse(requestsAt(&r.Requests), "this deny cannot be enforced for %s, which does not pass the waypoint of %s", f, s.ID())
		if !at.IsZero() {
			d.WithRelated(at, "it may call here")
		}
		b.unpassed(d, f, s)
		return
	}
}

// unpassed adds to a finding why a source does not pass a waypoint, and what can be done.
func (b *builder) unpassed(d *diag.Diagnostic, f policy.Source, s *policy.Service) {
	switch {
	case f.Kind == policy.FromService && f.Service.Dataplane == policy.Gateway:
		d.WithNote("gateways connect to the pods themselves").
			WithHelp("label the Service `istio.io/ingress-use-waypoint: \"true\"`, or leave the operations out")
	case f.Kind == policy.FromService && f.Service.Proxied():
		d.WithNote("sidecars connect to the pods themselves, past waypoints").
			WithHelp("move %s to ambient mode first, or leave the operations out", f.Service.ID())
	case f.Kind == policy.FromService, f.Kind == policy.FromWorld:
		d.WithNote("callers without an identity connect to the pods themselves").
			WithHelp("let a gateway be the caller, or leave the operations out")
	default:
		d.WithNote("some of these callers have sidecars, which connect to the pods themselves, past waypoints").
			WithHelp("move all of them to ambient mode first, name those that are, or leave the operations out")
	}
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

// waypoints is the names of the waypoints of each namespace, sorted.
func waypoints(p *policy.Policy) map[string][]string {
	all := map[string][]string{}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			for _, f := range s.Through() {
				all[f.Waypoint.Namespace] = append(all[f.Waypoint.Namespace], f.Waypoint.Name)
			}
		}
	}
	for namespace, names := range all {
		slices.Sort(names)
		all[namespace] = slices.Compact(names)
	}
	return all
}

// closeWaypoints emits the policies that close the waypoints of a namespace: what no Service lets in is refused there too, and not
// passed on as a call of the waypoint.
func (b *builder) closeWaypoints(m *policy.Mesh, why origin) {
	wave := waveDefaultDeny
	if b.DryRun {
		wave = waveShadow
	}
	for _, name := range b.waypoints[m.Name] {
		spec := &v1beta1.AuthorizationPolicy{TargetRefs: []*selector.PolicyTargetReference{{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: name}}}
		b.add(b.draft(wave, b.security, "AuthorizationPolicy", m.Name, "default-deny-"+name, why, spec))
	}
}

// waypointFor says how calls to a service in ambient mode can pass a waypoint.
func waypointFor(s *policy.Service) string {
	headless := func(f policy.Front) bool { return f.Headless }
	switch {
	case len(s.Fronts) == 0 && s.DataplaneAt.File != nil && path.Base(s.DataplaneAt.File.Name) == "meshc.yaml":
		return fmt.Sprintf("let calls to it pass a waypoint, with `dataplanes: {%s: {ambient: {waypoint: waypoint}}}` in meshc.yaml", s.Namespace)
	case len(s.Fronts) == 0:
		return fmt.Sprintf("let calls to it pass a waypoint: label the Namespace %s `istio.io/use-waypoint: waypoint`", s.Namespace)
	case !slices.ContainsFunc(s.Fronts, func(f policy.Front) bool { return !headless(f) }):
		return fmt.Sprintf("let calls to it pass a waypoint: give it a Service with an address beside the headless %s, with the label `istio.io/use-waypoint: waypoint`", s.Fronts[0].Host)
	}
	return fmt.Sprintf("let calls to it pass a waypoint: label its Service %s `istio.io/use-waypoint: waypoint`", s.Fronts[slices.IndexFunc(s.Fronts, func(f policy.Front) bool { return !headless(f) })].Host)
}

// ambient returns the labels of a namespace in ambient mode, and emits the waypoint of its Services where the manifests do not have it.
func (b *builder) ambient(m *policy.Mesh, why origin) []targets.Pair {
	labels := []targets.Pair{{Key: bearing.DataplaneMode, Value: "ambient"}}
	var of *policy.Waypoint
	for _, s := range m.Services {
		for _, f := range s.Through() {
			if of != nil && of != f.Waypoint {
				return labels // its Services say which
			}
			of = f.Waypoint
		}
	}
	if of == nil {
		return labels
	}
	labels = append(labels, targets.Pair{Key: bearing.UseWaypoint, Value: of.Name})
	if of.Namespace != m.Name {
		return append(labels, targets.Pair{Key: bearing.WaypointNamespace, Value: of.Namespace})
	}
	if !of.Known {
		o := b.draft(waveNamespace, "gateway.networking.k8s.io/v1", "Gateway", of.Namespace, of.Name, why, nil)
		o.Labels = append(o.Labels[:1:1], targets.Pair{Key: bearing.WaypointFor, Value: "service"})
		o.yaml = append(b.write(o), waypointSpec...)
		b.add(o)
	}
	return labels
}

// waypointSpec is that of every waypoint: https://istio.io/latest/docs/ambient/usage/waypoint/#deploy-a-waypoint-proxy
const waypointSpec = `spec:
  gatewayClassName: istio-waypoint
  listeners:
  - name: mesh
    port: 15008
    protocol: HBONE
`

// place is where the policies of a service are bound.
type place struct {
	name     string // of the objects, before what an action adds
	kinds    string // what they end with
	selector *selector.WorkloadSelector
	targets  []*selector.PolicyTargetReference
}

func placeOf(s *policy.Service) place {
	p := place{name: s.Name}
	p.selector, p.targets = bind(s)
	return p
}

// behind is the Services of a service through which callers pass a waypoint: what authenticates requests binds those.
func behind(s *policy.Service) []*selector.PolicyTargetReference {
	return serviceTargets(hosts(s.Through())...)
}

package istio

import (
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// These functions refuse what a waypoint, or the pods behind it, would not enforce, and point to the intent.

// acceptOwnServices refuses a Service that leads to the pods of several services: its waypoint enforces the edges of
// one as those of all.
func (b *builder) acceptOwnServices(s *policy.Service, ways []policy.Front) {
	bound := func(s *policy.Service) bool { return len(s.Allow)+len(s.Deny)+len(s.Verifies) > 0 }
	if len(b.shared) == 0 || !bound(s) {
		return
	}
	for _, name := range hosts(ways) {
		for _, other := range b.shared[host{s.Namespace, name}] {
			if other == s || other.Name < s.Name && bound(other) {
				continue
			}
			b.findings.Add(diag.Inexpressible, s.At, "the Service %s leads to the pods of %s and of %s, and its waypoint cannot tell them apart", name, s.Name, other.Name).
				WithRelated(other.At, "the other pods").
				WithRelated(ways[0].Waypoint.At, "the waypoint").
				WithHelp("give each a Service of its own, or let calls to this one pass no waypoint: label it `istio.io/use-waypoint: none`")
			return
		}
	}
}

// acceptEveryPod refuses a deny of every pod of a namespace that would stop a waypoint, and with it everyone behind it.
func (b *builder) acceptEveryPod(s *policy.Service) {
	for _, r := range s.Deny {
		for _, f := range b.waysInto(s) {
			w := b.relay(f.Waypoint)[0]
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
	if a == allow && !r.OfHTTP() && len(s.Issuers) == 0 {
		return // it is about nothing that only the waypoint sees
	}
	refuse := func(at source.Span, format string, args ...any) *diag.Diagnostic {
		return b.findings.Add(diag.Inexpressible, either(at, r.At), format, args...).
			WithRelated(ways[0].Waypoint.At, "calls to %s pass this waypoint", s.Name)
	}
	http := requestsAt(&r.Requests)
	through, direct := led(r.Ports, ways)
	everywhere := slices.ContainsFunc(ways, func(f policy.Front) bool { return f.Target == 0 })
	needs := r.OfHTTP() || a == ask
	if needs && s.Joining {
		refuse(http, "this %s asks for something of requests, and calls to %s may not pass its waypoint yet", a.word, s.ID()).
			WithHelp("once its Services are labelled, write `dataplanes: {%s: {ambient: {waypoint: %s}}}` in meshc.yaml", s.Namespace, ways[0].Waypoint.Name)
		return
	}
	if needs && (len(direct) > 0 || len(r.Ports) == 0 && !everywhere) {
		port := "every port"
		if len(direct) > 0 {
			port = "port " + strconv.Itoa(int(direct[0]))
		}
		if !r.OfHTTP() {
			d := refuse(http, "this %s cannot be enforced on %s of %s: no Service leads there through the waypoint", a.word, port, s.ID()).
				WithHelp("name the ports that one leads to, here and in the edges")
			if len(direct) > 0 {
				d.WithHelp("add a port with this `targetPort` to the Service")
			}
			return
		}
		refuse(http, "the operations of this %s cannot be enforced on %s of %s: no Service leads there through the waypoint", a.word, port, s.ID()).
			WithHelp("add a port with this `targetPort` to the Service, or leave the operations out")
		return
	}
	if a != allow {
		if needs {
			b.acceptDenied(s, r, a, ways, refuse)
		}
		return
	}
	aside, at := b.aside(s, r, ways)
	tokens := len(s.Issuers) > 0 && (len(r.Ports) == 0 || len(through) > 0) // are verified where this leads
	switch {
	case r.EveryPod && !needs && tokens:
		refuse(r.ToAt, "this edge lets callers into every pod, past the waypoint of %s, which alone sees tokens", s.ID()).
			WithHelp("name the services that it is about")
	case len(aside) == 0:
	case needs:
		b.unpassed(refuse(at[0], "%s does not pass the waypoint of %s, which alone sees operations", aside[0], s.ID()), aside[0], ", or leave the operations out")
	case tokens:
		b.unpassed(refuse(at[0], "%s does not pass the waypoint of %s, which alone sees tokens", aside[0], s.ID()), aside[0], "").
			WithRelated(tokensAt(s), "%s verifies tokens because of this", s.Name)
	}
}

// acceptVerified refuses to verify tokens where no proxy reads requests.
func (b *builder) acceptVerified(s *policy.Service) {
	if len(s.Verifies) == 0 || s.Dataplane != policy.Ambient {
		return
	}
	ways := s.Through()
	switch {
	case len(ways) == 0 && s.Verifies[0].EveryPod:
		b.everyPod(s, s.Verifies[0].EveryMesh, s.Verifies[0].At, "tokens cannot be verified at", "delete this")
	case len(ways) == 0:
		b.findings.Add(diag.Inexpressible, s.Verifies[0].At, "tokens cannot be verified at %s: it is ambient, and has no sidecar", s.ID()).
			WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy).
			WithHelp("%s, or delete this", s.WaypointWay()).
			Alone = true
	case s.Joining:
		b.findings.Add(diag.Inexpressible, s.Verifies[0].At, "tokens cannot be verified at %s: calls to it may not pass its waypoint yet", s.ID()).
			WithRelated(ways[0].Waypoint.At, "the waypoint").
			WithHelp("once its Services are labelled, write `dataplanes: {%s: {ambient: {waypoint: %s}}}` in meshc.yaml", s.Namespace, ways[0].Waypoint.Name)
	}
}

// everyPod refuses a statement about requests to every pod of a namespace in ambient mode: calls to pods that no
// Service leads to pass no waypoint. Findings that say the same of several services become one.
func (b *builder) everyPod(s *policy.Service, ofMesh bool, at source.Span, what, or string) {
	where := ""
	if ofMesh {
		where = ", each in the section of its mesh"
	}
	b.findings.Add(diag.Inexpressible, at, "%s every pod of %s, which is ambient: calls to pods that no Service leads to pass no proxy that reads requests", what, s.Namespace).
		WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy).
		WithHelp("name the services in place of `pods`%s, and let calls to them pass a waypoint, or %s", where, or).
		Alone = true
}

// tokensAt is the place that has a service verify tokens; none if nothing of its own does.
func tokensAt(s *policy.Service) source.Span {
	for _, rules := range s.Rules() {
		for i := range rules {
			for _, c := range rules[i].Where {
				if c.Dimension == policy.TokenDimension {
					return either(c.At, rules[i].At)
				}
			}
		}
	}
	if len(s.Verifies) == 0 {
		return source.Span{}
	}
	return s.Verifies[0].At
}

// acceptDenied refuses a deny of operations, or an ask, if somebody whom it is about gets to the pods without the
// waypoint.
func (b *builder) acceptDenied(s *policy.Service, r *policy.Rule, a action, ways []policy.Front, refuse func(source.Span, string, ...any) *diag.Diagnostic) {
	denied, _ := b.aside(s, r, ways)
	for _, f := range denied {
		at, who, may := source.Span{}, f, !b.meshOf(s).Closes(s)
		for i := range s.Allow {
			edge := &s.Allow[i]
			if edge.OfHTTP() || len(edge.Ports) > 0 && len(r.Ports) > 0 && !slices.ContainsFunc(edge.Ports, func(p uint16) bool { return slices.Contains(r.Ports, p) }) {
				continue
			}
			aside, places := b.aside(s, edge, ways)
			if n := slices.IndexFunc(aside, f.Meets); n >= 0 && !may {
				at, who, may = places[n], f, true
				if a == ask {
					who = aside[n] // an ask is about everybody
				}
			}
		}
		if !may {
			continue
		}
		d := refuse(requestsAt(&r.Requests), "this %s cannot be enforced for %s, which does not pass the waypoint of %s", a.word, who, s.ID())
		if !at.IsZero() {
			d.WithRelated(at, "it may call here")
		}
		beside := ", or leave the operations out"
		if a == ask {
			beside = ", or leave the ask out"
		}
		b.unpassed(d, who, beside)
		return
	}
}

// unpassed adds to a finding why a source does not pass a waypoint, and what can be done, with the ways out beside
// those. It returns the finding.
func (b *builder) unpassed(d *diag.Diagnostic, f policy.Source, beside string) *diag.Diagnostic {
	switch {
	case f.Kind == policy.FromService && f.Service.Dataplane == policy.Gateway:
		d.WithNote("gateways connect to the pods themselves").
			WithHelp("label the Service `istio.io/ingress-use-waypoint: \"true\"`%s", beside)
	case f.Kind == policy.FromService && f.Service.Proxied():
		d.WithNote("sidecars connect to the pods themselves, past waypoints").
			WithHelp("move %s to ambient mode first%s", f.Service.ID(), beside)
	case f.Kind == policy.FromService, f.Kind == policy.FromWorld:
		d.WithNote("callers without an identity connect to the pods themselves").
			WithHelp("let a gateway be the caller%s", beside)
	default:
		d.WithNote("some of these callers have sidecars, which connect to the pods themselves, past waypoints").
			WithHelp("move all of them to ambient mode first, or name those that are%s", beside)
	}
	return d
}

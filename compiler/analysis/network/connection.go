package network

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// tunnel is the port through which pods in ambient mode are called, whatever port is meant. The network sees nothing
// else.
// https://istio.io/latest/docs/ambient/usage/networkpolicy/
const tunnel = 15008

// Connection is connections that the intents need. To is a service, or the pods of a waypoint; so is a source that is a
// service.
type Connection struct {
	From  policy.Source
	To    *policy.Service
	Ports Set
	UDP   Set

	External *policy.External // in place of To
}

// connections appends what a source of an edge needs at the ports of its rule: connections to the pods, or to a
// waypoint and from there.
func (in *Intents) connections(all []Connection, s *policy.Service, r *policy.Rule, ports Set, from policy.Source) []Connection {
	for i := range s.Deny {
		if d := &s.Deny[i]; !d.OfHTTP() && d.Includes(from) {
			ports = ports.without(portsOf(&d.Requests))
		}
	}
	if len(ports) == 0 {
		return all
	}
	udp := ports.only(s.UDP)
	past := ports
	kept := len(s.Through()) > 0
	for _, f := range s.Through() {
		some, every := in.passing(from, s, &f)
		led := ports
		if f.Target != 0 {
			led = ports.only([]uint16{f.Target})
		}
		if kept = kept && every && !s.Joining; some && len(led) > 0 {
			w := in.through[f.Waypoint.ID()].pods
			entry := setOf([]uint16{tunnel})
			if !only(s) {
				entry = led.with(tunnel)
			}
			all = append(all, Connection{From: from, To: w, Ports: setOf([]uint16{tunnel})}, Connection{From: policy.Source{Service: w}, To: s, Ports: entry})
		}
	}
	if kept {
		for _, f := range s.Through() {
			if past = past.without(setOf([]uint16{f.Target})); f.Target == 0 {
				past = nil
			}
		}
	}
	switch {
	case !ambient(s):
		if s.Dataplane != policy.Gateway && s.Proxied() && in.ambientAmong(from) {
			ports = ports.with(tunnel)
		}
		return append(all, Connection{From: from, To: s, Ports: ports, UDP: udp})
	case s.Moving: // those with a sidecar are called as ever
		return append(all, Connection{From: from, To: s, Ports: ports.with(tunnel), UDP: udp})
	case len(past) == 0 || len(s.Through()) > 0 && r.OfHTTP():
		return all
	}
	return append(all, Connection{From: from, To: s, Ports: tunnelled(s, from, past), UDP: udp})
}

// only reports whether all pods of a service are in ambient mode.
func only(s *policy.Service) bool { return ambient(s) && !s.Mixed && !s.Moving }

// tunnelled is the ports at which pods in ambient mode are called by a source, for ports of their own.
func tunnelled(s *policy.Service, from policy.Source, ports Set) Set {
	switch {
	case from.Kind == policy.FromService && !from.Service.Proxied():
		return ports
	case from.Kind == policy.FromWorld, !only(s), from.Kind == policy.FromService && (from.Service.Moving || !from.Service.Dataplane.Judged()):
		return ports.with(tunnel)
	}
	return setOf([]uint16{tunnel})
}

// ambientAmong reports whether some of the pods of a source are in ambient mode.
func (in *Intents) ambientAmong(from policy.Source) bool {
	if from.Kind == policy.FromService {
		return ambient(from.Service)
	}
	return in.tunnels[from] || from.Kind == policy.FromMesh && in.meshes[from.Mesh] == nil && in.tunnels[policy.Source{Kind: policy.FromAny}]
}

// passing reports whether some callers of a source pass the waypoint of a front of a service, and whether all do.
func (in *Intents) passing(from policy.Source, s *policy.Service, f *policy.Front) (some, all bool) {
	known, ok := in.passes[passage{from, f.Ingress, s.Moving}]
	if !ok { // a service, or the callers of a namespace that the project does not have
		return in.policy.Passes(from, s, f)
	}
	return known[0], known[1]
}

// into visits the connections that lead to the pods of a service, or of a waypoint.
func (in *Intents) into(s *policy.Service, visit func(*Connection)) {
	of := []*policy.Service{s}
	if in.isGate(s) {
		of = in.through[s.ID()].behind
	}
	for _, t := range of {
		in.about(t, func(c *Connection) {
			if c.To == s {
				visit(c)
			}
		})
	}
}

// outOf visits the connections that the pods of a service open, or those of a waypoint.
func (in *Intents) outOf(s *policy.Service, visit func(*Connection)) {
	if !in.isGate(s) {
		in.from(policy.Source{Service: s}, visit)
		return
	}
	for _, t := range in.through[s.ID()].behind {
		in.about(t, func(c *Connection) {
			if c.From.Service == s {
				visit(c)
			}
		})
	}
}

// about visits the connections that the edges to a service need.
func (in *Intents) about(s *policy.Service, visit func(*Connection)) {
	var all []Connection
	for i := range s.Allow {
		r := &s.Allow[i]
		ports := portsOf(&r.Requests)
		for _, from := range r.From {
			all = in.connections(all[:0], s, r, ports, from)
			for i := range all {
				visit(&all[i])
			}
		}
	}
}

// from visits the connections that callers open as what exactly this source stands for.
func (in *Intents) from(source policy.Source, visit func(*Connection)) {
	for e := range in.edges().From(source) {
		if e.External != nil {
			c := Connection{From: source, External: e.External}
			for _, p := range e.External.Ports {
				c.Ports = append(c.Ports, [2]uint16{p.Number, p.Number})
			}
			visit(&c)
			continue
		}
		for _, c := range in.connections(nil, e.To, e.Rule, portsOf(&e.Rule.Requests), source) {
			if c.From == source {
				visit(&c)
			}
		}
	}
}

// ofWildcards is what everyone in a namespace may call, by namespace; "" for any.
func (in *Intents) ofWildcards() map[string][]Connection {
	all := map[string][]Connection{}
	add := func(namespace string, s policy.Source) {
		in.from(s, func(c *Connection) { all[namespace] = append(all[namespace], *c) })
	}
	add("", policy.Source{Kind: policy.FromAny})
	add("", policy.Source{Kind: policy.FromWorld})
	for _, m := range in.policy.Meshes {
		add(m.Name, policy.Source{Kind: policy.FromMesh, Mesh: m.Name})
	}
	return all
}

// isGate reports whether a service is the pods of a waypoint.
func (in *Intents) isGate(s *policy.Service) bool {
	g := in.through[s.ID()]
	return g != nil && g.pods == s
}

// gates is the waypoints in a namespace, sorted by name.
func (in *Intents) gates(namespace string) (all []*policy.Service) {
	for _, g := range in.through {
		if g.pods.Namespace == namespace {
			all = append(all, g.pods)
		}
	}
	slices.SortFunc(all, func(a, b *policy.Service) int { return strings.Compare(a.Name, b.Name) })
	return all
}

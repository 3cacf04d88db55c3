package network

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// Network is a layer in force for the services of a policy.
type Network struct {
	*Layer
	intents *Intents
}

// Under is the network in which a layer is in force.
func (in *Intents) Under(l *Layer) *Network { return &Network{l, in} }

// Policy is that whose services the network is about.
func (n *Network) Policy() *policy.Policy { return n.intents.policy }

// Root is the namespace of the control plane.
func (n *Network) Root() string { return n.intents.root() }

// Step is one end of a connection, and what the network decides there.
type Step struct {
	Direction Direction
	Pods      string // whose they are
	Port      uint16 // at which the connection arrives
	Decision
}

// String is the decision in one line, with the end if it is that of the caller.
func (s Step) String() string {
	if s.Direction == Egress {
		return fmt.Sprintf("%s (%s of %s)", s.Decision, s.Direction, s.Pods)
	}
	return s.Decision.String()
}

// Reach decides whether calls of a source to a port of a service pass the network. They may take several ways, through
// waypoints and past them, and each has several ends. The step is one that stops them, or may, or else the last one.
func (n *Network) Reach(from policy.Source, to *policy.Service, port Port) (enforce.Verdict, Step) {
	var seen [enforce.Allowed + 1]bool
	var least Step
	for i, way := range n.ways(from, to, port) {
		step := n.along(way)
		seen[step.Verdict] = true
		if i == 0 || step.Verdict < least.Verdict {
			least = step
		}
	}
	switch {
	case !seen[enforce.Denied] && !seen[enforce.Undecided]:
		return enforce.Allowed, least
	case !seen[enforce.Allowed] && !seen[enforce.Undecided]:
		return enforce.Denied, least
	}
	return enforce.Undecided, least
}

// Passes is Reach for several ports, or for those that nothing names if none are given: undecided where some pass and
// others do not.
func (n *Network) Passes(from policy.Source, to *policy.Service, ports ...uint16) (verdict enforce.Verdict, step Step) {
	if len(ports) == 0 {
		ports = n.Others(to)
	}
	for i, number := range ports {
		v, at := n.Reach(from, to, Port{TCP, number})
		switch {
		case i == 0:
			verdict, step = v, at
		case v != verdict:
			verdict = enforce.Undecided
			if at.Policy != nil {
				step = at
			}
		}
	}
	return verdict, step
}

// hop is one connection of a way.
type hop struct {
	from policy.Source
	to   *policy.Service
	port Port
}

// ways is the ways that calls may take.
func (n *Network) ways(from policy.Source, to *policy.Service, port Port) (all [][]hop) {
	in := n.intents
	direct := func(ports ...uint16) {
		for _, number := range ports {
			all = append(all, []hop{{from, to, Port{port.Protocol, number}}})
		}
	}
	if port.Protocol != TCP || from.Kind == policy.FromService && !from.Service.Proxied() {
		direct(port.Number)
		return all
	}
	if !ambient(to) {
		if direct(port.Number); to.Proxied() && to.Dataplane != policy.Gateway && in.ambientAmong(from) {
			direct(tunnel)
		}
		return all
	}
	past := true
	for _, f := range to.Through() {
		some, every := in.passing(from, to, &f)
		if _, leads := f.Leads(port.Number); !leads || !some {
			continue
		}
		past = past && (!every || to.Joining)
		w := in.through[f.Waypoint.ID()].pods
		all = append(all, []hop{{from, w, Port{TCP, tunnel}}, {policy.Source{Service: w}, to, Port{TCP, tunnel}}})
	}
	if past {
		direct(tunnel)
	}
	if !only(to) || from.Kind == policy.FromWorld {
		direct(port.Number)
	}
	return all
}

// along is the first end of a way that stops it, or may, or else the last one.
func (n *Network) along(way []hop) (least Step) {
	for i, h := range way {
		for _, s := range n.ends(h) {
			if i == 0 && least.Pods == "" || s.Verdict < least.Verdict || least.Verdict == enforce.Allowed && s.Verdict == enforce.Allowed {
				least = s
			}
		}
	}
	return least
}

// Control decides whether the proxies of a service reach the control plane.
func (n *Network) Control(s *policy.Service) (enforce.Verdict, Step) {
	istiod := &policy.Service{Namespace: n.Root(), Name: "istiod", Labels: []policy.Label{{Key: "app", Value: "istiod"}}}
	step := n.along([]hop{{policy.Source{Service: s}, istiod, Port{TCP, controlPort}}})
	return step.Verdict, step
}

// Leave decides whether calls of a source to a port of an external pass the network. The step is one that stops them,
// or may, or else the last one.
func (n *Network) Leave(from policy.Source, x *policy.External, port Port) (verdict enforce.Verdict, least Step) {
	first := true
	for _, named := range x.Hosts {
		for _, host := range hostsOf(named) {
			for _, step := range n.leaves(from, Caller{Kind: OfHost, Host: host}, port) {
				switch {
				case first:
					verdict, least = step.Verdict, step
				case step.Verdict != verdict:
					verdict = enforce.Undecided
				}
				if first = false; step.Verdict < least.Verdict {
					least = step
				}
			}
		}
	}
	if first {
		verdict = enforce.Allowed
	}
	return verdict, least
}

// ends is what the network decides at both ends of a connection.
func (n *Network) ends(h hop) (all []Step) {
	all = n.leaves(h.from, callerOf(policy.Source{Service: h.to}), h.port)
	if len(all) > 0 && !n.Isolates[Ingress] {
		return all
	}
	return append(all, Step{Ingress, h.to.ID(), h.port.Number, n.For(podsOf(h.to)).Between(Ingress, callerOf(h.from), h.port, h.to.HostNetwork)})
}

// leaves is what the network decides where connections of a source begin.
func (n *Network) leaves(from policy.Source, to Caller, port Port) (all []Step) {
	leaves := func(pods Pods, name string, onNode bool) Step {
		return Step{Egress, name, port.Number, n.For(pods).Between(Egress, to, port, onNode)}
	}
	switch {
	case !n.Isolates[Egress]:
	case from.Kind == policy.FromService && !from.Service.Proxied() && len(from.Service.Pods) == 0: // no pods at all
	case from.Kind == policy.FromService:
		all = append(all, leaves(podsOf(from.Service), from.Service.ID(), from.Service.HostNetwork))
	case from.Kind == policy.FromMesh:
		all = append(all, leaves(Pods{from.Mesh, []Labels{{More: true}}}, from.String(), false))
	default: // some may get further than those that nothing is known of
		for _, m := range n.intents.policy.Meshes {
			if one := leaves(Pods{m.Name, []Labels{{More: true}}}, m.Name+"/*", false); one.Verdict != enforce.Allowed {
				one.Verdict = enforce.Undecided
				all = append(all, one)
				break
			}
		}
	}
	return all
}

// Others is ports that nothing names by themselves: one of each kind that policies tell apart.
func (n *Network) Others(s *policy.Service) (all []uint16) {
	named, edges := n.For(podsOf(s)).Named()
	for _, p := range s.Ports {
		named = append(named, p.Number)
	}
	for _, port := range append([]uint16{1}, edges...) {
		for slices.Contains(named, port) || policy.IsProxyPort(port) {
			port++
		}
		all = append(all, port)
	}
	return all
}

// podsOf is the pods of a service, which may have labels that nothing shows.
func podsOf(s *policy.Service) Pods {
	pods := PodsOf(s)
	if len(s.Pods) == 0 && !s.Unnamed {
		for i := range pods.Labels {
			pods.Labels[i].More = true
		}
	}
	return pods
}

func callerOf(f policy.Source) Caller {
	switch s := f.Service; {
	case f.Kind == policy.FromMesh:
		return Caller{Kind: OfNamespace, Namespace: f.Mesh}
	case f.Kind == policy.FromAny:
		return Caller{Kind: OfPods}
	case f.Kind == policy.FromWorld || s.HostNetwork:
		return Caller{Kind: OfEveryone}
	case s.Unnamed:
		return Caller{Kind: OfNamespace, Namespace: s.Namespace}
	case len(s.Addresses) > 0 && len(s.Pods) == 0:
		return Caller{Kind: OfAddresses, Blocks: s.Addresses}
	case s.Proxied() || len(s.Pods) > 0:
		return Caller{Kind: OfWorkload, Pods: podsOf(s)}
	}
	return Caller{Kind: OfEveryone}
}

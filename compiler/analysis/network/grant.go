package network

import (
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// The ports of a proxy that serve probes and metrics. No policy of a mesh is about them, and everyone may call them.
var agentPorts = Set{{15020, 15021}, {15090, 15090}}

// probes is the addresses from which the kubelet's probes reach pods in ambient mode.
// https://istio.io/latest/docs/ambient/usage/networkpolicy/
var probes = []netip.Prefix{netip.MustParsePrefix("169.254.7.127/32"), netip.MustParsePrefix("fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128")}

// What every pod must reach: the cluster's DNS, also where each node has a cache of it, and the control plane of its proxy.
// https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/
const (
	systemNamespace = "kube-system"
	dnsPort         = 53
	controlPort     = 15012
)

var nodeCache = []netip.Prefix{netip.MustParsePrefix("169.254.20.10/32")}

// everywhere is all addresses.
var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// Grant is who is at the other end of connections that the network lets through, and the ports to which they lead.
type Grant struct {
	Caller
	Service *policy.Service // whose pods they are, with all that have its labels
	Ports   Set
	UDP     Set
}

// has reports whether a grant is about a port.
func (g *Grant) has(p Port) bool {
	switch {
	case g.Ports.All():
		return true
	case p.Protocol == TCP:
		return g.Ports.Has(p.Number)
	}
	return p.Protocol == UDP && g.UDP.Has(p.Number)
}

// Admitted is who may call the pods of a service, or of a waypoint, and in the other direction whom they may call, as far as the
// network can tell pods and requests apart.
func (in *Intents) Admitted(d Direction, s *policy.Service) (all []Grant) {
	if d == Egress {
		return in.dialled(s)
	}
	takers := in.takers(s)
	whole := in.closed(s.Namespace)
	if u := in.unnamed[s.Namespace]; u != nil && in.stated(u) {
		whole = true
		takers = append(takers, u)
	}
	agents, probed := whole && in.agents(s.Namespace), whole && in.tunnels[policy.Source{Kind: policy.FromMesh, Mesh: s.Namespace}]
	for _, t := range takers {
		if t != s && !in.stated(t) {
			continue
		}
		in.into(t, func(c *Connection) { all = append(all, in.grants(c.From, c)...) })
		agents, probed = agents || !t.Unnamed && agent(t), probed || ambient(t)
	}
	if agents {
		all = append(all, Grant{Caller: Caller{Kind: OfEveryone}, Ports: agentPorts})
	}
	if probed {
		all = append(all, Grant{Caller: Caller{Kind: OfAddresses, Blocks: probes}, Ports: Every})
	}
	return all
}

// agent reports whether pods of a service have a proxy with ports for probes and metrics.
func agent(s *policy.Service) bool { return s.Proxied() && !only(s) }

// agents reports whether pods of a namespace that no service names may have a proxy with an agent.
func (in *Intents) agents(namespace string) bool {
	return in.meshes[namespace] != nil && !in.agentless[namespace]
}

// agentless reports whether pods of a namespace have no agents, as far as services name them.
func agentless(m *policy.Mesh) bool {
	named := func(s *policy.Service) bool { return !s.Unnamed && s.Proxied() }
	return slices.ContainsFunc(m.Services, named) && !slices.ContainsFunc(m.Services, func(s *policy.Service) bool { return named(s) && agent(s) })
}

// dialled is whom pods may call.
func (in *Intents) dialled(s *policy.Service) (all []Grant) {
	for _, t := range in.takers(s) {
		if t == s || selectable(t) {
			in.outOf(t, func(c *Connection) { all = append(all, in.grants(policy.Source{Service: c.To}, c)...) })
		}
	}
	for _, namespace := range [...]string{"", s.Namespace} {
		for _, c := range in.reach()[namespace] {
			all = append(all, in.grants(policy.Source{Service: c.To}, &c)...)
		}
	}
	dns := setOf([]uint16{dnsPort})
	all = append(all, Grant{Caller: Caller{Kind: OfNamespace, Namespace: systemNamespace}, Ports: dns, UDP: dns})
	if in.policy.Meshless { // where a cache on the node is a pod of the system
		return all
	}
	all = append(all, Grant{Caller: Caller{Kind: OfAddresses, Blocks: nodeCache}, Ports: dns, UDP: dns})
	if in.agents(s.Namespace) || in.isGate(s) {
		all = append(all, Grant{Caller: Caller{Kind: OfNamespace, Namespace: in.root()}, Ports: setOf([]uint16{controlPort})})
	}
	return all
}

// grants is what a connection comes to with the pods or addresses of one of its ends. The end of a connection to an external has no
// service.
func (in *Intents) grants(end policy.Source, c *Connection) []Grant {
	everyone := []Grant{{Caller: Caller{Kind: OfEveryone}, Ports: c.Ports, UDP: c.UDP}}
	switch end.Kind {
	case policy.FromWorld:
		return everyone
	case policy.FromAny:
		if len(in.policy.Elsewhere) > 0 {
			return everyone
		}
		return []Grant{{Caller: Caller{Kind: OfPods}, Ports: c.Ports, UDP: c.UDP}}
	case policy.FromMesh:
		if in.policy.Elsewhere[end.Mesh] != "" {
			return everyone
		}
		return []Grant{{Caller: Caller{Kind: OfNamespace, Namespace: end.Mesh}, Ports: c.Ports, UDP: c.UDP}}
	}
	s := end.Service
	if s == nil && in.policy.Meshless { // whose network knows names of hosts
		var all []Grant
		for _, host := range c.External.Hosts {
			all = append(all, Grant{Caller: Caller{Kind: OfHost, Host: host}, Ports: c.Ports, UDP: c.UDP})
		}
		return all
	}
	if s == nil {
		return []Grant{{Caller: Caller{Kind: OfAddresses, Blocks: everywhere}, Ports: c.Ports, UDP: c.UDP}}
	}
	var all []Grant
	if len(s.Addresses) > 0 {
		all = append(all, Grant{Caller: Caller{Kind: OfAddresses, Blocks: s.Addresses}, Ports: c.Ports, UDP: c.UDP})
	}
	switch {
	case in.policy.Elsewhere[s.Namespace] != "" || s.HostNetwork && len(all) == 0:
		return everyone
	case selectable(s):
		return append(all, Grant{Caller{Kind: OfWorkload, Pods: PodsOf(s), Apart: true}, s, c.Ports, c.UDP})
	case s.Unnamed || len(all) == 0:
		return append(all, Grant{Caller: Caller{Kind: OfNamespace, Namespace: s.Namespace}, Ports: c.Ports, UDP: c.UDP})
	}
	return all
}

// admits reports whether a grant is about all of a caller, some of it, or nothing.
func (g *Grant) admits(c *Caller, service *policy.Service) space.Match {
	switch g.Kind {
	case OfEveryone:
		return space.Yes
	case OfAddresses:
		switch c.Kind {
		case OfHost: // which may have any address
			return space.Maybe
		case OfAddresses:
		default:
			return space.No
		}
		most := space.No
		for _, b := range g.Blocks {
			most = max(most, (&Peer{Block: b}).covers(c.Blocks))
		}
		return most
	}
	if g.Kind == OfHost {
		if c.Kind == OfHost && within(c.Host, g.Host) {
			return space.Yes
		}
		return space.No
	}
	if c.Kind != OfWorkload {
		return space.No
	}
	switch g.Kind {
	case OfPods:
		return space.Yes
	case OfNamespace:
		if g.Namespace == c.Pods.Namespace {
			return space.Yes
		}
		return space.No
	}
	switch {
	case service == g.Service:
		return space.Yes
	case c.Pods.Namespace != g.Service.Namespace:
		return space.No
	}
	return c.Pods.match(selectorOf(g.Service))
}

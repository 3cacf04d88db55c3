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

// What every pod must reach: the cluster's DNS, also where each node has a cache of it, and the control plane of its
// proxy.
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

// granted appends who may call the pods of a service, or of a waypoint, and in the other direction whom they may call,
// as far as the network can tell pods and requests apart.
func (in *Intents) granted(all []Grant, d Direction, s *policy.Service, pods *Pods) []Grant {
	takers := in.takers(s, pods)
	if d == Egress {
		return in.dialled(all, s, takers)
	}
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
		in.into(t, func(c *Connection) { all = in.grants(all, c.From, c) })
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

// dialled appends whom pods may call.
func (in *Intents) dialled(all []Grant, s *policy.Service, takers []*policy.Service) []Grant {
	for _, t := range takers {
		if t == s || selectable(t) {
			in.outOf(t, func(c *Connection) { all = in.grants(all, policy.Source{Service: c.To}, c) })
		}
	}
	for _, namespace := range [...]string{"", s.Namespace} {
		for _, c := range in.reach()[namespace] {
			all = in.grants(all, policy.Source{Service: c.To}, &c)
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

// grants appends what a connection comes to with the pods or addresses of one of its ends. The end of a connection to
// an external has no service.
func (in *Intents) grants(all []Grant, end policy.Source, c *Connection) []Grant {
	add := func(to Caller, s *policy.Service) { all = append(all, Grant{to, s, c.Ports, c.UDP}) }
	s := end.Service
	switch {
	case end.Kind == policy.FromAny && len(in.policy.Elsewhere) == 0:
		add(Caller{Kind: OfPods}, nil)
	case end.Kind == policy.FromMesh && in.policy.Elsewhere[end.Mesh] == "":
		add(Caller{Kind: OfNamespace, Namespace: end.Mesh}, nil)
	case end.Kind != policy.FromService:
		add(Caller{Kind: OfEveryone}, nil)
	case s == nil && in.policy.Meshless: // whose network knows names of hosts
		for _, host := range c.External.Hosts {
			add(Caller{Kind: OfHost, Host: host}, nil)
		}
	case s == nil:
		add(Caller{Kind: OfAddresses, Blocks: everywhere}, nil)
	case in.policy.Elsewhere[s.Namespace] != "" || s.HostNetwork && len(s.Addresses) == 0:
		add(Caller{Kind: OfEveryone}, nil)
	default:
		if len(s.Addresses) > 0 {
			add(Caller{Kind: OfAddresses, Blocks: s.Addresses}, nil)
		}
		if selectable(s) {
			add(Caller{Kind: OfWorkload}, s)
		} else if s.Unnamed || len(s.Addresses) == 0 {
			add(Caller{Kind: OfNamespace, Namespace: s.Namespace}, nil)
		}
	}
	return all
}

// admits reports whether a grant is about all of a caller, some of it, or nothing.
func (g *Grant) admits(c *Caller, service *policy.Service) space.Match {
	switch g.Kind {
	case OfEveryone:
		return space.Yes
	case OfAddresses:
		most := space.No
		for _, b := range g.Blocks {
			most = max(most, (&Peer{Block: b}).takes(c))
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

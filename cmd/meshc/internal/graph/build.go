package graph

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// New returns the graph of a policy, without what the network refuses. The network is nil where nothing is known of it.
func New(p *policy.Policy, n *network.Network) *Graph {
	b := newBuilder(p, n)
	b.mode = func(m *policy.Mesh, s *policy.Service, port uint16) MTLS {
		switch p.ModeOf(m, s, port) {
		case policy.Strict:
			return Strict
		case policy.Permissive:
			return Permissive
		}
		return NoMTLS
	}
	for _, m := range p.Meshes {
		b.addNamespace(m)
	}
	for i := range p.Edges().All {
		b.addEdge(&p.Edges().All[i])
	}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			b.addDenies(s)
		}
	}
	b.graph.sort()
	return b.graph
}

// ends is an edge by the IDs of its caller and callee.
type ends struct{ from, to string }

func (e *Edge) ends() ends { return ends{e.From.ID, e.To.ID} }

type builder struct {
	policy  *policy.Policy
	network *network.Network                                          // nil where nothing is known of it
	mode    func(m *policy.Mesh, s *policy.Service, port uint16) MTLS // of a service without a name: that of its namespace
	graph   *Graph
	meshes  map[string]*policy.Mesh
	nodes   map[string]*Node
	edges   map[ends]*Edge
}

func newBuilder(p *policy.Policy, n *network.Network) *builder {
	return &builder{
		policy: p, network: n, graph: &Graph{Environment: p.Environment, policies: []*policy.Policy{p}},
		meshes: map[string]*policy.Mesh{}, nodes: map[string]*Node{}, edges: map[ends]*Edge{},
	}
}

func (b *builder) addNamespace(m *policy.Mesh) {
	b.meshes[m.Name] = m
	ns := Namespace{Name: m.Name, Services: len(m.Services)}
	if !m.Declares && !b.policy.Meshless {
		ns.Mode = modeNames[b.mode(m, &policy.Service{Namespace: m.Name}, 0)]
	}
	b.graph.Namespaces = append(b.graph.Namespaces, ns)
	for _, s := range m.Services {
		n := &Node{ID: s.ID(), Namespace: m.Name, Name: s.Name, Account: s.Account, Was: s.Was, At: location(s.At)}
		switch {
		case s.Unnamed:
			n.Kind = Pods
		case !s.Proxied():
			n.Kind = Outside
		case s.Dataplane == policy.Gateway:
			n.Kind = Gateway
		}
		for _, v := range s.Verifies {
			if !slices.Contains(n.Verifies, v.Issuer.Name) {
				n.Verifies = append(n.Verifies, v.Issuer.Name)
			}
		}
		for _, a := range s.Addresses {
			n.Addresses = append(n.Addresses, a.String())
		}
		for _, p := range s.Ports {
			n.Ports = append(n.Ports, b.port(s, p))
		}
		b.addNode(n)
	}
	for _, x := range m.Externals {
		n := &Node{ID: m.Name + "/" + x.Name, Kind: External, Namespace: m.Name, Name: x.Name, Hosts: x.Hosts, At: location(x.At)}
		for _, p := range x.Ports {
			n.Ports = append(n.Ports, Port{p.Number, p.Protocol.String(), NoMTLS})
		}
		b.addNode(n)
	}
}

func (b *builder) addNode(n *Node) {
	b.nodes[n.ID] = n
	b.graph.Nodes = append(b.graph.Nodes, n)
}

// addEdge enters what a rule allows one of its sources, or a source that may call an external. The policy keeps who may
// call an external, not the statements that say so.
func (b *builder) addEdge(from *policy.Edge) {
	if x := from.External; x != nil {
		e := b.edge(from.From, x.Namespace+"/"+x.Name)
		e.Allow = append(e.Allow, Rule{Ports: e.To.Ports, MTLS: NoMTLS})
		return
	}
	e := b.edge(from.From, from.To.ID())
	rule := b.rule(from.To, from.Rule)
	rule.MTLS = b.loosest(from.To, from.From, rule.Ports)
	denied := max(denied(from), b.refused(from.From, from.To, rule.Ports))
	if len(e.Allow) == 0 {
		e.MTLS, e.Denied = rule.MTLS, denied
	} else if e.MTLS = min(e.MTLS, rule.MTLS); e.Denied != denied {
		e.Denied = Part
	}
	e.Allow = append(e.Allow, rule)
	e.Token = e.Token || slices.ContainsFunc(from.Rule.Where, func(c policy.Condition) bool { return c.AsksForToken() })
	if len(e.Allow) > 1 {
		return
	}
	for i := range from.To.Ask {
		if r := &from.To.Ask[i]; slices.ContainsFunc(r.From, from.From.Meets) && !policy.Includes(r.Except, from.From) {
			e.Ask = append(e.Ask, b.rule(from.To, r))
		}
	}
}

func (b *builder) addDenies(s *policy.Service) {
	for i := range s.Deny {
		for _, from := range s.Deny[i].From {
			e := b.edge(from, s.ID())
			e.Deny = append(e.Deny, b.rule(s, &s.Deny[i]))
		}
	}
}

// modeNames are the modes as the language writes them.
var modeNames = [...]string{NoMTLS: policy.Disable.String(), Permissive: policy.Permissive.String(), Strict: policy.Strict.String()}

func (b *builder) edge(from policy.Source, to string) *Edge { return b.between(b.caller(from), to) }

func (b *builder) between(caller *Node, to string) *Edge {
	key := ends{caller.ID, to}
	if b.edges[key] == nil {
		b.edges[key] = &Edge{From: caller, To: b.nodes[to], MTLS: NoMTLS}
		b.graph.Edges = append(b.graph.Edges, b.edges[key])
	}
	return b.edges[key]
}

// caller returns the node of a source. Wildcards become nodes when they are first seen.
func (b *builder) caller(from policy.Source) *Node {
	id := from.String()
	if n := b.nodes[id]; n != nil {
		return n
	}
	n := &Node{ID: id, Name: id, Kind: World}
	switch from.Kind {
	case policy.FromMesh:
		n.Kind, n.Namespace, n.Name = AnyInNamespace, from.Mesh, "*"
	case policy.FromAny:
		n.Kind = Any
	}
	b.addNode(n)
	return n
}

func (b *builder) rule(s *policy.Service, r *policy.Rule) Rule {
	rule := Rule{Clauses: r.Clauses(), Provider: r.Provider, Because: r.Because, Until: r.Until, At: location(r.At)}
	for _, f := range r.Except {
		rule.Except = append(rule.Except, f.String())
	}
	for _, o := range r.Ops {
		rule.Operations = append(rule.Operations, o.String())
	}
	for _, number := range r.Ports {
		rule.Ports = append(rule.Ports, b.numbered(s, number))
	}
	return rule
}

// loosest returns the loosest mutual TLS of some ports of a service, of all of them if none are given, as a caller
// meets it.
func (b *builder) loosest(s *policy.Service, from policy.Source, ports []Port) MTLS {
	if from.Kind == policy.FromService && !from.Service.Proxied() {
		return NoMTLS
	}
	loosest := Strict
	if len(ports) == 0 {
		ports = b.nodes[s.ID()].Ports
		loosest = b.port(s, policy.Port{}).MTLS // of the ports that are not declared
	}
	for _, p := range ports {
		loosest = min(loosest, p.MTLS)
	}
	return loosest
}

// numbered is a port of a service, whether it is declared or not.
func (b *builder) numbered(s *policy.Service, number uint16) Port {
	p := policy.Port{Number: number}
	if i := slices.IndexFunc(s.Ports, func(p policy.Port) bool { return p.Number == number }); i >= 0 {
		p = s.Ports[i]
	}
	return b.port(s, p)
}

func (b *builder) port(s *policy.Service, p policy.Port) Port {
	port := Port{p.Number, p.Protocol.String(), NoMTLS}
	if s.Proxied() && s.Dataplane != policy.Gateway && !b.policy.Meshless { // whose listeners have a TLS of their own
		port.MTLS = b.mode(b.meshes[s.Namespace], s, p.Number)
	}
	return port
}

// location returns FILE:LINE of a span, empty for the zero span. A file may have any name, and a terminal obeys
// characters that are not printable, so those are replaced.
func location(s source.Span) string {
	if s.IsZero() {
		return ""
	}
	name := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s.File.Name)
	return fmt.Sprintf("%s:%d", name, s.StartPosition().Line)
}

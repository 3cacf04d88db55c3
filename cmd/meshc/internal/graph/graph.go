// Package graph is who may call whom as nodes and edges, and the pictures of it.
//
// It knows the checked policy and how to draw: as text, DOT, Mermaid, JSON, SVG and a page for a browser. It
// knows nothing of the language, of files or of manifests, and decides no request. Everything in it is sorted,
// so the same policy gives the same bytes.
package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Graph is who may call whom in a project.
type Graph struct {
	Environment string
	Compared    bool        // it shows what changed since another project
	Namespaces  []Namespace // sorted by name
	Nodes       []*Node     // services and externals by namespace and name, then any, then world
	Edges       []*Edge     // by caller, then by callee, in the order of Nodes
}

// Namespace is one mesh of the project.
type Namespace struct {
	Name     string
	Mode     policy.Mode // effective; ModeUnset where it only declares services of others
	Services int
}

// Kind tells what a node is.
type Kind uint8

const (
	Service  Kind = iota
	Outside       // a workload without a proxy
	Mesh          // NAMESPACE/*: whoever proves an identity of that namespace
	External      // a host outside of the mesh
	Any           // whoever proves an identity
	World         // anyone
)

func (k Kind) String() string {
	return [...]string{"service", "outside", "namespace", "external", "any", "world"}[k]
}

// Node is something that calls or is called.
type Node struct {
	ID        string // NAMESPACE/NAME, NAMESPACE/*, any or world
	Kind      Kind
	Namespace string // empty for any and world
	Name      string
	Account   string
	Hosts     []string // of an external
	Addresses []string // of an outside service
	Ports     []Port   // declared ones
	At        string   // file:line
	Change    Change   // Added or Removed
}

// Port is a port of a callee with its protocol and how strictly it wants mutual TLS.
type Port struct {
	Number   uint16
	Protocol string // empty where it is not declared
	Lock     Lock
}

// Lock is the mutual TLS that an edge has for certain.
type Lock uint8

const (
	NoLock     Lock = iota // plaintext, or TLS that is not the mesh's
	OpenLock               // permissive: mutual TLS where the caller can, plaintext is accepted too
	ClosedLock             // strict: mutual TLS or nothing
)

func (l Lock) String() string { return [...]string{"none", "permissive", "strict"}[l] }

// Edge is everything that is said of one caller and one callee.
type Edge struct {
	From, To *Node
	Lock     Lock   // the loosest of its Allow rules
	Allow    []Rule // in the order of their places
	Deny     []Rule // those that name this caller
	Denied   Extent // how much of Allow some deny takes away, also one that names more callers than this
	Change   Change
}

// Passes tells whether any request gets from the caller to the callee.
func (e *Edge) Passes() bool { return len(e.Allow) > 0 && e.Denied != Whole }

// Extent is how much of something.
type Extent uint8

const (
	None Extent = iota
	Part
	Whole
)

func (x Extent) String() string { return [...]string{"", "part", "whole"}[x] }

// Rule is one intent.
type Rule struct {
	Ports      []Port   // empty: every port of the callee, declared or not
	Operations []string // as the language writes them; empty: everything
	Lock       Lock     // the loosest of its ports; NoLock of a deny
	Because    string
	Until      string
	At         string // file:line
	Change     Change // Added or Removed
}

// Change is what became of something since the project that this one is compared with.
type Change uint8

const (
	Same    Change = iota
	Added          // of an edge: opened
	Removed        // of an edge: closed
	Changed
)

// New makes the graph of a policy.
func New(p *policy.Policy) *Graph {
	b := builder{policy: p, graph: &Graph{Environment: p.Environment}, nodes: map[string]*Node{}, edges: map[pair]*Edge{}}
	for _, m := range p.Meshes {
		b.mesh(m)
	}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			b.rules(m, s)
		}
		for _, x := range m.Externals {
			b.external(x)
		}
	}
	b.graph.sort()
	return b.graph
}

type pair struct{ from, to string }

type builder struct {
	policy *policy.Policy
	graph  *Graph
	nodes  map[string]*Node
	edges  map[pair]*Edge
}

func (b *builder) mesh(m *policy.Mesh) {
	ns := Namespace{Name: m.Name, Services: len(m.Services)}
	if !m.Declares {
		ns.Mode = b.policy.ModeOf(m, &policy.Service{}, 0)
	}
	b.graph.Namespaces = append(b.graph.Namespaces, ns)
	for _, s := range m.Services {
		n := &Node{ID: s.ID(), Namespace: m.Name, Name: s.Name, Account: s.Account, At: place(s.At)}
		if s.Outside {
			n.Kind = Outside
		}
		for _, a := range s.Addresses {
			n.Addresses = append(n.Addresses, a.String())
		}
		for _, p := range s.Ports {
			n.Ports = append(n.Ports, b.port(m, s, p))
		}
		b.add(n)
	}
	for _, x := range m.Externals {
		n := &Node{ID: m.Name + "/" + x.Name, Kind: External, Namespace: m.Name, Name: x.Name, Hosts: x.Hosts, At: place(x.At)}
		for _, p := range x.Ports {
			n.Ports = append(n.Ports, Port{Number: p.Number, Protocol: p.Protocol.String()})
		}
		b.add(n)
	}
}

func (b *builder) add(n *Node) {
	b.nodes[n.ID] = n
	b.graph.Nodes = append(b.graph.Nodes, n)
}

// rules enters the edges and denies that lead to a service.
func (b *builder) rules(m *policy.Mesh, s *policy.Service) {
	to := b.nodes[s.ID()]
	for i := range s.Allow {
		for _, from := range s.Allow[i].From {
			e := b.edge(from, to)
			rule := b.rule(m, s, &s.Allow[i], from)
			if len(e.Allow) == 0 || rule.Lock < e.Lock {
				e.Lock = rule.Lock
			}
			whole := b.denied(s, &s.Allow[i], from)
			if len(e.Allow) == 0 {
				e.Denied = whole
			} else if e.Denied != whole {
				e.Denied = Part
			}
			e.Allow = append(e.Allow, rule)
		}
	}
	for i := range s.Deny {
		for _, from := range s.Deny[i].From {
			e := b.edge(from, to)
			rule := b.rule(m, s, &s.Deny[i], from)
			rule.Lock = NoLock
			e.Deny = append(e.Deny, rule)
		}
	}
}

func (b *builder) external(x *policy.External) {
	to := b.nodes[x.Namespace+"/"+x.Name]
	for _, from := range x.Callers {
		// The policy keeps who may call an external and not the statement that says so.
		e := b.edge(from, to)
		e.Allow = append(e.Allow, Rule{Ports: to.Ports})
	}
}

func (b *builder) edge(from policy.Source, to *Node) *Edge {
	caller := b.caller(from)
	key := pair{caller.ID, to.ID}
	e := b.edges[key]
	if e == nil {
		e = &Edge{From: caller, To: to}
		b.edges[key] = e
		b.graph.Edges = append(b.graph.Edges, e)
	}
	return e
}

func (b *builder) caller(from policy.Source) *Node {
	id := from.String()
	if n := b.nodes[id]; n != nil {
		return n
	}
	n := &Node{ID: id, Name: id}
	switch from.Kind {
	case policy.FromMesh:
		n.Kind, n.Namespace, n.Name = Mesh, from.Mesh, "*"
	case policy.FromAny:
		n.Kind = Any
	default:
		n.Kind = World
	}
	b.add(n)
	return n
}

func (b *builder) rule(m *policy.Mesh, s *policy.Service, r *policy.Rule, from policy.Source) Rule {
	rule := Rule{Because: r.Because, Until: r.Until, At: place(r.At)}
	for _, o := range r.Ops {
		rule.Operations = append(rule.Operations, o.String())
	}
	plain := from.Kind == policy.FromService && from.Service.Outside
	rule.Lock = ClosedLock
	for _, number := range r.Ports {
		p := policy.Port{Number: number}
		if i := slices.IndexFunc(s.Ports, func(p policy.Port) bool { return p.Number == number }); i >= 0 {
			p = s.Ports[i]
		}
		port := b.port(m, s, p)
		rule.Ports = append(rule.Ports, port)
		rule.Lock = min(rule.Lock, port.Lock)
	}
	if len(r.Ports) == 0 {
		rule.Lock = b.port(m, s, policy.Port{}).Lock
		for _, p := range s.Ports {
			rule.Lock = min(rule.Lock, b.port(m, s, p).Lock)
		}
	}
	if plain {
		rule.Lock = NoLock
	}
	return rule
}

func (b *builder) port(m *policy.Mesh, s *policy.Service, p policy.Port) Port {
	port := Port{Number: p.Number, Protocol: p.Protocol.String()}
	if !s.Outside {
		port.Lock = lockOf(b.policy.ModeOf(m, s, p.Number))
	}
	return port
}

func lockOf(m policy.Mode) Lock {
	switch m {
	case policy.Strict:
		return ClosedLock
	case policy.Permissive:
		return OpenLock
	}
	return NoLock
}

func place(s source.Span) string {
	if s.IsZero() {
		return ""
	}
	// A file may be called anything, and a terminal obeys what is not printable.
	name := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s.File.Name)
	return fmt.Sprintf("%s:%d", name, s.StartPosition().Line)
}

func (g *Graph) sort() {
	slices.SortFunc(g.Namespaces, func(a, b Namespace) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(g.Nodes, compareNodes)
	slices.SortFunc(g.Edges, func(a, b *Edge) int {
		return cmp.Or(compareNodes(a.From, b.From), compareNodes(a.To, b.To))
	})
}

func compareNodes(a, b *Node) int {
	if (a.Namespace == "") != (b.Namespace == "") {
		return strings.Compare(b.Namespace, a.Namespace)
	}
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
}

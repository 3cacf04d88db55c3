package graph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Graph is who may call whom in a project.
type Graph struct {
	Environment string
	Compared    bool        // it shows what changed since another project
	Namespaces  []Namespace // sorted by name
	Nodes       []*Node     // by namespace, kind and name; any and world come last
	Edges       []*Edge     // by caller, then by callee, in the order of Nodes

	policies []*policy.Policy // what it shows; the later one first
}

// Namespace is one namespace of the project.
type Namespace struct {
	Name     string `json:"name"`
	Mode     string `json:"mode,omitempty"` // effective mTLS mode; empty where the project only declares services of it
	Services int    `json:"services"`
}

// title is the name with the mode.
func (ns Namespace) title() string {
	if ns.Mode == "" {
		return ns.Name
	}
	return ns.Name + " · " + ns.Mode
}

// Kind is what a node represents.
type Kind uint8

const (
	Service        Kind = iota
	Outside             // a workload without a proxy
	AnyInNamespace      // NAMESPACE/*: every caller with an identity of that namespace
	External            // a host outside the mesh
	Any                 // every caller with an identity of the mesh
	World               // every caller, with an identity or without
	Gateway             // a proxy at the edge of the mesh
	Pods                // the pods of a namespace that no service selects
)

func (k Kind) MarshalText() ([]byte, error) {
	return []byte([...]string{"service", "outside", "namespace", "external", "any", "world", "gateway", "pods"}[k]), nil
}

// isWildcard reports whether the node stands for callers that no declaration lists.
func (k Kind) isWildcard() bool { return k == AnyInNamespace || k == Any || k == World }

// isUnmeshed reports whether the node has no proxy, and so no identity.
func (k Kind) isUnmeshed() bool { return k == Outside || k == External }

// Node is something that calls or is called.
type Node struct {
	ID        string   `json:"id"` // NAMESPACE/NAME, NAMESPACE/*, any or world
	Kind      Kind     `json:"kind"`
	Namespace string   `json:"namespace,omitempty"` // empty for any and world
	Name      string   `json:"name"`
	Account   string   `json:"account,omitempty"`
	Was       []string `json:"was,omitempty"`       // accounts that its pods may still run as
	Verifies  []string `json:"verifies,omitempty"`  // issuers whose tokens it verifies, whether its edges ask for them or not
	Hosts     []string `json:"hosts,omitempty"`     // of an external
	Addresses []string `json:"addresses,omitempty"` // networks of an outside service
	Ports     []Port   `json:"ports,omitempty"`     // declared ones
	At        string   `json:"at,omitempty"`        // FILE:LINE of its declaration
	Change    Change   `json:"change,omitempty"`    // Added or Removed
}

// Port is a port of a callee.
type Port struct {
	Number   uint16 `json:"number"`
	Protocol string `json:"protocol,omitempty"` // empty where none is declared
	MTLS     MTLS   `json:"mtls"`
}

// MTLS is the mutual TLS that a callee insists on, from loose to strict.
type MTLS uint8

const (
	MTLSUnset  MTLS = iota // of a deny, which lets nothing through
	NoMTLS                 // plaintext, or TLS that is not the mesh's
	Permissive             // mutual TLS and plaintext
	Strict                 // mutual TLS only
)

func (m MTLS) MarshalText() ([]byte, error) {
	return []byte([...]string{"", "none", "permissive", "strict"}[m]), nil
}

// Edge is every rule about one caller and one callee.
type Edge struct {
	From, To *Node
	MTLS     MTLS   // the loosest of its Allow rules; NoMTLS without any
	Allow    []Rule // in the order of their positions
	Deny     []Rule // those that name this caller
	Ask      []Rule // those about this caller, or some for whom it stands
	Token    bool   // one of Allow asks for a token
	Denied   Extent // how much of Allow the callee's denies take away, also those that name more callers than this one
	Change   Change
}

// Passes reports whether any request gets from the caller to the callee.
func (e *Edge) Passes() bool { return len(e.Allow) > 0 && e.Denied != Whole }

// rules returns what allows, then what denies, then what asks.
func (e *Edge) rules() []Rule { return slices.Concat(e.Allow, e.Deny, e.Ask) }

// Extent is how much of something.
type Extent uint8

const (
	None Extent = iota
	Part
	Whole
)

func (x Extent) MarshalText() ([]byte, error) {
	return []byte([...]string{"", "part", "whole"}[x]), nil
}

// Rule is one statement that allows, denies or asks.
type Rule struct {
	Ports      []Port   `json:"ports,omitempty"`      // empty: every port of the callee, declared or not
	Operations []string `json:"operations,omitempty"` // as the language writes them; empty: everything
	Clauses    []string `json:"clauses,omitempty"`    // what else requests must be, as the language writes it
	Except     []string `json:"except,omitempty"`     // callers that are left out
	MTLS       MTLS     `json:"mtls,omitempty"`       // the loosest of its ports; unset for a deny
	Provider   string   `json:"provider,omitempty"`   // of an ask: who must let the requests through, too
	Perhaps    bool     `json:"perhaps,omitempty"`    // whether the requests pass depends on what cannot be judged
	Because    string   `json:"because,omitempty"`
	Until      string   `json:"until,omitempty"`  // YYYY-MM-DD, the last day
	At         string   `json:"at,omitempty"`     // FILE:LINE
	Change     Change   `json:"change,omitempty"` // Added or Removed
}

// restricts reports whether the rule takes away rather than allows.
func (r Rule) restricts() bool { return r.MTLS == MTLSUnset }

// Danger reports whether the edge is opened, and lets in every workload of the mesh or everybody.
func (e *Edge) Danger() bool {
	return e.Change == Added && e.Passes() && (e.From.Kind == Any || e.From.Kind == World)
}

// Change is how something differs from the project that this one is compared with.
type Change uint8

const (
	Same    Change = iota
	Added          // of an edge: opened
	Removed        // of an edge: closed
	Changed
)

func (c Change) MarshalText() ([]byte, error) {
	return []byte([...]string{"", "added", "removed", "changed"}[c]), nil
}

// edgeChanges are the words for changes of edges, which are also the names of their signs and style classes.
var edgeChanges = [...]string{Same: "", Added: "opened", Removed: "closed", Changed: "changed"}

// sign is the change as one character; empty for Same.
func (c Change) sign() string { return [...]string{"", "+", "-", "~"}[c] }

func (g *Graph) sort() {
	slices.SortFunc(g.Namespaces, func(a, b Namespace) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(g.Nodes, (*Node).compare)
	slices.SortFunc(g.Edges, func(a, b *Edge) int { return cmp.Or(a.From.compare(b.From), a.To.compare(b.To)) })
}

func (n *Node) compare(m *Node) int {
	if (n.Namespace == "") != (m.Namespace == "") {
		return strings.Compare(m.Namespace, n.Namespace)
	}
	return cmp.Or(strings.Compare(n.Namespace, m.Namespace), cmp.Compare(n.Kind, m.Kind), strings.Compare(n.Name, m.Name))
}

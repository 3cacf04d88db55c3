// Package policy is the checked policy of a project: who may call whom, as pure sorted data.
//
// It knows spans of sources and nothing of the language, of Istio or of any other target. Every fact carries the smallest
// span that states it, so that a target or an analysis can point there. A policy does not change once it has been made;
// the index of its edges is built when it is first asked for.
package policy

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Mode is whether a workload requires mutual TLS of its callers, ordered from loose to strict.
type Mode uint8

const (
	ModeUnset  Mode = iota // inherits: port, workload, namespace, mesh, else PERMISSIVE
	Disable                // plaintext only
	Permissive             // mutual TLS and plaintext
	Strict                 // mutual TLS only
)

func (m Mode) String() string { return [...]string{"", "disable", "permissive", "strict"}[m] }

// Protocol is the protocol of a port. Istio treats an undeclared one (zero) as TCP unless it detects HTTP.
type Protocol uint8

const (
	ProtocolUnset Protocol = iota
	TCP
	TLS
	HTTP
	HTTP2
	GRPC
)

func (p Protocol) String() string {
	return [...]string{"", "tcp", "tls", "http", "http2", "grpc"}[p]
}

// IsHTTP reports whether requests on such a port have methods and paths.
func (p Protocol) IsHTTP() bool { return p >= HTTP }

// Policy is a whole project in one environment.
type Policy struct {
	TrustDomain   string
	RootNamespace string
	Environment   string // empty where none was chosen
	DryRun        bool   // Istio only logs what authorization would deny

	Mode   Mode // mesh-wide; ModeUnset where the project does not state it
	ModeAt source.Span

	Meshes []*Mesh  // sorted by name
	Guards []*Guard // in the order of their spans

	index index
}

// ModeOf returns the mode that callers of a port meet: that of the port, the service, the mesh, the whole mesh, or else
// Istio's default, in this order. Port 0 is any port without a mode of its own, and the zero Service any pod of the mesh
// that no service selects.
func (p *Policy) ModeOf(m *Mesh, s *Service, port uint16) Mode {
	for _, own := range s.Ports {
		if own.Number == port && own.Mode != ModeUnset {
			return own.Mode
		}
	}
	inherited := m.Mode
	if m.Declares {
		inherited = ModeUnset
	}
	return cmp.Or(s.Mode, inherited, p.Mode, Permissive)
}

// Services returns every service, mesh by mesh.
func (p *Policy) Services() []*Service {
	var all []*Service
	for _, m := range p.Meshes {
		all = append(all, m.Services...)
	}
	return all
}

// Mesh is one namespace.
type Mesh struct {
	Name   string
	Mode   Mode // after the environment's ceiling; ModeUnset inherits the mesh-wide mode
	ModeAt source.Span

	// Declares is set where the mesh only names services of others: no mode is stated for it and no edge leads into it, so
	// nothing closes it. Its denies and the modes of its workloads still hold.
	Declares bool

	Files     []string // the sources that open it, sorted
	At        source.Span
	Services  []*Service  // sorted by name
	Externals []*External // sorted by name
	Groups    []Group     // sorted by name
	Exported  []Operation // of exports: none of them is emitted, but a target must be able to express them
}

// Group is a name for several services. Rules have the services themselves.
type Group struct {
	Name    string
	Members []*Service // sorted
}

// Service is one workload: what shares a selector and an identity.
type Service struct {
	Namespace   string
	Name        string
	Account     string      // empty where it has none (outside)
	Labels      []Label     // selects its pods; sorted by key, never empty for a service inside the mesh
	Ports       []Port      // sorted by number
	Mode        Mode        // of the workload; ModeUnset inherits
	ModeAt      source.Span // the statement of its mode, or the first one of the mode of a port
	Dataplane   Dataplane
	DataplaneAt source.Span    // what makes it another than a sidecar; else zero
	Addresses   []netip.Prefix // of a service without a proxy; sorted
	Hosts       []string       // names of the Kubernetes Services in front of it, sorted; empty: Name
	At          source.Span    // its declaration, or its workload manifest

	Allow []Rule // edges that lead here, in the order of their spans
	Deny  []Rule
}

// Dataplane is what stands between a workload and its callers.
type Dataplane uint8

const (
	Sidecar Dataplane = iota // a proxy in each of its pods
	Ambient                  // ztunnel on its node, which enforces rules for connections but sees no requests
	NoProxy                  // nothing: no identity, no mutual TLS, and no policy is enforced
	Gateway                  // a proxy at the edge of the mesh, whose listeners have a TLS of their own
	Unjudged                 // a waypoint in front of it, or a library in place of a proxy: what these let through is not judged
)

// Proxied reports whether a proxy enforces policies for the service and proves its identity to others.
func (s *Service) Proxied() bool { return s.Dataplane != NoProxy }

// Identity is who the service proves to be in a trust domain; the zero Identity where it has none, or none is known.
func (s *Service) Identity(trustDomain string) Identity {
	if !s.Proxied() || s.Account == "" {
		return Identity{}
	}
	return Identity{trustDomain, s.Namespace, s.Account}
}

// Selector is the labels that select the pods of the service.
func (s *Service) Selector() map[string]string {
	labels := make(map[string]string, len(s.Labels))
	for _, l := range s.Labels {
		labels[l.Key] = l.Value
	}
	return labels
}

// ID is NAMESPACE/NAME.
func (s *Service) ID() string { return s.Namespace + "/" + s.Name }

// Label is one pair of a selector.
type Label struct{ Key, Value string }

// Port is a container port.
type Port struct {
	Number   uint16
	Protocol Protocol
	Mode     Mode // of the port alone; ModeUnset inherits
}

// Rule is one intent as it bears on one callee: any of From, on any of Ports, doing any of Ops.
type Rule struct {
	From    []Source
	FromAt  []source.Span // of each source, parallel to From
	ToAt    source.Span   // of the callee
	Ports   []uint16      // sorted; empty: every port, declared or not
	Ops     []Operation   // empty: everything. Where not empty, Ports is not either and all are HTTP
	Where   []Condition   // all must hold; empty: always
	Because string
	Until   string // YYYY-MM-DD
	At      source.Span
}

// SourceAt returns the span of a source, or that of the rule where it has none.
func (r *Rule) SourceAt(i int) source.Span {
	if i < len(r.FromAt) {
		return r.FromAt[i]
	}
	return r.At
}

// Leads reports whether a rule is about a port.
func (r *Rule) Leads(port uint16) bool { return len(r.Ports) == 0 || slices.Contains(r.Ports, port) }

// SourceKind is what a Source is.
type SourceKind uint8

const (
	FromService SourceKind = iota // one service: its account, or its addresses where it is outside
	FromMesh                      // every caller that proves an identity of one namespace
	FromAny                       // every caller that proves an identity
	FromWorld                     // every caller, with or without an identity
)

// Source is who may call.
type Source struct {
	Kind    SourceKind
	Service *Service // FromService
	Mesh    string   // FromMesh
}

func (s Source) String() string {
	switch s.Kind {
	case FromService:
		return s.Service.ID()
	case FromMesh:
		return s.Mesh + "/*"
	case FromAny:
		return "any"
	}
	return "world"
}

// Includes reports whether every caller that f stands for is one that s stands for.
func (s Source) Includes(f Source) bool {
	proved := f.Kind == FromMesh || f.Kind == FromAny || f.Kind == FromService && f.Service.Proxied()
	switch s.Kind {
	case FromWorld:
		return true
	case FromAny:
		return proved
	case FromMesh:
		return f == s || f.Kind == FromService && proved && f.Service.Namespace == s.Mesh
	}
	return f == s
}

// Includes reports whether one of the sources includes f.
func Includes(sources []Source, f Source) bool {
	return slices.ContainsFunc(sources, func(s Source) bool { return s.Includes(f) })
}

// Operation is HTTP methods on one path. Empty Methods: every method; empty Path: every path.
type Operation struct {
	Methods []string // sorted
	Path    string   // exact, `prefix*`, `*suffix`, `*`, or a template with {*} and {**}
	At      source.Span
}

// Condition is what else a request must be, in one dimension that neither ports, methods nor paths have.
type Condition struct {
	Dimension string   // the name of a dimension of compiler/analysis/space
	Values    []string // any of them, each with a wildcard at one end at most; sorted, never empty
	Not       bool     // none of them
	At        source.Span
}

// External is a host outside the mesh, declared in one namespace.
type External struct {
	Namespace string
	Name      string
	Hosts     []string // sorted; `*.example.com` is a wildcard
	Ports     []ExternalPort
	Callers   []Source // who has an edge to it, sorted
	At        source.Span
}

// ExternalPort is a port of an external.
type ExternalPort struct {
	Number    uint16
	Protocol  Protocol
	Originate bool // the application speaks plain HTTP and its sidecar opens the TLS connection
}

// GuardKind is one of the three statements that judge a policy.
type GuardKind uint8

const (
	Never GuardKind = iota
	Always
	Only
)

func (k GuardKind) String() string { return [...]string{"never", "always", "only"}[k] }

// Guard is a statement about the policy that must hold.
type Guard struct {
	Kind       GuardKind
	From       []Source
	To         []*Service // none: it is about nothing, and holds
	Ports      []uint16   // empty: every port
	Ops        []Operation
	Transitive bool
	Except     []Source
	Because    string
	At         source.Span
}

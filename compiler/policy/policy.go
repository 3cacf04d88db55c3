// Package policy is the checked policy of a project: who may call whom, as pure sorted data.
//
// It knows spans of sources, but not the language, Istio or any other target. Every fact carries the smallest span
// that states it, so that a target or an analysis can point there. A policy is immutable; the index of its edges is
// built on first use.
package policy

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Mode says whether a workload requires mutual TLS of its callers. Modes are ordered from loose to strict.
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
	Previous      []string          // trust domains that the mesh had, whose identities its workloads may still have; sorted
	Elsewhere     map[string]string // the trust domain of each namespace that is in another mesh
	RootNamespace string
	Environment   string // empty where none was chosen
	DryRun        bool   // Istio only logs what authorization would deny
	Meshless      bool   // there are no proxies and no mutual TLS: the network of the cluster knows its pods

	Mode   Mode // mesh-wide; ModeUnset where the project does not state it
	ModeAt source.Span

	// ClosedAt is what closes every namespace of the mesh, declared or not; zero where nothing does.
	ClosedAt source.Span

	Meshes []*Mesh  // sorted by name
	Guards []*Guard // in the order of their spans

	index index
}

// ModeOf returns the mode that callers of a port meet: the first one that is set for the port, the service, its
// namespace and the whole mesh, or else Istio's default. Port 0 stands for the ports without a mode of their own, and
// the zero Service for the pods of the namespace that no service selects.
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
	n := 0
	for _, m := range p.Meshes {
		n += len(m.Services)
	}
	all := make([]*Service, 0, n)
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

	// Declares is set if the section only declares services, such as those of another team: no mode is stated for it
	// and no edge leads into it, so nothing closes the namespace. Its denies and the modes of its workloads are still
	// emitted.
	Declares bool

	// Closed is set if the whole mesh is: every call needs an edge, in this namespace as in all others.
	Closed bool

	// Ambient is set if pods of which nothing else is known are in ambient mode.
	Ambient bool

	// Moving is set if its pods move from sidecars to ambient mode. Until the namespace is labelled for it, it is
	// Unlabelled.
	Moving, Unlabelled bool

	// Binding is the labels of its Namespace that say which waypoints calls to its Services pass, as the manifests have
	// them.
	Binding []Label

	// Open is set if the namespace itself is not closed, although it has edges or a mode: a service is closed by its
	// own edges.
	Open bool

	Files     []string // the sources that open it, sorted
	At        source.Span
	Services  []*Service  // sorted by name
	Externals []*External // sorted by name
	Groups    []Group     // sorted by name
	Exported  []Operation // of its exports: not emitted by themselves, but a target must be able to express them
}

// Group is a name for several services. Rules have the services themselves.
type Group struct {
	Name    string
	Members []*Service // sorted
}

// Closes reports whether calls to a service of the mesh need an edge: the whole mesh or the namespace is closed, or the
// service by its own edges.
func (m *Mesh) Closes(s *Service) bool { return m.Closed || !m.Declares && !m.Open || len(s.Allow) > 0 }

// Service is one workload: pods with one selector and one identity.
type Service struct {
	Namespace    string
	Name         string
	Account      string              // empty where it has none (outside)
	Was          []string            // accounts that its pods may still run as, while they move to Account; sorted
	Partial      bool                // its pods may have labels that are not known
	Labels       []Label             // selects its pods; sorted by key, never empty for a service inside the mesh
	Pods         []map[string]string // the labels of its pods, of each workload among the manifests; empty: no manifest shows them
	Guessed      bool                // Labels follow from no more than its name
	HostNetwork  bool                // some of its pods have the addresses of their nodes
	Ports        []Port              // sorted by number
	Mode         Mode                // of the workload; ModeUnset inherits
	ModeAt       source.Span         // the statement of its mode, or the first one of the mode of a port
	Dataplane    Dataplane
	OwnSidecar   bool           // its pods have sidecars by their own manifests, whatever the labels of their namespace are
	Mixed        bool           // in ambient mode, but for some of its pods
	DataplaneAt  source.Span    // what says so; zero for a sidecar
	DataplaneWhy string         // that in words: `its injection template is gateway`
	DataplaneWay string         // where nothing is judged, what would let it be
	Moving       bool           // Ambient, and some of its pods may still have a sidecar
	Joining      bool           // Ambient, and calls to its Services may pass their waypoint or not
	Inbound      Captures       // which of its ports the proxy sees
	Outbound     Captures       // by the port that it dials
	UDP          []uint16       // ports that no proxy sees, sorted
	Addresses    []netip.Prefix // of a service without a proxy; sorted
	Hosts        []string       // names of the Kubernetes Services in front of it, sorted; empty: Name
	Fronts       []Front        // the ports of these, sorted; empty where they are not known
	Routes       []Route        // of a gateway: where it passes calls on to, sorted by place
	Routed       bool           // of a gateway: it passes calls on to nowhere else
	Clients      Clients        // of a gateway: where it has the addresses of callers outside the mesh
	Issuers      []*Issuer      // whose tokens it verifies, sorted by name; where there are any, other tokens are refused
	Verifies     []Verification // of these, those that a statement names, in the order of their spans
	At           source.Span    // its declaration, or its workload manifest

	// Unnamed is set for what stands for all pods of the namespace that no service selects. It has no labels and no
	// account.
	Unnamed bool

	Allow []Rule // edges that lead here, in the order of their spans
	Deny  []Rule
	Ask   []Rule // what a provider must let through, too; of one provider, and not in dry-run
}

// EveryPod is what stands for every pod of the namespace; nil where nothing does.
func (m *Mesh) EveryPod() *Service {
	if i := slices.IndexFunc(m.Services, func(s *Service) bool { return s.Unnamed }); i >= 0 {
		return m.Services[i]
	}
	return nil
}

// Front is a port of a Kubernetes Service in front of a workload.
type Front struct {
	Host   string // the name of the Service
	Port   uint16
	Target uint16 // the container port that it leads to

	Headless bool // the Service has no address of its own
	Operated bool // an operator makes the Service, of an object of its own

	Waypoint *Waypoint // that calls to it in ambient mode pass; nil: none
	Idle     *Waypoint // that calls to it would pass if that took calls to Services
	Ingress  bool      // gateways pass it too
	Unbound  bool      // its own label says that calls pass none
	Canary   bool      // the waypoint is the one that a share of the calls passes in place of another
}

// CompareFronts orders fronts by Service, then port. A canary comes after the waypoint whose place it takes.
func CompareFronts(a, b Front) int {
	canary := 0
	switch {
	case a.Canary && !b.Canary:
		canary = 1
	case b.Canary && !a.Canary:
		canary = -1
	}
	return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Target, b.Target), canary)
}

// Dataplane is what stands between a workload and its callers.
type Dataplane uint8

const (
	Sidecar   Dataplane = iota // a proxy in each of its pods
	Ambient                    // ztunnel on its node, which enforces rules for connections but sees no requests; waypoints may
	NoProxy                    // nothing: no identity, no mutual TLS, and no policy is enforced
	Gateway                    // a proxy at the edge of the mesh, whose listeners have a TLS of their own
	Unjudged                   // proxies of another kind, or a waypoint in front of them: what these let through is not judged
	Proxyless                  // a library in place of a proxy, which only some servers of a process use: not judged either
)

// Judged reports whether it is known what is let through to a workload.
func (d Dataplane) Judged() bool { return d != Unjudged && d != Proxyless }

// Proxied reports whether a proxy enforces policies for the service and proves its identity to others.
func (s *Service) Proxied() bool { return s.Dataplane != NoProxy }

// RunsAs reports whether pods of the service may run as an account.
func (s *Service) RunsAs(account string) bool {
	return s.Proxied() && (s.Account == account || slices.Contains(s.Was, account))
}

// Selector is the labels that select the pods of the service.
func (s *Service) Selector() map[string]string {
	labels := make(map[string]string, len(s.Labels))
	s.Select(labels)
	return labels
}

// Select adds the labels that select the pods of the service.
func (s *Service) Select(labels map[string]string) {
	for _, l := range s.Labels {
		labels[l.Key] = l.Value
	}
}

// ID is NAMESPACE/NAME; NAME of a caller that is in no namespace.
func (s *Service) ID() string {
	if s.Namespace == "" {
		return s.Name
	}
	return s.Namespace + "/" + s.Name
}

// Leading returns the ports of Kubernetes Services through which a sidecar or a gateway reaches a container port. A
// headless Service translates no ports for sidecars, which connect to the pods that its name stands for; gateways have
// its endpoints: convertResolution in pilot/pkg/networking/core/cluster.go of istio/istio.
func (s *Service) Leading(port uint16, toGateway bool) (all []Front) {
	for _, f := range s.Fronts {
		if f.Target == port && (toGateway || !f.Headless || f.Port == f.Target) {
			all = append(all, f)
		}
	}
	return all
}

// Label is one pair of a selector.
type Label struct{ Key, Value string }

// Port is a container port.
type Port struct {
	Number   uint16
	Protocol Protocol
	Mode     Mode // of the port alone; ModeUnset inherits
}

// Rule is what one intent says about one callee: any of From may (or, in Deny, must not) do any of Ops on any of Ports.
type Rule struct {
	From   []Source
	FromAt []source.Span // of each source, parallel to From
	Except []Source      // callers of From that are left out
	ToAt   source.Span   // of the callee

	// EveryPod is set if the rule is about every pod of the namespace: all services there have it, and one object
	// states it. With EveryMesh, too, it is about those of every namespace, and the object is in the root namespace.
	EveryPod, EveryMesh bool

	Requests
	Provider   string // of an ask: the name that the mesh has for who decides
	ProviderAt source.Span
	Because    string
	Until      string // YYYY-MM-DD
	At         source.Span
}

// Rules returns what is stated about a service: its edges, denies and asks.
func (s *Service) Rules() [3][]Rule { return [...][]Rule{s.Allow, s.Deny, s.Ask} }

// SourceAt returns the span of a source, or that of the rule where it has none.
func (r *Rule) SourceAt(i int) source.Span {
	if i < len(r.FromAt) {
		return r.FromAt[i]
	}
	return r.At
}

// Includes reports whether a rule is surely about all callers that a source stands for.
func (r *Rule) Includes(f Source) bool {
	return Includes(r.From, f) && !slices.ContainsFunc(r.Except, func(e Source) bool { return e.Meets(f) })
}

// SourceKind says which callers a Source stands for.
type SourceKind uint8

const (
	FromService SourceKind = iota // one service, by its account, or by its addresses if it has no proxy
	FromMesh                      // every caller with an identity of one namespace (NAMESPACE/*)
	FromAny                       // every caller with an identity (any)
	FromWorld                     // every caller, with or without an identity (world)
)

// Source is the callers of a rule: one service, or all callers of a kind.
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

// Includes reports whether s stands for every caller that f stands for.
func (s Source) Includes(f Source) bool {
	identified := f.Kind == FromMesh || f.Kind == FromAny || f.Kind == FromService && f.Service.Proxied()
	switch s.Kind {
	case FromWorld:
		return true
	case FromAny:
		return identified
	case FromMesh:
		return f == s || f.Kind == FromService && identified && f.Service.Namespace == s.Mesh
	}
	return f == s
}

// Meets reports whether two sources may stand for the same caller.
func (s Source) Meets(f Source) bool {
	return s.Includes(f) || f.Includes(s)
}

// Includes reports whether one of the sources includes f.
func Includes(sources []Source, f Source) bool {
	return slices.ContainsFunc(sources, func(s Source) bool { return s.Includes(f) })
}

// Operation is HTTP methods on one path. Empty Methods: every method; empty Path: every path.
type Operation struct {
	Methods []string // sorted
	Path    string   // exact, `prefix*`, `*suffix`, `*`, or a template with {*} and {**}
	Quoted  bool     // the path is taken as meant, with a star in its middle that stands for itself
	Every   bool     // {*} and {**} stand for all text, not only for what the template of a proxy takes
	At      source.Span
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

// ID returns the name of an external with its namespace.
func (x *External) ID() string { return x.Namespace + "/" + x.Name }

// ExternalPort is a port of an external.
type ExternalPort struct {
	Number    uint16
	Protocol  Protocol
	Originate bool // the application speaks plain HTTP and its sidecar opens the TLS connection
}

// GuardKind is the statement of a guard.
type GuardKind uint8

const (
	Never GuardKind = iota
	Always
	Only
)

func (k GuardKind) String() string { return [...]string{"never", "always", "only"}[k] }

// Guard is a statement that the policy must satisfy.
type Guard struct {
	Kind GuardKind
	From []Source
	To   []*Service // empty: the guard applies to nothing and holds
	Requests
	Transitive bool
	Except     []Source
	Because    string
	At         source.Span
}

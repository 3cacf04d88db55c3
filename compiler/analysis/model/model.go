// Package model compares a policy with the manifests that enforce it.
//
// Proof: all requests to a service are divided into classes that neither its rules nor its manifests distinguish. For
// each class of operations, the set of callers that the rules admit must equal the set that the manifests admit. There
// are finitely many classes, so this is exact and nothing is sampled. Where manifests say word for word what the rules
// mean, as they do for most services, no classes are needed.
//
// Guards (never, always, only) are judged on what the manifests allow, whatever the rules say.
//
// Call graph: its nodes are services and wildcards (any, world, NS/*). Whatever a wildcard may call is reached through
// a virtual node that its members feed.
//
// The package does not know how manifests are written, and shares no code with what emits them.
package model

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Model is the services of a policy and the manifests that bind them.
type Model struct {
	Policy    *policy.Policy
	Manifests *enforce.Layer
	Network   *network.Network // what connections pass before; nil where nothing is known of the network

	meshes     map[string]*policy.Mesh
	principals map[*policy.Service][]string // of the services of the policy: they are asked for often
	services   map[string]*policy.Service   // the first that has each principal by its present account

	callers func() (map[*policy.Service]*Callers, error) // takes as long as the proof does

	othersNamed func() map[string]bool // accounts that manifests name and that others are called like
	graph       func() (*CallGraph, error)

	indices sync.Map // of RuleFor, by the first rule
	lists   sync.Map // of AddSources: the identities of long lists
	last    sync.Map // of lastCallers

	// Package space represents callers that no rule names by accounts and namespaces called other…. A project that has
	// such names itself has them distinguished everywhere, so that its own are never mistaken for the representatives.
	namesakes space.Distinctions

	scope     policy.Scope // outside of which the model is the same as
	elsewhere *Model       // this one; nil: nothing is known to be

	passing func() map[string]map[string]bool // the tokens that services pass on
}

// New makes a model. The rules of the policy are the intents; a policy without rules serves where there are
// manifests only.
func New(p *policy.Policy, manifests *enforce.Layer) *Model {
	if a := aside(p, false); a != nil && manifests.Mesh.Aside == nil {
		with := *manifests
		with.Mesh.Aside = a
		manifests = &with
	}
	m := &Model{Policy: p, Manifests: manifests, meshes: make(map[string]*policy.Mesh, len(p.Meshes)), principals: map[*policy.Service][]string{}, services: map[string]*policy.Service{}}
	m.callers = sync.OnceValues(m.allCallers)
	m.othersNamed = sync.OnceValue(m.allOthersNamed)
	m.passing = sync.OnceValue(p.Passing)
	m.graph = sync.OnceValues(func() (*CallGraph, error) {
		graphs, err := CallGraphs(m)
		if err != nil {
			return nil, err
		}
		return graphs[0], nil
	})
	for _, mesh := range p.Meshes {
		m.meshes[mesh.Name] = mesh
		if strings.HasPrefix(mesh.Name, "other") {
			m.namesakes.Callers = append(m.namesakes.Callers, space.Is(space.Identity, space.NamespacePattern(mesh.Name)))
		}
		for _, s := range mesh.Services {
			for i, id := range p.Identities(s) {
				principal := id.String()
				m.principals[s] = append(m.principals[s], principal)
				if strings.HasPrefix(id.Account, "other") {
					m.namesakes.Callers = append(m.namesakes.Callers, space.Is(space.Identity, space.PrincipalPattern(principal)))
				}
				if i == 0 && m.services[principal] == nil {
					m.services[principal] = s
				}
			}
		}
	}
	return m
}

// Like is a model with the callers of this one outside of some namespaces, where both are the same. It needs no
// manifests there.
func (m *Model) Like(p *policy.Policy, scope policy.Scope, manifests *enforce.Layer) *Model {
	like := New(p, manifests)
	like.scope, like.elsewhere = scope, m
	return like
}

// Mesh is the namespace of a name; nil where the policy has none.
func (m *Model) Mesh(name string) *policy.Mesh { return m.meshes[name] }

// MeshSettings is what the analysis must know of the mesh of a policy. Where a policy is in dry-run, manifests in
// dry-run are judged as if they were enforced; elsewhere they enforce nothing.
func MeshSettings(p *policy.Policy) enforce.Mesh {
	return enforce.Mesh{TrustDomain: p.TrustDomain, Aliases: p.Previous, RootNamespace: p.RootNamespace, Shadow: p.DryRun, Meshless: p.Meshless}
}

// Callee is where a service is protected: the policies that bind it, and the ports that its proxy sees.
func (m *Model) Callee(s *policy.Service) *enforce.Point {
	w := enforce.WorkloadOf(s)
	w.Partial, w.Inbound = s.Partial, &s.Inbound
	return m.Manifests.For(w)
}

// bound is the policies that bind a service, as if its proxy saw every port: what manifests can answer for.
func (m *Model) bound(s *policy.Service) *enforce.Point {
	return m.boundBy(&enforce.Point{}, s.Selector(), s)
}

// boundBy is the same, given the labels that select the pods of the service, in the memory of a point that nothing
// looks at.
func (m *Model) boundBy(at *enforce.Point, labels map[string]string, s *policy.Service) *enforce.Point {
	m.Manifests.Bind(at, enforce.Workload{Namespace: s.Namespace, Labels: labels, Dataplane: s.Dataplane, Own: s.OwnSidecar, Fronts: s.Fronts})
	return at
}

// Principal is the identity of a service by its present account, empty where it has none.
func (m *Model) Principal(s *policy.Service) string {
	if all := m.Principals(s); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Principals is every identity that a service may call with, as policy.Identities has them: the present one first.
func (m *Model) Principals(s *policy.Service) []string {
	if all, ok := m.principals[s]; ok {
		return all
	}
	var all []string
	for _, id := range m.Policy.Identities(s) {
		all = append(all, id.String())
	}
	return all
}

// AddressOf is where the requests to a service have the address of a caller outside the mesh. The service may be nil,
// if it is not known.
func AddressOf(s *policy.Service) space.Dimension {
	if s != nil && s.Clients.Address == policy.AddressForwarded {
		return space.RemoteAddress
	}
	return space.SourceAddress
}

// MatchesSource reports whether a caller of a service is one of those that a source of the language means.
func (m *Model) MatchesSource(to *policy.Service, caller space.Source, s policy.Source) bool {
	switch s.Kind {
	case policy.FromWorld:
		return true
	case policy.FromAny:
		return caller.Identity() != ""
	case policy.FromMesh:
		return strings.Contains(caller.Identity(), policy.NamespacePart+s.Mesh+policy.AccountPart)
	}
	if s.Service.Proxied() {
		return caller.Identity() != "" && slices.Contains(m.Principals(s.Service), caller.Identity())
	}
	address := caller.Address(AddressOf(to))
	return caller.Identity() == "" && address.IsValid() && slices.ContainsFunc(s.Service.Addresses, func(a netip.Prefix) bool { return a.Contains(address) })
}

// MatchesAnySource reports whether a caller of a service is one of those that some sources of the language mean.
func (m *Model) MatchesAnySource(to *policy.Service, caller space.Source, sources []policy.Source) bool {
	for _, s := range sources {
		if m.MatchesSource(to, caller, s) {
			return true
		}
	}
	return false
}

// Represents reports whether a class of callers of a service is the usual one of a source: a service outside the mesh
// calls from its addresses and without an identity, everyone with an identity from an address that no rule names.
func (m *Model) Represents(to *policy.Service, caller space.Source, s policy.Source) bool {
	switch {
	case s.Kind == policy.FromWorld:
		return true
	case s.Kind == policy.FromService && !s.Service.Proxied():
		return m.MatchesSource(to, caller, s)
	}
	return caller.Elsewhere && m.MatchesSource(to, caller, s)
}

func (m *Model) representsAny(to *policy.Service, caller space.Source, sources []policy.Source) bool {
	for _, s := range sources {
		if m.Represents(to, caller, s) {
			return true
		}
	}
	return false
}

// Unproven reports whether a class of callers with an identity cannot be met at a port, because the port has no mutual
// TLS and so knows callers by their addresses alone: a caller at an address that rules name is the one that they mean.
func Unproven(caller space.Source, mode enforce.Mode) bool {
	return caller.Identity() != "" && mode == enforce.Disable && !caller.Elsewhere
}

// Distinctions is what the rules of a service distinguish: no class of requests may straddle one of them.
func (m *Model) Distinctions(s *policy.Service) space.Distinctions {
	a := space.Distinctions{Callers: slices.Clone(m.namesakes.Callers)}
	for _, rules := range s.Rules() {
		for i := range rules {
			m.AddSources(&a, s, rules[i].From)
			m.AddSources(&a, s, rules[i].Except)
			m.AddRequests(&a, &rules[i].Requests)
		}
	}
	for _, p := range s.Ports {
		a.Operations = append(a.Operations, space.Box{space.Is(space.Port, space.PortPattern(p.Number))})
	}
	for _, i := range s.Issuers {
		a.From = append(a.From, tokensOf(i))
	}
	return a
}

// AddSources has sources of the language distinguished from other callers of a service.
func (m *Model) AddSources(a *space.Distinctions, to *policy.Service, sources []policy.Source) {
	l, long := listOf(sources)
	if long {
		if is, ok := m.lists.Load(l); ok {
			a.Callers = append(a.Callers, is.(space.Condition))
			return
		}
	}
	identities := make([]space.Pattern, 0, len(sources))
	for _, f := range sources {
		switch {
		case f.Kind == policy.FromMesh:
			identities = append(identities, space.NamespacePattern(f.Mesh))
		case f.Kind != policy.FromService:
		case !f.Service.Proxied():
			for _, block := range f.Service.Addresses {
				a.Callers = append(a.Callers, space.Is(AddressOf(to), space.BlockPattern(block)))
			}
		default:
			for _, principal := range m.Principals(f.Service) {
				identities = append(identities, space.PrincipalPattern(principal))
			}
		}
	}
	if len(identities) == 0 {
		return
	}
	is := space.Is(space.Identity, identities...)
	if a.Callers = append(a.Callers, is); long {
		m.lists.Store(l, is)
	}
}

// Occurs reports whether a class of requests can occur at a service: a port that is declared as HTTP carries no
// other requests, and one that is declared as something else carries no HTTP that a proxy would see.
func Occurs(s *policy.Service, r *space.Request) bool {
	for _, p := range s.Ports {
		if p.Number == r.Port() && p.Protocol != policy.ProtocolUnset {
			return p.Protocol.IsHTTP() == r.HTTP
		}
	}
	return true
}

// Concerns reports whether a statement about ports of a service, or about every port where it has none, is about one:
// the ports of a proxy itself are meant only where they are named.
func Concerns(s *policy.Service, ports []uint16, port uint16) bool {
	return len(ports) > 0 || !s.Inbound.Of(port).Own
}

// Matches reports whether a request is to one of the ports and does one of the operations of some requests. Their other
// conditions do not count.
func Matches(r *space.Request, q *policy.Requests) bool {
	if len(q.Ports) > 0 && !slices.Contains(q.Ports, r.Port()) {
		return false
	}
	if len(q.Ops)+len(q.Without) == 0 || q.Widened && !r.HTTP {
		return true
	}
	does := func(o policy.Operation) bool { return o.Matches(r.Text(space.Method), r.Text(space.Path)) }
	return r.HTTP && (len(q.Ops) == 0 || slices.ContainsFunc(q.Ops, does)) && !slices.ContainsFunc(q.Without, does)
}

// Split is every class of requests to a service that its policies, its intents or the extra distinctions distinguish.
type Split struct {
	*enforce.Classes
	Service     *policy.Service
	ByOperation bool // conditions distinguish what is HTTP's
}

// Split splits the requests to a service. What it returns is valid until the next use of the classifier.
func (m *Model) Split(classifier *enforce.Classifier, s *policy.Service, extra space.Distinctions) (*Split, error) {
	return m.splitWith(classifier, s, m.Callee(s), extra)
}

func (m *Model) splitWith(splitter *enforce.Classifier, s *policy.Service, at *enforce.Point, extra space.Distinctions) (*Split, error) {
	if err := m.known(s); err != nil {
		return nil, err
	}
	a := m.Distinctions(s)
	a.Callers = append(a.Callers, extra.Callers...)
	a.From = append(a.From, extra.From...)
	a.Operations = append(a.Operations, extra.Operations...)
	split, err := splitter.Classes(a, at)
	return &Split{split, s, m.Manifests.Table.HTTP(a.Operations)}, AtService(s, err)
}

// Target is the service, port and operation of a request, in the words of the language: what no rule tells
// apart is left out.
func (s *Split) Target(r *space.Request) string {
	text := s.Service.ID()
	if r.Port() != s.Other.Port() {
		text += ":" + strconv.Itoa(int(r.Port()))
	}
	if words := s.Words(r, s.ByOperation); words != "" {
		text += " " + words
	}
	return text
}

// Witness is a request in the words of the language, and what becomes of it.
func (s *Split) Witness(caller string, r *space.Request, allowed bool) string {
	verb := "may not call"
	if allowed {
		verb = "may call"
	}
	return caller + " " + verb + " " + s.Target(r)
}

// MarkOpen sets open for each class of callers that gets through with a class of operations, or may.
func (s *Split) MarkOpen(r *enforce.Class, open []bool) {
	s.MarkAllowed(r, open)
	s.mark(r.Outcomes[0].Undecided, r, open)
}

// MarkAllowed does the same for the classes that surely get through.
func (s *Split) MarkAllowed(r *enforce.Class, open []bool) { s.mark(r.Outcomes[0].Allowed, r, open) }

func (s *Split) mark(set space.Set, r *enforce.Class, open []bool) {
	for n := range set.All() {
		open[n] = open[n] || !Unproven(s.Sources[n], r.Outcomes[0].Mode)
	}
}

// DeniesByDefault reports whether an ALLOW policy binds a workload, so that what no rule allows is denied.
func DeniesByDefault(c *enforce.Point) bool {
	return slices.ContainsFunc(c.Policies, func(p *enforce.Object) bool { return p.Effect == enforce.Allow && !p.DryRun })
}

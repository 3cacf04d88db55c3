package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Transport is what protects the requests of an edge.
type Transport string

const (
	MTLS      Transport = "mTLS"
	TLS       Transport = "TLS"
	Mixed     Transport = "mTLS or plaintext"
	Plaintext Transport = "plaintext"
	Refused   Transport = "refused"
	Unknown   Transport = "unknown"
)

// Transports is every result that an edge may have.
var Transports = [...]Transport{MTLS, TLS, Mixed, Plaintext, Refused, Unknown}

// Edge is a caller, the ports that it may call, and the transport as both ends have it.
type Edge struct {
	From   model.Caller
	To     string   // NAMESPACE/NAME of a service or an external
	Ports  []uint16 // empty: every port, of a callee without a proxy
	Other  bool     // in place of Ports: those that nothing names
	Client Transport
	Server string // the mode of the port, or what stands in its place
	Result Transport
	Why    string // it is refused
}

// edges adds what the policy says may call a service, and what the manifests make of it; of a policy without rules,
// what they let through. The service has a proxy.
func (r *Report) edges(work *edges, split *model.Split) {
	work.find(split)
	to := r.bundles.to(work.service.ID())
	for i := range work.all {
		e := &work.all[i]
		to.add(e.caller, e.port, r.edge(work.Model, e))
	}
	to.close()
}

// edge returns an edge without its ends, and adds what is wrong with it.
func (r *Report) edge(m *model.Model, e *edge) Edge {
	out := Edge{Server: e.mode.String(), Client: MTLS}
	// A sidecar opens mutual TLS wherever the other end has a proxy that takes it ("auto mTLS").
	switch {
	case e.mode == enforce.Disable, e.mode == enforce.Meshless, e.from.Unidentified, e.from.Kind == policy.FromService && m.Principal(e.from.Service) == "":
		out.Client = Plaintext
	case e.from.Kind == policy.FromWorld && e.mode != enforce.Strict:
		out.Client = Mixed
	}
	anyone := e.from.Kind == policy.FromWorld // some of whom have no sidecar, and obey no DestinationRule
	for i, auto := 0, out.Client; i < len(e.ways) && !anyone; i++ {
		client := auto
		if tls := e.ways[i].TLS; tls != enforce.AutoTLS {
			client = opened[tls]
		}
		if i > 0 && client != out.Client {
			client = Unknown
		}
		if out.Client = client; client == Unknown {
			break
		}
	}
	if e.mode == enforce.Unknown || e.mode == enforce.Listener {
		out.Client = Unknown
	}
	out.Result = out.Client
	switch e.capture {
	case policy.Bypassed:
		out.Server = e.capture.String()
	case policy.Unclear:
		out.Server, out.Result = e.capture.String(), Unknown
	}
	passes, by := r.reach(m, e)
	// A dry run refuses nobody. Where mTLS is disabled nobody has an identity, so that what it would do says nothing.
	idle := e.mode == enforce.Disable && m.Policy.DryRun
	switch {
	case e.doubt != "" && !idle:
		out.Result, out.Why = Unknown, e.doubt
		if e.mode != enforce.Unknown && e.mode != enforce.Listener { // of which there is a finding already
			r.refusal(e, diag.Warning, Undecided, out.Why)
		}
	case e.refused != "" && !idle:
		out.Result, out.Why = Refused, e.refused
		r.refusal(e, diag.Error, RefusedEdge, out.Why)
	case passes == enforce.Denied:
		out.Result, out.Why = Refused, by.String()
		if anyone && e.at.IsZero() && !e.named {
			break // nobody stated the edge: policies of the mesh leave the port to the network
		}
		r.Add(diag.Error, RefusedEdge, by.Policy.At, "%s is refused by the network: %s", e, out.Why)
	case passes == enforce.Undecided:
		out.Result, out.Why = Unknown, by.String()
		r.Add(diag.Warning, Undecided, by.Policy.At, "%s is undecided on the network: %s", e, out.Why)
	case anyone:
		for _, c := range e.conflicts {
			r.Add(diag.Warning, RefusedEdge, c.At(), "%s is refused for callers with a sidecar: %s", e, c.why)
		}
	default:
		for _, c := range e.conflicts {
			if len(e.conflicts) == len(e.ways) {
				out.Result, out.Why = Refused, c.why
			}
			at, severity := c.At(), diag.Error
			if at.IsZero() {
				at = e.at
			}
			switch {
			case c.Direct && !e.named:
				continue // the statement is about other ports
			case c.Direct:
				severity = diag.Warning // an application may bring a certificate of the mesh, and another Service lead there
			}
			r.Add(severity, RefusedEdge, at, "%s is refused: %s", e, c.why)
		}
		switch way := &e.ways[0]; {
		case way.Past.Capture == policy.Unclear:
			r.Add(diag.Warning, Manifest, way.At(), "%s is not judged: %s", e, way)
		case way.TLS == enforce.UnknownTLS:
			help := ""
			if way.Doubt == "" && way.Peer == nil {
				help = "; --workloads says which ports of the Service lead there"
			}
			r.Add(diag.Warning, Manifest, way.At(), "%s is not judged: %s%s", e, way, help)
		}
	}
	return out
}

// refusal adds that an edge is refused or undecided by the policies, unless a problem says already which of them shuts
// its caller out: then that says what becomes of each share of the calls.
func (r *Report) refusal(e *edge, severity diag.Severity, topic Topic, why string) {
	if i := r.told.of(e.from.String(), e.to.ID(), e.port); i >= 0 {
		if p := &r.Problems[i]; e.split && !strings.Contains(p.Text, why) {
			p.Text += "; " + why
		}
		return
	}
	r.Add(severity, topic, e.at, "%s is %s: %s", e, topic, why)
}

// opened is what a DestinationRule has callers open.
var opened = map[enforce.ClientTLS]Transport{enforce.NoTLS: Plaintext, enforce.SimpleTLS: TLS, enforce.MutualTLS: TLS, enforce.IstioTLS: MTLS, enforce.UnknownTLS: Unknown}

// conflict is a way that a port does not take, and why.
type conflict struct {
	model.Way
	why string
}

// edge is a caller and a port as the proxies at both ends see them.
type edge struct {
	from    model.Caller
	caller  int32 // its number in the report
	to      *policy.Service
	port    uint16 // 0: the ports that nothing names
	mode    enforce.Mode
	capture policy.Capture
	ways    []model.Way // what callers with a sidecar open
	at      source.Span // the statement; zero where there are manifests only
	named   bool        // a statement, or a policy where there is none, names the port
	fate

	conflicts []conflict // why what the callers open is not accepted
}

func (e *edge) String() string {
	port := "*"
	if e.port != 0 {
		port = strconv.Itoa(int(e.port))
	}
	return e.from.String() + " -> " + e.to.ID() + ":" + port
}

// find finds the edges to a service.
func (e *edges) find(split *model.Split) {
	s := split.Service
	for i := range e.all {
		e.first[e.all[i].caller] = 0
	}
	e.service, e.split, e.callee, e.all, e.ways = s, split, e.Callee(s), e.all[:0], usual{}
	e.next = e.next[:0]
	clear(e.byIdentity)
	if e.many = len(split.Sources) > few; e.many {
		e.alike = slices.Grow(e.alike[:0], len(split.Sources))[:len(split.Sources)]
		for c, caller := range slices.Backward(split.Sources) {
			identity := caller.Identity()
			e.alike[c] = e.byIdentity[identity]
			e.byIdentity[identity] = c + 1
		}
	}
	for i := range s.Allow {
		r := &s.Allow[i]
		ports := r.Ports
		if len(ports) == 0 {
			for _, p := range s.Ports {
				ports = append(ports, p.Number)
			}
		}
		if len(ports) == 0 {
			ports = []uint16{split.Other.Port()}
		}
		for _, f := range r.From {
			for _, port := range ports {
				e.intended(f, port, r)
			}
		}
	}
	if len(s.Allow) == 0 {
		e.admitted()
	}
	slices.SortStableFunc(e.all, func(a, b edge) int {
		if order := a.from.Compare(b.from.Source); order != 0 {
			return order
		}
		if a.caller != b.caller {
			if order := cmp.Compare(a.from.String(), b.from.String()); order != 0 {
				return order
			}
		}
		return cmp.Compare(a.port-1, b.port-1) // 0 wraps, and comes last
	})
}

// few is how many sources are looked through one by one.
const few = 64

// usual is the ways of callers that have nothing of their own: those of a namespace and a data plane call a port alike.
type usual struct {
	namespace string
	dataplane policy.Dataplane
	port      uint16
	ways      []model.Way // nil: not known yet
}

// edges finds the edges to one service after another in the same memory.
type edges struct {
	*model.Model
	report  *Report
	service *policy.Service
	split   *model.Split
	callee  *enforce.Point
	all     []edge
	first   []int32 // of each caller, by its number in the report, one of its edges, from 1
	next    []int32 // of each edge, the next one with its caller, from 1; 0 for none
	ways    usual

	many       bool           // the sources of the split are more than few: byIdentity and alike are theirs
	byIdentity map[string]int // the first source with an identity, from 1
	alike      []int          // of each source, the next one with its identity, from 1; 0 for none
	candidates []int
}

func (e *edges) add(f model.Caller, port uint16, named bool, at source.Span, is fate) {
	one := edge{from: f, caller: e.report.bundles.number(f), to: e.service, port: port}
	if port == e.split.Other.Port() {
		one.port = 0
	}
	for len(e.first) <= int(one.caller) {
		e.first = append(e.first, 0)
	}
	for i := e.first[one.caller]; i > 0; i = e.next[i-1] {
		known := &e.all[i-1]
		if known.port != one.port {
			continue
		}
		switch {
		case is.refused == "" && is.doubt == "", is.doubt != "" && known.refused != "":
			known.fate = is
		}
		known.named = known.named || named
		return
	}
	e.next = append(e.next, e.first[one.caller])
	e.first[one.caller] = int32(len(e.all)) + 1
	one.mode, _ = e.callee.Mode(port)
	one.capture = e.callee.Capture(port)
	one.ways = e.waysOf(f.Source, one.port)
	one.at, one.named, one.fate = at, named, is
	for _, w := range one.ways {
		if why := e.conflict(&w, &one, port); why != "" {
			one.conflicts = append(one.conflicts, conflict{w, why})
		}
	}
	e.all = append(e.all, one)
}

// waysOf is the ways of a source to a port of the service.
func (e *edges) waysOf(f policy.Source, port uint16) []model.Way {
	s := f.Service
	if f.Kind != policy.FromService || e.Principal(s) == "" || len(e.Manifests.Destinations)+len(s.Outbound.Ports) > 0 || s.Outbound.Agent || s.Outbound.Rest != (policy.PortCapture{}) {
		return e.Ways(f, e.service, e.callee, port)
	}
	if u := &e.ways; u.ways == nil || u.namespace != s.Namespace || u.dataplane != s.Dataplane || u.port != port {
		*u = usual{s.Namespace, s.Dataplane, port, e.Ways(f, e.service, e.callee, port)}
	}
	return e.ways.ways
}

// conflict is why a call that the rules let through is refused: the caller opens what the port does not take.
func (e *edges) conflict(w *model.Way, at *edge, port uint16) string {
	mode := at.mode
	switch {
	case at.capture == policy.Bypassed && at.from.Kind == policy.FromService && !at.from.Unidentified && e.Principal(at.from.Service) != "":
		return w.Unanswered(mode)
	case at.capture != policy.Captured:
		return ""
	}
	if why := w.Refused(mode); why != "" {
		return why
	}
	if w.Anonymous() && mode != enforce.Unknown && mode != enforce.Listener && !(mode == enforce.Disable && w.Rule == nil) {
		world := func(c space.Source) bool { return c.Identity() == "" && c.Elsewhere }
		if f := e.fate(port, &policy.Requests{}, nil, world); f.refused != "" {
			return w.String() + ", so they have no identity: " + f.refused
		}
	}
	return ""
}

// fate is what becomes of callers at a port.
type fate struct {
	known   bool   // there are such callers
	refused string // why none of them is let through; empty where one is, or may be
	relayed bool   // that is why a waypoint of its own is not, which is among them
	doubt   string // why it is not known whether one is let through; empty where that is known
	split   bool   // because a share of the calls passes another waypoint
}

// fate is what becomes of some callers: of all that match, or of those among the candidates where these are not nil.
func (e *edges) fate(port uint16, q *policy.Requests, candidates []int, is func(space.Source) bool) (f fate) {
	about := e.Subject(q)
	for i := range e.split.Operations {
		r := &e.split.Operations[i]
		if r.Request.Port() != port || !model.Occurs(e.service, &r.Request) || !about.Does(&r.Request) {
			continue
		}
		n := len(candidates)
		if candidates == nil {
			n = len(e.split.Sources)
		}
		for c := range n {
			if candidates != nil {
				c = candidates[c]
			}
			switch {
			case !is(e.split.Sources[c]) || !about.From(e.split.Sources[c], r.Request.HTTP):
			case r.Outcomes[0].Allowed.Has(c):
				return fate{known: true}
			case r.Outcomes[0].Undecided.Has(c) && f.doubt == "":
				by := e.split.Decision(r, 0, c)
				f.known, f.doubt, f.split = true, by.String(), by.Split
			case !f.known || f.relayed:
				by := e.split.Decision(r, 0, c)
				f.known, f.refused, f.relayed = true, by.String(), by.Reason == enforce.Relays
			}
		}
	}
	if f.doubt != "" {
		f.refused = ""
	}
	return f
}

// intended adds an edge of the policy with what becomes of it. A caller that cannot be distinguished, a service outside
// the mesh without an address, has none.
func (e *edges) intended(f policy.Source, port uint16, rule *policy.Rule) {
	var candidates []int
	if e.many && f.Kind == policy.FromService && f.Service.Proxied() {
		candidates = e.candidates[:0]
		for _, principal := range e.Principals(f.Service) {
			for n := e.byIdentity[principal]; n > 0; n = e.alike[n-1] {
				candidates = append(candidates, n-1)
			}
		}
		if e.candidates = candidates; len(candidates) == 0 {
			return
		}
	}
	if is := e.fate(port, &rule.Requests, candidates, func(c space.Source) bool {
		return e.Represents(e.split.Service, c, f) && !e.MatchesAnySource(e.split.Service, c, rule.Except)
	}); is.known {
		e.add(model.Caller{Source: f}, port, len(rule.Ports) > 0, rule.At, is)
	}
}

// doubtful is why it is not known whether manifests let something through.
func (e *edges) doubtful() string {
	if unsure := e.callee.Unsure(); e.service.Partial && len(unsure) > 0 {
		return fmt.Sprintf("the %s %s may select its pods, by labels that --workloads would say", unsure[0].Kind, unsure[0].ID())
	}
	return "it depends on a policy that cannot be judged"
}

// admitted adds the edges that manifests make: for each port the widest callers, and those that are named where these
// are not everyone.
func (e *edges) admitted() {
	type open struct{ surely, perhaps []bool }
	byPort := map[uint16]*open{}
	var ports []uint16
	for i := range e.split.Operations {
		r := &e.split.Operations[i]
		if !model.Occurs(e.service, &r.Request) || !model.Concerns(e.service, nil, r.Request.Port()) {
			continue
		}
		at := byPort[r.Request.Port()]
		if at == nil {
			at = &open{make([]bool, len(e.split.Sources)), make([]bool, len(e.split.Sources))}
			byPort[r.Request.Port()] = at
			ports = append(ports, r.Request.Port())
		}
		e.split.MarkAllowed(r, at.surely)
		e.split.MarkOpen(r, at.perhaps)
	}
	named := map[uint16]bool{}
	for _, p := range e.callee.All() {
		for i := range p.Clauses {
			for _, port := range model.NamedPorts(&p.Clauses[i]) {
				named[port] = true
			}
		}
	}
	for _, port := range ports {
		at := byPort[port]
		sure := e.Model.Admitted(e.split.Classes, at.surely)
		for _, f := range sure {
			e.add(f, port, named[port], source.Span{}, fate{})
		}
		if slices.Equal(at.surely, at.perhaps) {
			continue
		}
		for _, f := range e.Model.Admitted(e.split.Classes, at.perhaps) {
			if !slices.ContainsFunc(sure, func(s model.Caller) bool { return s.String() == f.String() }) {
				e.add(f, port, named[port], source.Span{}, fate{doubt: e.doubtful()})
			}
		}
	}
}

// elsewhere reports whether a host is a Service of a namespace of which nothing is known.
func elsewhere(m *model.Model, host string) bool {
	_, rest, _ := strings.Cut(host, ".")
	namespace, domain, ok := strings.Cut(rest, ".")
	return ok && strings.HasPrefix(domain, "svc.") && m.Mesh(namespace) == nil
}

// unmatched reports DestinationRules that set the TLS of callers of a service, or of a port, that is not known here.
func unmatched(m *model.Model) (list diag.List) {
	for _, d := range m.Manifests.Destinations {
		if !d.Sets() {
			continue
		}
		matched := false
		ports := d.Ports()
		for _, mesh := range m.Policy.Meshes {
			for _, s := range mesh.Services {
				for _, host := range model.HostsOf(s) {
					if d.Matches(host, s.Namespace) {
						matched = true
						ports = slices.DeleteFunc(ports, func(port uint16) bool {
							return len(s.Fronts) == 0 || slices.ContainsFunc(s.Fronts, func(f policy.Front) bool { return f.Port == port && d.Matches(f.Host, s.Namespace) })
						})
					}
				}
			}
		}
		switch {
		case !matched && elsewhere(m, d.Host):
		case !matched:
			list.Add(diag.UnknownEffect, d.At, "the DestinationRule %s sets the TLS of the callers of %s, which is not a service here: it is not judged", d.ID(), d.Host)
		case len(ports) > 0:
			list.Add(diag.UnknownEffect, d.At, "the DestinationRule %s sets the TLS of the port %d of %s, which is no port of that Service: it has no effect", d.ID(), ports[0], d.Host)
		}
	}
	return list
}

// reach is whether an edge passes the network, and where that is decided.
func (r *Report) reach(m *model.Model, e *edge) (enforce.Verdict, network.Step) {
	if m.Network == nil {
		return enforce.Allowed, network.Step{}
	}
	var ports []uint16
	if e.port != 0 {
		ports = []uint16{e.port}
	}
	verdict, step := m.Network.Passes(e.from.Source, e.to, ports...)
	if verdict == enforce.Undecided && e.from.Kind != policy.FromService && !e.stated() {
		return enforce.Allowed, step // some of those that nothing names pass
	}
	return verdict, step
}

// stated reports whether a rule names the callers of an edge.
func (e *edge) stated() bool {
	return slices.ContainsFunc(e.to.Allow, func(r policy.Rule) bool { return slices.Contains(r.From, e.from.Source) })
}

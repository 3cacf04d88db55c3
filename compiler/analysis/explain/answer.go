package explain

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// question is who may do what at a service.
type question struct {
	From policy.Source
	To   *policy.Service
	Port uint16             // 0: every port
	Ops  []policy.Operation // empty: everything
}

// ports is the question's port as a list.
func (q *question) ports() []uint16 {
	if q.Port == 0 {
		return nil
	}
	return []uint16{q.Port}
}

func (q *question) requests() *policy.Requests {
	return &policy.Requests{Ports: q.ports(), Ops: q.Ops}
}

// Answer is how every request that a question is about is decided.
type Answer struct {
	question
	Ports  []PortAnswer // sorted; empty where no port of the service carries such requests
	Judged bool         // what is enforced in front of the callee is

	lacks bool        // no statement allows some of what is denied
	asked []space.Box // the operations in question; none: all
	table space.Table
}

// PortAnswer is how the requests to some ports are decided.
type PortAnswer struct {
	Ports   []policy.Port // sorted
	Others  bool          // and the ports that nothing names
	Mode    enforce.Mode
	By      *enforce.Object    // sets the mode; nil where it is Istio's default
	Capture policy.PortCapture // whether the proxy sees the ports
	Callers []CallerAnswer

	port uint16      // one of them
	ways []model.Way // what the sidecars of callers open to these ports
}

// CallerAnswer is how the requests of some callers are decided. A case holds for the requests that no case before it
// takes.
type CallerAnswer struct {
	Names []string // services first
	Cases []Case
}

func (a *Answer) verdict() Verdict { return verdictOf(a.verdicts()) }

// verdicts is which verdicts there are among the cases.
func (a *Answer) verdicts() (seen [enforce.Allowed + 1]bool) {
	for _, p := range a.Ports {
		for _, c := range p.Callers {
			for _, k := range c.Cases {
				seen[k.Verdict] = true
				if k.Counterpart != nil && !k.Counterpart.Only {
					seen[k.Counterpart.Other.Verdict] = true
				}
			}
		}
	}
	return seen
}

func verdictOf(seen [enforce.Allowed + 1]bool) Verdict {
	switch {
	case seen[enforce.Allowed] && (seen[enforce.Denied] || seen[enforce.Undecided]):
		return Partly
	case seen[enforce.Allowed]:
		return Allowed
	case seen[enforce.Undecided]:
		return Undecided
	}
	return Denied
}

// answer answers a question from the classes of requests that the manifests distinguish. The service has a proxy.
func answer(m *model.Model, q question) (*Answer, error) {
	var extra space.Distinctions
	m.AddSources(&extra, q.To, []policy.Source{q.From})
	m.AddRequests(&extra, q.requests())
	split, err := m.Split(new(enforce.Classifier), q.To, extra)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.To.ID(), err)
	}
	w := &why{Model: m, question: q, split: split, callee: m.Callee(q.To), outside: outside(m), shifted: shifted(m.Policy, q.From)}
	var callers []int
	for c, caller := range split.Sources {
		if w.asked(caller) {
			callers = append(callers, c)
		}
	}
	requests := q.requests()
	byPort := map[uint16][]*enforce.Class{}
	var ports []uint16
	for i := range split.Operations {
		r := &split.Operations[i]
		if !model.Occurs(q.To, &r.Request) || !model.Matches(&r.Request, requests) || !w.carries(r.Request.Port()) || !model.Concerns(q.To, q.ports(), r.Request.Port()) {
			continue
		}
		if byPort[r.Request.Port()] == nil {
			ports = append(ports, r.Request.Port())
		}
		byPort[r.Request.Port()] = append(byPort[r.Request.Port()], r)
	}
	last := func(port uint16) int { // the ports that nothing names come last
		if port == split.Other.Port() {
			return 1 << 16
		}
		return int(port)
	}
	slices.SortFunc(ports, func(a, b uint16) int { return cmp.Compare(last(a), last(b)) })
	out := &Answer{question: q, Judged: w.callee.Judged(), table: m.Manifests.Table}
	var asked space.Distinctions
	m.AddRequests(&asked, &policy.Requests{Ops: q.Ops})
	out.asked = asked.Operations
	bySignature := map[string]int{}
	for _, port := range ports {
		p, signature := w.port(port, byPort[port], callers)
		out.lacks = w.lacks
		if i, ok := bySignature[signature]; ok {
			out.Ports[i].Ports = append(out.Ports[i].Ports, p.Ports...)
			out.Ports[i].Others = out.Ports[i].Others || p.Others
			continue
		}
		bySignature[signature] = len(out.Ports)
		out.Ports = append(out.Ports, p)
	}
	return out, nil
}

type why struct {
	*model.Model
	question
	split   *model.Split
	callee  *enforce.Point
	outside map[netip.Prefix]*policy.Service // without a proxy, by their addresses
	shifted []*policy.Service                // that may call, and have several identities
	lacks   bool                             // no statement allows some of what was denied
}

// asked reports whether the question is about a caller; a service outside the mesh whose address is not known may be
// anywhere.
func (w *why) asked(caller space.Source) bool {
	if w.fromOutside() && len(w.From.Service.Addresses) == 0 {
		return caller.Identity() == "" && caller.Elsewhere
	}
	return w.MatchesSource(w.To, caller, w.From)
}

// carries reports whether a question is about a port: a question about operations and no port is about the ports that
// are declared as HTTP, where there are any.
func (w *why) carries(port uint16) bool {
	if w.Port != 0 || len(w.Ops) == 0 {
		return true
	}
	declared := false
	for _, p := range w.To.Ports {
		if p.Protocol.IsHTTP() {
			if p.Number == port {
				return true
			}
			declared = true
		}
	}
	return !declared
}

// port answers for one port. The text is equal for ports with the same answer.
func (w *why) port(port uint16, requests []*enforce.Class, callers []int) (PortAnswer, string) {
	p := w.portWithoutCallers(port)
	callers = slices.DeleteFunc(slices.Clone(callers), func(c int) bool {
		return w.another(c, p.Mode) || w.From.Kind != policy.FromService && w.callee.Relays(w.split.Sources[c].Identity(), port)
	})
	all := w.cases(&p, port, requests, callers)
	signatures := make([]string, len(callers))
	for i := range callers {
		signatures[i] = signatureOf(all[i])
		w.lacks = w.lacks || slices.ContainsFunc(all[i], func(k Case) bool { return k.lacks })
	}
	p.Callers = w.callersAlike(callers, all, signatures)
	var text strings.Builder
	fmt.Fprintf(&text, "%d %p %v %d %s", p.Mode, p.By, p.ways, p.Capture.Capture, p.Capture.Why)
	for i := range p.Callers {
		fmt.Fprintf(&text, "\n%q", p.Callers[i].Names)
		fmt.Fprint(&text, signatureOf(p.Callers[i].Cases))
	}
	return p, text.String()
}

// portWithoutCallers is what an answer says of a port whoever calls it.
func (w *why) portWithoutCallers(port uint16) PortAnswer {
	p := PortAnswer{Others: port == w.split.Other.Port() && port != w.Port, port: port}
	if !p.Others {
		one := policy.Port{Number: port}
		for _, d := range w.To.Ports {
			if d.Number == port {
				one = d
			}
		}
		p.Ports = append(p.Ports, one)
	}
	p.Mode, p.By = w.callee.Mode(port)
	if p.Others {
		p.ways = w.Ways(w.From, w.To, w.callee, 0)
	} else {
		p.ways = w.Ways(w.From, w.To, w.callee, port)
	}
	p.Capture = w.To.Inbound.Of(port)
	return p
}

// callersAlike names the classes of callers, those with the same answer together: their cases are all, whose signatures
// are equal where they are. A class at an address whose answer is that of the addresses around is not named.
func (w *why) callersAlike(callers []int, all [][]Case, signatures []string) (answers []CallerAnswer) {
	located := newAnswersByLocation()
	usual := func(c int) bool { return w.split.Sources[c].Elsewhere || w.fromOutside() }
	for i, c := range callers {
		located.add(locationOf(w.split.Classes, c), signatures[i], usual(c))
	}
	alike := map[string]space.Set{} // the classes with the same answer
	for i, c := range callers {
		if alike[signatures[i]] == nil {
			alike[signatures[i]] = space.NewSet(len(w.split.Sources))
		}
		alike[signatures[i]].Add(c)
	}
	bySignature := map[string]int{}
	type answered struct {
		caller int // of answers
		name   string
	}
	seen := map[answered]bool{}
	patterns := map[string][]string{} // of identities, by the name that consists of them
	var single []identityNames        // of each of answers
	for i, c := range callers {
		if w.split.Needless(c, alike[signatures[i]]) {
			continue
		}
		who, rest := "", ""
		switch expected := located.expects(locationOf(w.split.Classes, c)); {
		case !expected:
			who, rest = w.placed(c)
		case usual(c):
			who, rest = w.name(c)
		default:
			continue
		}
		name := who + rest
		at, ok := bySignature[signatures[i]]
		if !ok {
			at = len(answers)
			bySignature[signatures[i]] = at
			answers = append(answers, CallerAnswer{Cases: all[i]})
			single = append(single, identityNames{})
		}
		if _, one := w.split.Identities(c); one {
			single[at].add(w.split.Sources[c].Identity(), name, rest)
		}
		_, patterns[name] = w.ClassName(w.split.Classes, c)
		if one := (answered{at, name}); !seen[one] {
			seen[one] = true
			answers[at].Names = append(answers[at].Names, name)
		}
	}
	for i := range answers {
		names := answers[i].Names
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { // a caller that is several of them at once
			return len(patterns[name]) > 1 && slices.ContainsFunc(patterns[name], func(one string) bool { return slices.Contains(names, one) })
		})
		names = single[i].joined(names, w.Policy, w.shifted)
		slices.SortFunc(names, model.ByName)
		answers[i].Names = names
	}
	return answers
}

// another reports whether callers at a port are others than their class says. Without mutual TLS an address is all that
// a port knows: at that of a service outside the mesh the caller is this service, and of every caller the identity does
// not count.
func (w *why) another(class int, mode enforce.Mode) bool {
	if !model.Unproven(w.split.Sources[class], mode) {
		return false
	}
	return w.From.Kind == policy.FromWorld || w.outside[w.split.Block(class, model.AddressOf(w.To))] != nil
}

// name names a class of callers, and says what follows the name.
func (w *why) name(class int) (name, rest string) {
	if w.fromOutside() {
		return w.From.Service.ID(), ""
	}
	name, _ = w.ClassName(w.split.Classes, class)
	if from := w.From.Service; from != nil {
		id, _ := policy.ParseIdentity(w.split.Sources[class].Identity())
		if what := w.Policy.Shifted(from, id); what != "" && slices.Contains(w.Policy.Identities(from), id) {
			name = from.ID() + " as " + what
		}
	}
	return name, w.split.Facts(w.split.Sources[class])
}

// placed is name with the addresses of the callers. A caller without identity at the address of a service outside the
// mesh is that service.
func (w *why) placed(class int) (name, rest string) {
	own, other := space.SourceAddress, space.RemoteAddress
	if model.AddressOf(w.To) == other {
		own, other = other, own
	}
	if s := w.outside[w.split.Block(class, own)]; s != nil && w.split.Sources[class].Identity() == "" && !w.split.Block(class, other).IsValid() {
		return s.ID(), ""
	}
	name, rest = w.name(class)
	return name, rest + model.Addresses(w.split.Classes, class)
}

func (w *why) fromOutside() bool {
	return w.From.Kind == policy.FromService && !w.From.Service.Proxied()
}

// nearest is the shortest chain of calls by which the caller of a question reaches the callee, over none of the sources
// in except; nil where there is none, or none is needed.
func nearest(m *model.Model, q question, except []policy.Source) (*model.Chain, error) {
	graph, err := m.CallGraph()
	if err != nil {
		return nil, err
	}
	last, err := m.CallersOf(q.To, q.requests())
	if err != nil {
		return nil, err
	}
	chain := graph.Chain(q.From, q.To, q.requests(), last, except)
	if chain == nil || len(chain.Services) < 2 {
		return nil, nil
	}
	return chain, nil
}

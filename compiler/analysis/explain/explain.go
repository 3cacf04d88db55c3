// Package explain says why a request is decided as it is: by which policy, rule and intent, and what would allow it.
package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/model"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Question is who may do what at a service.
type Question struct {
	From policy.Source
	To   *policy.Service
	Port uint16             // 0: every port
	Ops  []policy.Operation // empty: everything
}

// ports is the question's port as a list.
func (q *Question) ports() []uint16 {
	if q.Port == 0 {
		return nil
	}
	return []uint16{q.Port}
}

// Answer is what becomes of every request that a question is about.
type Answer struct {
	Question
	Ports []PortAnswer // sorted; empty where no port of the service carries such requests
}

// PortAnswer is what becomes of the requests to some ports.
type PortAnswer struct {
	Ports   []policy.Port // sorted
	Others  bool          // the ports that nothing names, too
	Mode    enforce.Mode
	By      *enforce.Object // sets the mode; nil where it is Istio's default
	Callers []CallerAnswer
}

// CallerAnswer is what becomes of the requests of some callers, in the order in which rules are looked at: what a
// case says holds for those requests that none before it takes.
type CallerAnswer struct {
	Names []string // in the words of the language, those of services first
	Cases []Case
}

// Case is requests that are decided alike.
type Case struct {
	enforce.Decision
	Operations []string      // that the rule is about; empty: all that are left
	NotHTTP    bool          // what is not HTTP, where a rule about HTTP means more of it
	Intents    []source.Span // the statements behind the rule; none where there are manifests only
	lacks      bool          // no statement allows some of the requests
}

// Verdict sums up. Mixed tells that some of the requests are allowed and others are not; the verdict is then Allowed.
func (a *Answer) Verdict() (verdict enforce.Verdict, mixed bool) {
	var seen [enforce.Allowed + 1]bool
	for _, p := range a.Ports {
		for _, c := range p.Callers {
			for _, k := range c.Cases {
				seen[k.Verdict] = true
			}
		}
	}
	switch {
	case seen[enforce.Allowed]:
		return enforce.Allowed, seen[enforce.Denied] || seen[enforce.Undecided]
	case seen[enforce.Undecided]:
		return enforce.Undecided, false
	}
	return enforce.Denied, false
}

// Why answers a question from the classes of requests that the manifests tell apart: what holds of a class holds of
// every request in it. The service must have a proxy.
func Why(m *model.Model, q Question) (*Answer, error) {
	var extra space.Distinctions
	m.AddSources(&extra, []policy.Source{q.From})
	model.AddOperations(&extra, q.ports(), q.Ops)
	split, err := m.Split(q.To, extra)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.To.ID(), err)
	}
	w := &why{Model: m, Question: q, split: split, callee: m.Callee(q.To)}
	var callers []int
	for c, caller := range split.Sources {
		if w.is(caller) {
			callers = append(callers, c)
		}
	}
	byPort := map[uint16][]*enforce.Class{}
	var ports []uint16
	for i := range split.Operations {
		r := &split.Operations[i]
		if !model.Occurs(q.To, &r.Request) || !model.Matches(&r.Request, q.ports(), q.Ops) || !w.carries(r.Request.Port()) {
			continue
		}
		if byPort[r.Request.Port()] == nil {
			ports = append(ports, r.Request.Port())
		}
		byPort[r.Request.Port()] = append(byPort[r.Request.Port()], r)
	}
	last := func(port uint16) int { // what nothing names comes behind all that something does
		if port == split.Other.Port() {
			return 1 << 16
		}
		return int(port)
	}
	slices.SortFunc(ports, func(a, b uint16) int { return cmp.Compare(last(a), last(b)) })
	answer := &Answer{Question: q}
	bySignature := map[string]int{}
	for _, port := range ports {
		p, signature := w.port(port, byPort[port], callers)
		if i, ok := bySignature[signature]; ok {
			answer.Ports[i].Ports = append(answer.Ports[i].Ports, p.Ports...)
			answer.Ports[i].Others = answer.Ports[i].Others || p.Others
			continue
		}
		bySignature[signature] = len(answer.Ports)
		answer.Ports = append(answer.Ports, p)
	}
	return answer, nil
}

type why struct {
	*model.Model
	Question
	split  *model.Split
	callee *enforce.Point
}

// is is Is, save that a service outside the mesh whose address is not told is looked for anywhere.
func (w *why) is(caller space.Source) bool {
	if w.fromOutside() && len(w.From.Service.Addresses) == 0 {
		return caller.Identity() == "" && caller.Elsewhere
	}
	return w.Is(caller, w.From)
}

// carries tells whether a port is one that the question means: one about operations and no port is about the ports
// that are declared as HTTP, where there are any.
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

// port answers for one port, with a text that is equal for ports that are answered alike.
func (w *why) port(port uint16, regions []*enforce.Class, callers []int) (PortAnswer, string) {
	p := PortAnswer{Others: port == w.split.Other.Port() && port != w.Port}
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
	callers = slices.DeleteFunc(slices.Clone(callers), func(c int) bool { return model.Unproven(w.split.Sources[c], p.Mode) })
	all := make([]CallerAnswer, len(callers))
	signatures := make([]string, len(callers))
	where := newPlaces()
	usual := func(c int) bool { return w.split.Sources[c].Elsewhere || w.fromOutside() }
	for i, c := range callers {
		all[i].Cases, signatures[i] = w.cases(port, regions, c)
		where.add(spotOf(w.split.Classes, c), signatures[i], usual(c))
	}
	bySignature := map[string]int{}
	for i, c := range callers {
		name := ""
		switch follows := where.follows(spotOf(w.split.Classes, c)); {
		case !follows:
			name = w.placed(c)
		case usual(c):
			name = w.name(c)
		default:
			continue
		}
		at, ok := bySignature[signatures[i]]
		if !ok {
			at = len(p.Callers)
			bySignature[signatures[i]] = at
			p.Callers = append(p.Callers, all[i])
		}
		if !slices.Contains(p.Callers[at].Names, name) {
			p.Callers[at].Names = append(p.Callers[at].Names, name)
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d %p", p.Mode, p.By)
	for i := range p.Callers {
		names := p.Callers[i].Names
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { // who is several of them at once
			parts := strings.Split(name, model.And)
			return len(parts) > 1 && slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(names, part) })
		})
		slices.SortFunc(names, model.ByName)
		p.Callers[i].Names = names
		fmt.Fprintf(&text, "\n%q", p.Callers[i].Names)
		fmt.Fprint(&text, signatureOf(p.Callers[i].Cases))
	}
	return p, text.String()
}

func signatureOf(cases []Case) string {
	var b strings.Builder
	for _, k := range cases {
		fmt.Fprintf(&b, "\n%d %d %p %d %v %v", k.Verdict, k.Reason, k.Policy, k.Rule, k.Operations, k.NotHTTP)
		for _, at := range k.Intents {
			fmt.Fprintf(&b, " %p:%d", at.File, at.Start)
		}
	}
	return b.String()
}

// cases is what becomes of the requests of one class of callers, those that a rule decides first.
func (w *why) cases(port uint16, regions []*enforce.Class, class int) ([]Case, string) {
	caller := w.split.Sources[class]
	type key struct {
		enforce.Decision
		notHTTP bool
	}
	var cases []Case
	at := map[key]int{}
	for _, r := range regions {
		d := w.split.Decision(r, 0, class)
		k := key{Decision: d}
		var operations []string
		if d.Policy != nil && (d.Reason == enforce.ByRule || d.Reason == enforce.NotJudged) {
			operations = d.Policy.Operations(w.Manifests.Table, d.Rule, port)
			k.notHTTP = len(operations) > 0 && !r.Request.HTTP
		}
		i, ok := at[k]
		if !ok {
			i = len(cases)
			at[k] = i
			c := Case{Decision: d, Operations: operations, NotHTTP: k.notHTTP}
			if k.notHTTP {
				c.Operations = nil
			}
			cases = append(cases, c)
		}
		cases[i].lacks = cases[i].lacks || d.Reason == enforce.NoMatch
		if d.Reason == enforce.ByRule {
			rules := w.To.Allow
			if d.Verdict == enforce.Denied {
				cases[i].lacks = cases[i].lacks || w.RuleFor(rules, caller, &r.Request) == nil
				rules = w.To.Deny
			}
			if rule := w.RuleFor(rules, caller, &r.Request); rule != nil && !slices.Contains(cases[i].Intents, rule.At) {
				cases[i].Intents = append(cases[i].Intents, rule.At)
			}
		}
	}
	slices.SortStableFunc(cases, func(a, b Case) int { return a.order() - b.order() })
	for i := range cases {
		slices.SortFunc(cases[i].Intents, func(a, b source.Span) int {
			if a.Before(b) {
				return -1
			}
			return 1
		})
	}
	return cases, signatureOf(cases)
}

// order is that in which a proxy looks: rules that deny, what cannot be judged, rules that allow, then the rest.
func (k *Case) order() int {
	switch {
	case k.Reason == enforce.ByRule && k.Verdict == enforce.Denied:
		return 0
	case k.Reason == enforce.NotJudged:
		return 1
	case k.Reason == enforce.ByRule:
		return 2
	}
	return 3
}

// name is a class of callers in the words of the language.
func (w *why) name(class int) string {
	if w.fromOutside() {
		return w.From.Service.ID()
	}
	return w.ClassName(w.split.Classes, class)
}

// placed is the same with its place: who has no identity and is at the address of a service is that.
func (w *why) placed(class int) string {
	peer, client := w.split.Block(class, space.SourceAddress), w.split.Block(class, space.RemoteAddress)
	if s := outsideAt(w.Model, peer); s != nil && w.split.Sources[class].Identity() == "" && !client.IsValid() {
		return s.ID()
	}
	return w.name(class) + model.Place(w.split.Classes, class)
}

func (w *why) fromOutside() bool {
	return w.From.Kind == policy.FromService && !w.From.Service.Proxied()
}

// Nearest is the shortest chain of calls by which the caller of a question reaches its destination all the same; nil
// where there is none, or where it needs none.
func Nearest(m *model.Model, q Question) (*model.Chain, error) {
	hops, err := m.CallGraph()
	if err != nil {
		return nil, err
	}
	last, err := m.CallersOf(q.To, q.ports(), q.Ops)
	if err != nil {
		return nil, err
	}
	chain := hops.Chain(q.From, q.To, last, nil)
	if chain == nil || len(chain.Services) < 2 {
		return nil, nil
	}
	return chain, nil
}

// Line is a statement that somebody may write, and where.
type Line struct {
	Text string
	Mesh string // whose section it belongs to
	File string // that opens the section, and has its kind of statements
}

// Remedy is what somebody may write to allow what is denied. It is empty where nothing helps: the root namespace takes no
// edges.
type Remedy struct {
	Narrow []source.Span // statements that deny it, whatever allows it
	Mode   Line          // has a port take mutual TLS, without which the edge would match nobody; none where it does
	Line   Line          // an edge in the callee's section; none where one is there already
	Across []Line        // the same from the caller's section, where that is another: the edge and the callee's consent
	World  Line          // in place of Mode and the edge, lets in whoever reaches the port
}

// Remedy gives that of an answer.
func RemedyOf(m *model.Model, a *Answer) (r Remedy) {
	lacks := false
	for _, p := range a.Ports {
		for _, c := range p.Callers {
			for _, k := range c.Cases {
				lacks = lacks || k.lacks
				for _, at := range k.Intents {
					if k.Verdict == enforce.Denied && !slices.Contains(r.Narrow, at) {
						r.Narrow = append(r.Narrow, at)
					}
				}
			}
		}
	}
	if !lacks || a.To.Namespace == m.Policy.RootNamespace {
		return r
	}
	r.Line, r.Across = lines(m, &a.Question)
	if names := disabled(m, &a.Question); len(names) > 0 {
		r.Mode, r.World = r.Line, r.Line
		r.Mode.Text = "mtls " + strings.Join(names, " permissive; mtls ") + " permissive"
		_, to, _ := strings.Cut(r.Line.Text, " -> ")
		r.World.Text = "world -> " + to
	}
	return r
}

// disabled is what takes no mutual TLS, as mtls statements name it, where a question is about callers by their identity.
func disabled(m *model.Model, q *Question) (names []string) {
	if q.From.Kind == policy.FromWorld || q.From.Kind == policy.FromService && !q.From.Service.Proxied() {
		return nil
	}
	is := func(port uint16) bool { return m.Policy.ModeOf(m.Mesh(q.To.Namespace), q.To, port) == policy.Disable }
	name := func(port uint16) string { return fmt.Sprintf("%s:%d", q.To.Name, port) }
	switch {
	case q.Port != 0 && is(q.Port):
		return []string{name(q.Port)}
	case q.Port != 0:
		return nil
	case len(q.Ops) == 0 && is(0):
		names = append(names, q.To.Name)
	}
	for _, p := range q.To.Ports {
		own := p.Mode != policy.ModeUnset || len(names) == 0
		if own && is(p.Number) && (len(q.Ops) == 0 || p.Protocol.IsHTTP()) {
			names = append(names, name(p.Number))
		}
	}
	return names
}

// lines is the edge that a question asks for, and, where it crosses meshes, the two lines that would do the same from the
// caller's section.
func lines(m *model.Model, q *Question) (callee Line, caller []Line) {
	operation := ""
	for i, o := range q.Ops {
		if i > 0 {
			operation += ","
		}
		operation += " " + o.String()
	}
	port := ""
	if q.Port != 0 {
		port = fmt.Sprintf(":%d", q.Port)
	}
	from := q.From.String()
	elsewhere := ""
	switch q.From.Kind {
	case policy.FromService:
		elsewhere = q.From.Service.Namespace
		if elsewhere == q.To.Namespace {
			from, elsewhere = q.From.Service.Name, ""
		}
	case policy.FromMesh:
		if q.From.Mesh != q.To.Namespace {
			elsewhere = q.From.Mesh
		}
	}
	callee = Line{fmt.Sprintf("%s -> %s%s%s", from, q.To.Name, port, operation), q.To.Namespace, fileOf(m, q.To)}
	home := m.Mesh(elsewhere)
	if elsewhere == "" || elsewhere == m.Policy.RootNamespace || home == nil || len(home.Files) == 0 {
		return callee, nil
	}
	name := from
	if q.From.Kind == policy.FromService {
		name = q.From.Service.Name
	}
	to := q.From.String()
	if q.From.Kind == policy.FromMesh {
		to = elsewhere
	}
	return callee, []Line{
		{fmt.Sprintf("%s -> %s%s%s", name, q.To.ID(), port, operation), elsewhere, home.Files[0]},
		{fmt.Sprintf("export %s%s to %s%s", q.To.Name, port, to, operation), q.To.Namespace, fileOf(m, q.To)},
	}
}

// fileOf is where the rules of a service stand: those that it has, else its declaration, else its mesh.
func fileOf(m *model.Model, s *policy.Service) string {
	files := m.Mesh(s.Namespace).Files
	for _, r := range s.Allow {
		if slices.Contains(files, r.At.File.Name) {
			return r.At.File.Name
		}
	}
	if s.At.File != nil && slices.Contains(files, s.At.File.Name) {
		return s.At.File.Name
	}
	if len(files) > 0 {
		return files[0]
	}
	return ""
}

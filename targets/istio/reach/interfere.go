package reach

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/eval"
)

// Interference is what other manifests do to the requests that those of a model let through to a service.
type Interference struct {
	Service *policy.Service
	Opened  bool     // they let through what was not; else they shut what was let through
	Mode    bool     // they change the mode of a port; Opened and Callers say nothing then
	Perhaps bool     // it depends on a policy that cannot be judged
	Callers []string // in the words of the language
	Example string   // one request: `shop/frontend may call shop/db:5432`
	By      *eval.Policy
	Rule    int // of By, counted from 0; -1 where it is none of them

	elsewhere bool // the example is from wherever
}

// Interference holds what manifests let through to a service against what those of the model do, as sets of requests.
// Labels are those of its pods.
func (m *Model) Interference(s *policy.Service, labels map[string]string, other *eval.Manifests) ([]Interference, error) {
	w := eval.Workload{Namespace: s.Namespace, Labels: labels}
	before, after := m.Manifests.For(w), other.For(w)
	if slices.EqualFunc(slices.Concat(before.Policies, before.Peers), slices.Concat(after.Policies, after.Peers), sameText) {
		return nil, nil
	}
	both, err := eval.NewSplit(m.Atoms(s), before, after)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), err)
	}
	split := &Split{both, s, true}
	type modeChange struct {
		by      *eval.Policy
		was, is eval.Mode
	}
	type key struct {
		by              *eval.Policy
		rule            int
		opened, perhaps bool
	}
	found := map[key]*Interference{}
	var order []key
	var modes []Interference
	var changes []modeChange
	for i := range both.Regions {
		r := &both.Regions[i]
		if !real(s, &r.Request) {
			continue
		}
		was, is := &r.Verdicts[0], &r.Verdicts[1]
		_, by := after.Mode(r.Request.Port)
		if change := (modeChange{by, was.Mode, is.Mode}); was.Mode != is.Mode && !slices.Contains(changes, change) {
			changes = append(changes, change)
			text := fmt.Sprintf("%s is %s, and %s by the intents", split.Target(&eval.Request{Port: r.Request.Port}), is.Mode, was.Mode)
			modes = append(modes, Interference{Service: s, Mode: true, By: by, Rule: -1, Example: text})
		}
		for c, caller := range both.Sources {
			if was.Allowed.Has(c) == is.Allowed.Has(c) && was.Undecided.Has(c) == is.Undecided.Has(c) {
				continue
			}
			k := key{opened: !was.Allowed.Has(c), perhaps: is.Undecided.Has(c)}
			d := after.Decide(r.From(caller))
			k.by, k.rule = d.Policy, d.Rule
			if mode, by := after.Mode(r.Request.Port); mode != was.Mode && (k.by == nil || there(before, k.by)) {
				k.by, k.rule = by, -1 // the rules are as they were, and the mode decides whom they see
			}
			at := found[k]
			if at == nil {
				at = &Interference{Service: s, Opened: k.opened, Perhaps: k.perhaps, By: k.by, Rule: k.rule}
				found[k] = at
				order = append(order, k)
			}
			if at.Example == "" || caller.Elsewhere && !at.elsewhere {
				at.Example, at.elsewhere = split.Witness(m.witness(caller), &r.Request, k.opened), caller.Elsewhere
			}
			name := m.class(both, c)
			if !caller.Elsewhere {
				name += place(both, c)
			}
			if !slices.Contains(at.Callers, name) {
				at.Callers = append(at.Callers, name)
			}
		}
	}
	list := modes
	for _, k := range order {
		at := found[k]
		at.Callers = slices.DeleteFunc(at.Callers, func(name string) bool {
			wide := anywhere(name)
			return wide != name && slices.Contains(at.Callers, wide)
		})
		slices.SortFunc(at.Callers, byName)
		list = append(list, *at)
	}
	slices.SortStableFunc(list, func(a, b Interference) int {
		return cmp.Compare(objectName(a.By), objectName(b.By))
	})
	return list, nil
}

func objectName(p *eval.Policy) string {
	if p == nil {
		return ""
	}
	return p.Kind + " " + p.ID()
}

func there(c *eval.Callee, p *eval.Policy) bool {
	return slices.ContainsFunc(slices.Concat(c.Policies, c.Peers), func(q *eval.Policy) bool { return sameText(p, q) })
}

// sameText tells whether two policies are the same object of the same file.
func sameText(a, b *eval.Policy) bool {
	return a.Kind == b.Kind && a.ID() == b.ID() && a.At.File.Name == b.At.File.Name && a.At.File.Text == b.At.File.Text
}

// Edge is a pair of a caller and a port, as the proxies at its two ends see it.
type Edge struct {
	From     Caller
	To       *policy.Service
	Port     uint16 // 0: the ports that nothing names
	Mode     eval.Mode
	By       *eval.Policy
	Client   eval.ClientTLS    // what callers with a sidecar open
	Rule     *eval.Destination // says so; nil where none does
	At       source.Span       // the statement; zero where there are manifests only
	Refused  string            // why the rules let no request of the edge through; empty where they let some
	Conflict string            // why what the callers open gets nowhere
}

// Edges is what the policy says may call a service, and what becomes of it by the manifests. Of a policy without rules
// it is what the manifests let through. The service must have a proxy.
func (m *Model) Edges(s *policy.Service) ([]Edge, error) {
	split, err := m.Split(s, eval.Atoms{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), err)
	}
	e := &edges{Model: m, service: s, split: split, callee: m.Callee(s), seen: map[Edge]int{}}
	for i := range s.Allow {
		r := &s.Allow[i]
		ports := r.Ports
		if len(ports) == 0 {
			for _, p := range s.Ports {
				ports = append(ports, p.Number)
			}
		}
		if len(ports) == 0 {
			ports = []uint16{split.OtherPort}
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
	slices.SortStableFunc(e.all, func(a, b Edge) int {
		return cmp.Or(a.From.Compare(b.From.Source), cmp.Compare(a.From.String(), b.From.String()), cmp.Compare(a.Port-1, b.Port-1)) // 0 wraps, and comes last
	})
	return e.all, nil
}

type edges struct {
	*Model
	service *policy.Service
	split   *Split
	callee  *eval.Callee
	all     []Edge
	seen    map[Edge]int // without what became of them
}

func (e *edges) add(f Caller, port uint16, at source.Span, refused string) {
	edge := Edge{From: f, To: e.service, Port: port}
	if port == e.split.OtherPort {
		edge.Port = 0
	}
	if i, ok := e.seen[edge]; ok {
		if refused == "" {
			e.all[i].Refused = ""
		}
		return
	}
	e.seen[edge] = len(e.all)
	edge.Mode, edge.By = e.callee.Mode(port)
	edge.Client, edge.Rule = e.client(f, edge.Port)
	edge.At, edge.Refused = at, refused
	edge.Conflict = e.conflict(&edge, port)
	e.all = append(e.all, edge)
}

// client is what a caller opens to a port. Who has no sidecar obeys no DestinationRule.
func (e *edges) client(f Caller, port uint16) (eval.ClientTLS, *eval.Destination) {
	namespace := f.Mesh
	if f.Kind == policy.FromService {
		if e.Principal(f.Service) == "" {
			return eval.AutoTLS, nil
		}
		namespace = f.Service.Namespace
	}
	hosts := e.service.Hosts
	if len(hosts) == 0 {
		hosts = []string{e.service.Name}
	}
	for _, host := range hosts {
		if d := e.Manifests.Destination(namespace, host, e.service.Namespace); d != nil && d.TLS(port) != eval.AutoTLS {
			return d.TLS(port), d
		}
	}
	return eval.AutoTLS, nil
}

// conflict is why a call is refused that the rules let through, because the caller opens what the port does not take.
func (e *edges) conflict(edge *Edge, port uint16) string {
	opens := ""
	if edge.Rule != nil {
		opens = fmt.Sprintf("DestinationRule %s has callers open %s (%s)", edge.Rule.ID(), map[bool]string{true: "plaintext", false: "TLS"}[edge.Client == eval.NoTLS], edge.Client)
	}
	switch {
	case edge.Rule == nil || edge.Mode == eval.Unknown:
	case edge.Client == eval.IstioTLS && edge.Mode == eval.Disable:
		return opens + ", and the port takes plaintext only"
	case edge.Client == eval.IstioTLS:
	case edge.Mode == eval.Strict:
		return opens + ", and the port takes mutual TLS only"
	default:
		world := func(c eval.Source) bool { return c.Principal == "" && c.Elsewhere }
		if why, _ := e.refused(port, nil, world); why != "" {
			return opens + ", so they have no identity: " + why
		}
	}
	return ""
}

// refused is why none of the callers is let through, empty where one is; known tells whether there are any.
func (e *edges) refused(port uint16, ops []policy.Operation, is func(eval.Source) bool) (why string, known bool) {
	for i := range e.split.Regions {
		r := &e.split.Regions[i]
		if r.Request.Port != port || !real(e.service, &r.Request) || !asked(&r.Request, nil, ops) {
			continue
		}
		for c, caller := range e.split.Sources {
			if !is(caller) {
				continue
			}
			if r.Verdicts[0].Allowed.Has(c) || r.Verdicts[0].Undecided.Has(c) {
				return "", true
			}
			if !known {
				why, known = e.callee.Decide(r.From(caller)).String(), true
			}
		}
	}
	return why, known
}

// intended finds out what becomes of an edge. Where no such caller can be told from others, a service outside the mesh
// without an address, there is nothing to tell.
func (e *edges) intended(f policy.Source, port uint16, rule *policy.Rule) {
	if why, known := e.refused(port, rule.Ops, func(c eval.Source) bool { return e.stands(c, f) }); known {
		e.add(Caller{Source: f}, port, rule.At, why)
	}
}

// admitted finds the edges that manifests make: for each port the widest of those who may call, and whoever is named
// where that is not everyone.
func (e *edges) admitted() {
	byPort := map[uint16][]bool{}
	var ports []uint16
	for i := range e.split.Regions {
		r := &e.split.Regions[i]
		if !real(e.service, &r.Request) {
			continue
		}
		open := byPort[r.Request.Port]
		if open == nil {
			open = make([]bool, len(e.split.Sources))
			byPort[r.Request.Port] = open
			ports = append(ports, r.Request.Port)
		}
		e.split.passes(r, open)
	}
	for _, port := range ports {
		for _, f := range e.Model.admitted(e.split.Split, byPort[port]) {
			e.add(f, port, source.Span{}, "")
		}
	}
}

// passes adds the classes that get through, or may.
func (s *Split) passes(r *eval.Region, open []bool) {
	o := &r.Verdicts[0]
	for _, set := range [...]eval.Set{o.Allowed, o.Undecided} {
		for n := range set.All() {
			open[n] = open[n] || !unproved(s.Sources[n], o.Mode)
		}
	}
}

// Exposed tells who of those that no policy and no edge names may call a service.
func (m *Model) Exposed(s *policy.Service) ([]Caller, error) {
	split, err := m.Split(s, eval.Atoms{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), err)
	}
	open := make([]bool, len(split.Sources))
	for i := range split.Regions {
		if r := &split.Regions[i]; real(s, &r.Request) {
			split.passes(r, open)
		}
	}
	for n, src := range split.Sources {
		open[n] = open[n] && (src.Elsewhere || src.Principal != "" || !m.outsider(s, src))
	}
	return slices.DeleteFunc(m.admitted(split.Split, open), func(c Caller) bool { return !c.wide }), nil
}

// outsider tells whether a caller is at the addresses of a service outside the mesh that an edge names.
func (m *Model) outsider(s *policy.Service, caller eval.Source) bool {
	return slices.ContainsFunc(s.Allow, func(r policy.Rule) bool {
		return slices.ContainsFunc(r.From, func(f policy.Source) bool { return f.Kind == policy.FromService && m.Is(caller, f) })
	})
}

// Guarded tells whether an ALLOW policy selects a service, so that what no rule allows is denied.
func (m *Model) Guarded(s *policy.Service) bool {
	return slices.ContainsFunc(m.Callee(s).Policies, func(p *eval.Policy) bool { return p.Action == eval.Allow && !p.DryRun })
}

// Widened reports rules that deny by fields of HTTP on ports that are declared as something else, where they deny more
// than they say.
func (m *Model) Widened(s *policy.Service) (list diag.List) {
	for _, p := range m.Callee(s).Policies {
		for rule := range p.Rules() {
			for _, port := range s.Ports {
				if port.Protocol != policy.ProtocolUnset && !port.Protocol.IsHTTP() && p.Widens(rule, port.Number) {
					list.Add(diag.Misleading, p.RuleAt(rule), "%s:%d is %s, so %s %s denies there whatever its rule %d says of HTTP", s.ID(), port.Number, port.Protocol, p.Kind, p.ID(), rule).
						WithHelp("name the ports that are HTTP in the rule")
				}
			}
		}
	}
	return list
}

// Unmatched reports DestinationRules that set the TLS of callers of something in the mesh, or of one of its ports, that is
// not known here.
func (m *Model) Unmatched() (list diag.List) {
	for _, d := range m.Manifests.Destinations {
		if !d.Sets() {
			continue
		}
		matched := false
		ports := d.Ports()
		for _, mesh := range m.Policy.Meshes {
			for _, s := range mesh.Services {
				for _, host := range append(slices.Clone(s.Hosts), s.Name)[:max(len(s.Hosts), 1)] {
					if d.Matches(host, s.Namespace) {
						matched = true
						ports = slices.DeleteFunc(ports, func(port uint16) bool {
							return len(s.Ports) == 0 || slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Number == port })
						})
					}
				}
			}
		}
		switch {
		case !matched:
			list.Add(diag.Unevaluable, d.At, "the DestinationRule %s sets the TLS of the callers of %s, which is no service here: it is not judged", d.ID(), d.Host).Severity = diag.Warning
		case len(ports) > 0:
			list.Add(diag.Unevaluable, d.At, "the DestinationRule %s sets the TLS of the port %d of %s, which is none of its container ports: it is not judged", d.ID(), ports[0], d.Host).Severity = diag.Warning
		}
	}
	return list
}

// Names is a few words for callers.
func (i *Interference) Names() string {
	if len(i.Callers) > 3 {
		return strings.Join(i.Callers[:3], ", ") + fmt.Sprintf(" and %d more", len(i.Callers)-3)
	}
	return strings.Join(i.Callers, ", ")
}

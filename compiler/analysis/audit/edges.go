package audit

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/model"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Edge is a pair of a caller and a port, as the proxies at its two ends see it.
type Edge struct {
	From     model.Caller
	To       *policy.Service
	Port     uint16 // 0: the ports that nothing names
	Mode     enforce.Mode
	By       *enforce.Object
	Client   enforce.ClientTLS    // what callers with a sidecar open
	Rule     *enforce.Destination // says so; nil where none does
	At       source.Span          // the statement; zero where there are manifests only
	Refused  string               // why the rules let no request of the edge through; empty where they let some
	Conflict string               // why what the callers open gets nowhere
}

// Edges is what the policy says may call a service, and what becomes of it by the manifests. Of a policy without rules
// it is what the manifests let through. The service must have a proxy.
func Edges(m *model.Model, s *policy.Service) ([]Edge, error) {
	split, err := m.Split(s, space.Distinctions{})
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
	slices.SortStableFunc(e.all, func(a, b Edge) int {
		return cmp.Or(a.From.Compare(b.From.Source), cmp.Compare(a.From.String(), b.From.String()), cmp.Compare(a.Port-1, b.Port-1)) // 0 wraps, and comes last
	})
	return e.all, nil
}

type edges struct {
	*model.Model
	service *policy.Service
	split   *model.Split
	callee  *enforce.Point
	all     []Edge
	seen    map[Edge]int // without what became of them
}

func (e *edges) add(f model.Caller, port uint16, at source.Span, refused string) {
	edge := Edge{From: f, To: e.service, Port: port}
	if port == e.split.Other.Port() {
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
	edge.Client, edge.Rule = Opens(e.Model, f.Source, e.service, edge.Port)
	edge.At, edge.Refused = at, refused
	edge.Conflict = e.conflict(&edge, port)
	e.all = append(e.all, edge)
}

// Opens is what the sidecar of a caller opens to a port of a service, and the DestinationRule that says so, nil where none
// does. Who has no sidecar obeys none.
func Opens(m *model.Model, f policy.Source, s *policy.Service, port uint16) (enforce.ClientTLS, *enforce.Destination) {
	namespace := f.Mesh
	if f.Kind == policy.FromService {
		if m.Principal(f.Service) == "" {
			return enforce.AutoTLS, nil
		}
		namespace = f.Service.Namespace
	}
	for _, host := range hosts(s) {
		if d := m.Manifests.Destination(namespace, host, s.Namespace); d != nil && d.TLS(port) != enforce.AutoTLS {
			return d.TLS(port), d
		}
	}
	return enforce.AutoTLS, nil
}

// hosts is the names of the Kubernetes Services in front of a service.
func hosts(s *policy.Service) []string {
	if len(s.Hosts) == 0 {
		return []string{s.Name}
	}
	return s.Hosts
}

// conflict is why a call is refused that the rules let through, because the caller opens what the port does not take.
func (e *edges) conflict(edge *Edge, port uint16) string {
	opens := ""
	if edge.Rule != nil {
		opens = Opening(edge.Client, edge.Rule)
	}
	switch {
	case edge.Rule == nil || edge.Mode == enforce.Unknown:
	case edge.Client == enforce.IstioTLS && edge.Mode == enforce.Disable:
		return opens + ", and the port takes plaintext only"
	case edge.Client == enforce.IstioTLS:
	case edge.Mode == enforce.Strict:
		return opens + ", and the port takes mutual TLS only"
	default:
		world := func(c space.Source) bool { return c.Identity() == "" && c.Elsewhere }
		if why, _ := e.refused(port, nil, world); why != "" {
			return opens + ", so they have no identity: " + why
		}
	}
	return ""
}

// Opening says what a DestinationRule has callers open.
func Opening(tls enforce.ClientTLS, rule *enforce.Destination) string {
	what := "TLS"
	if tls == enforce.NoTLS {
		what = "plaintext"
	}
	return fmt.Sprintf("DestinationRule %s has callers open %s (%s)", rule.ID(), what, tls)
}

// refused is why none of the callers is let through, empty where one is; known tells whether there are any.
func (e *edges) refused(port uint16, ops []policy.Operation, is func(space.Source) bool) (why string, known bool) {
	for i := range e.split.Operations {
		r := &e.split.Operations[i]
		if r.Request.Port() != port || !model.Occurs(e.service, &r.Request) || !model.Matches(&r.Request, nil, ops) {
			continue
		}
		for c, caller := range e.split.Sources {
			if !is(caller) {
				continue
			}
			if r.Outcomes[0].Allowed.Has(c) || r.Outcomes[0].Undecided.Has(c) {
				return "", true
			}
			if !known {
				why, known = e.split.Decision(r, 0, c).String(), true
			}
		}
	}
	return why, known
}

// intended finds out what becomes of an edge. Where no such caller can be told from others, a service outside the mesh
// without an address, there is nothing to tell.
func (e *edges) intended(f policy.Source, port uint16, rule *policy.Rule) {
	if why, known := e.refused(port, rule.Ops, func(c space.Source) bool { return e.Stands(c, f) }); known {
		e.add(model.Caller{Source: f}, port, rule.At, why)
	}
}

// admitted finds the edges that manifests make: for each port the widest of those who may call, and whoever is named
// where that is not everyone.
func (e *edges) admitted() {
	byPort := map[uint16][]bool{}
	var ports []uint16
	for i := range e.split.Operations {
		r := &e.split.Operations[i]
		if !model.Occurs(e.service, &r.Request) {
			continue
		}
		open := byPort[r.Request.Port()]
		if open == nil {
			open = make([]bool, len(e.split.Sources))
			byPort[r.Request.Port()] = open
			ports = append(ports, r.Request.Port())
		}
		e.split.Passes(r, open)
	}
	for _, port := range ports {
		for _, f := range e.Model.Admitted(e.split.Classes, byPort[port]) {
			e.add(f, port, source.Span{}, "")
		}
	}
}

// Exposed tells who of those that no policy and no edge names may call a service.
func Exposed(m *model.Model, s *policy.Service) ([]model.Caller, error) {
	split, err := m.Split(s, space.Distinctions{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), err)
	}
	open := make([]bool, len(split.Sources))
	for i := range split.Operations {
		if r := &split.Operations[i]; model.Occurs(s, &r.Request) {
			split.Passes(r, open)
		}
	}
	for n, src := range split.Sources {
		open[n] = open[n] && (src.Elsewhere || src.Identity() != "" || !outsider(m, s, src))
	}
	return slices.DeleteFunc(m.Admitted(split.Classes, open), func(c model.Caller) bool { return !c.Wide }), nil
}

// outsider tells whether a caller is at the addresses of a service outside the mesh that an edge names.
func outsider(m *model.Model, s *policy.Service, caller space.Source) bool {
	return slices.ContainsFunc(s.Allow, func(r policy.Rule) bool {
		return slices.ContainsFunc(r.From, func(f policy.Source) bool { return f.Kind == policy.FromService && m.Is(caller, f) })
	})
}

// Unmatched reports DestinationRules that set the TLS of callers of something in the mesh, or of one of its ports, that is
// not known here.
func Unmatched(m *model.Model) (list diag.List) {
	for _, d := range m.Manifests.Destinations {
		if !d.Sets() {
			continue
		}
		matched := false
		ports := d.Ports()
		for _, mesh := range m.Policy.Meshes {
			for _, s := range mesh.Services {
				for _, host := range hosts(s) {
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
			list.Add(diag.Unjudged, d.At, "the DestinationRule %s sets the TLS of the callers of %s, which is no service here: it is not judged", d.ID(), d.Host)
		case len(ports) > 0:
			list.Add(diag.Unjudged, d.At, "the DestinationRule %s sets the TLS of the port %d of %s, which is none of its container ports: it is not judged", d.ID(), ports[0], d.Host)
		}
	}
	return list
}

package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Remedy is what would allow a query that is denied. Every way has been tried: the check accepts it, and it opens what
// is asked for and no more, unless its kind says so. Where none is left, Breaks, Refused, Whole or Shut says what
// stands in the way.
type Remedy struct {
	Ways    []Way         // each of them would do
	Breaks  []source.Span // the guards that forbid it
	Refused diag.List     // why the check refuses the first of the ways
	Whole   []source.Span // what denies it, where no statements deny all the rest of that
	Shut    *network.Step // where the network refuses what a way opens
}

// Way is a change of a project that allows a query.
type Way struct {
	Kind     WayKind
	Narrow   []source.Span // statements that deny the query and must let it through
	Instead  [][]Text      // what takes the place of each of these, so that nothing but the query is let through
	Replaced []source.Span // statements that the new ones take the place of
	Write    []Statement   // may be empty where there is something to narrow
}

// Text is a statement as it is written.
type Text struct{ Mesh, File, Text string }

// WayKind is what a way does, apart from writing edges.
type WayKind uint8

const (
	InCallee  WayKind = iota // by statements in the callee's section
	InCaller                 // by an edge in the caller's section, and the consent of the callee's
	Everyone                 // by letting in every caller that reaches the port: no identity is proved there
	Plaintext                // by letting plaintext in: callers have no identity
)

// Everyone reports whether a way lets in callers that the query does not ask about, as its kind says.
func (w *Way) Everyone() bool { return w.Kind == Everyone || w.Kind == Plaintext }

// Trial is what comes of a way when it is tried.
type Trial struct {
	Refused  diag.List     // the errors of the check; the rest is empty then
	Allows   bool          // the query is allowed afterwards
	Exceeds  bool          // and so is more than the way speaks of
	Denied   []source.Span // what denies it all the same
	Shut     *network.Step // where the network alone refuses it
	Breaks   []source.Span // the guards that break
	Replaced []source.Span // the statements that had to go
	Narrow   []source.Span // the statements that were narrowed
	Instead  [][]Text      // what took the place of these
}

// remedy proposes ways to allow the query, and keeps those that pass their trial.
func (e *explaining) remedy() error {
	ways := e.ways()
	if e.options.Try == nil {
		return nil
	}
	for _, w := range ways {
		if err := e.try(w); err != nil {
			return err
		}
	}
	if len(e.Remedy.Ways) > 0 {
		e.Remedy.Breaks, e.Remedy.Refused, e.Remedy.Whole, e.Remedy.Shut = nil, nil, nil, nil
	}
	return nil
}

func (e *explaining) try(w Way) error {
	t, err := e.trial(&w)
	if err != nil {
		return err
	}
	switch {
	case len(t.Refused) > 0:
		if len(e.Remedy.Refused) == 0 {
			e.Remedy.Refused = t.Refused
		}
	case !t.Allows:
		if t.Shut != nil {
			e.Remedy.Shut = t.Shut
		}
	case len(t.Breaks) > 0:
		for _, at := range t.Breaks {
			if !slices.Contains(e.Remedy.Breaks, at) {
				e.Remedy.Breaks = append(e.Remedy.Breaks, at)
			}
		}
	case t.Exceeds:
		e.Remedy.Whole = t.Narrow
	default:
		w.Narrow, w.Instead, w.Replaced = t.Narrow, t.Instead, t.Replaced
		e.Remedy.Ways = append(e.Remedy.Ways, w)
	}
	return nil
}

// trial tries a way, without the consent that it asks for if that has been given.
func (e *explaining) trial(w *Way) (Trial, error) {
	consented := *w
	consented.Write = slices.DeleteFunc(slices.Clone(w.Write), func(s Statement) bool { return s.Kind == Export })
	if len(consented.Write) < len(w.Write) {
		t, err := e.options.Try(e.Query, consented)
		if err != nil || len(t.Refused) == 0 {
			*w = consented
			return t, err
		}
	}
	return e.options.Try(e.Query, *w)
}

// ways is what might allow the query, the narrowest first.
func (e *explaining) ways() []Way {
	m, q := e.model, &e.Query
	narrow, lacks := e.Denying(), e.Answer.lacks
	plaintext := (e.fromOutside() || q.From.Kind == policy.FromWorld) && e.needsIdentity()
	if !lacks && !plaintext && len(narrow) > 0 {
		return []Way{{Narrow: narrow}}
	}
	edge, across := edges(m, q)
	mode := func(port uint16) Statement {
		return Statement{Kind: Mode, Mesh: edge.Mesh, File: edge.File, To: q.To, Port: port}
	}
	if plaintext {
		return []Way{{Kind: Plaintext, Narrow: narrow, Write: []Statement{mode(q.Port), edge}}}
	}
	var all []Way
	var modes []Statement // what makes ports take mutual TLS, without which the edge would match nobody
	for _, port := range disabled(m, q) {
		modes = append(modes, mode(port))
	}
	all = append(all, Way{Kind: InCallee, Narrow: narrow, Write: append(modes, edge)})
	if len(across) > 0 {
		all = append(all, Way{Kind: InCaller, Narrow: narrow, Write: append(modes[:len(modes):len(modes)], across...)})
	}
	if len(modes) > 0 {
		world := edge
		world.From = policy.Source{Kind: policy.FromWorld}
		all = append(all, Way{Kind: Everyone, Narrow: narrow, Write: []Statement{world}})
	}
	return all
}

// Denying is the statements by which requests of the query are denied.
func (e *Explanation) Denying() (all []source.Span) {
	if e.Answer == nil {
		return nil
	}
	for _, p := range e.Answer.Ports {
		for _, c := range p.Callers {
			for _, k := range c.Cases {
				for _, at := range k.Intents {
					if k.Verdict == enforce.Denied && k.Reason != enforce.BadToken && !slices.Contains(all, at) {
						all = append(all, at)
					}
				}
			}
		}
	}
	return all
}

// disabled is the ports without mutual TLS, 0 for those of the callee's own mode, where a query is about identities.
func disabled(m *model.Model, q *Query) (ports []uint16) {
	if q.From.Kind == policy.FromWorld || q.From.Kind == policy.FromService && !q.From.Service.Proxied() {
		return nil
	}
	is := func(port uint16) bool { return m.Policy.ModeOf(m.Mesh(q.To.Namespace), q.To, port) == policy.Disable }
	switch {
	case q.Port != 0 && is(q.Port):
		return []uint16{q.Port}
	case q.Port != 0:
		return nil
	case len(q.Ops) == 0 && is(0):
		ports = append(ports, 0)
	}
	for _, p := range q.To.Ports {
		own := p.Mode != policy.ModeUnset || len(ports) == 0
		if own && is(p.Number) && (len(q.Ops) == 0 || p.Protocol.IsHTTP()) {
			ports = append(ports, p.Number)
		}
	}
	return ports
}

// remedyForExternal proposes the edge that makes the caller's Sidecar know the external.
func (e *explaining) remedyForExternal() error {
	x := e.External
	mesh := e.model.Mesh(x.Namespace)
	if !e.Egress.Declared || e.options.Try == nil || e.From.Kind != policy.FromService || e.From.Service.Namespace != x.Namespace || len(mesh.Files) == 0 {
		return nil
	}
	return e.try(Way{Write: []Statement{{Mesh: mesh.Name, File: mesh.Files[0], From: e.From, External: x, Port: e.Port}}})
}

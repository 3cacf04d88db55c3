// Package explain answers why a request is decided as it is: by which policy, rule and intent, by which chain of calls a
// caller gets there all the same, and what would allow it.
//
// A query is about a caller, a callee and perhaps a port and an operation. The classes of requests that the manifests
// distinguish, cut once more by the query, are either about it or not, so an answer for a class holds for each request in
// it. Cases stand in the order in which a proxy looks at rules: DENY, what cannot be judged, ALLOW, then the rest; each holds
// for the requests that no case before it takes.
//
// A remedy is the statements that would allow what is denied: an edge, and what keeps an edge from helping (a deny, a port
// that takes no mutual TLS). It names the guards that it would break.
package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Options is what an explanation depends on besides the model.
type Options struct {
	Built    bool     // the policies come from intents, so that an explanation has a remedy
	Sidecars bool     // each workload of the project has a Sidecar, which keeps it from calling undeclared externals
	Notes    []string // about every answer

	// Guesses says in words what was assumed about the services that it is asked for; nil where nothing was.
	Guesses func(about func(*policy.Service) bool) []string
}

// Verdict sums up an explanation.
type Verdict string

const (
	Allowed   Verdict = "allowed"
	Partly    Verdict = "partly" // some of the requests are allowed, others are not
	Denied    Verdict = "denied"
	Undecided Verdict = "undecided"
)

// Explanation is everything there is to say about a query.
type Explanation struct {
	Query
	Verdict Verdict
	Answer  *Answer       // nil where no policy decides: for externals and workloads without a proxy
	Chain   *model.Chain  // by which the caller gets there all the same; nil where it does not, or needs no chain
	Remedy  Remedy        // of a build, where the query is denied
	Breaks  []source.Span // the guards that the remedy would break
	Notes   []string
}

// Explain answers a query. The error is a *QueryError where the query asks about requests that cannot exist, or names a
// service whose policies distinguish too many kinds of requests.
func Explain(m *model.Model, q Query, o Options) (*Explanation, error) {
	e := &explaining{Explanation: Explanation{Query: q, Notes: slices.Clone(o.Notes)}, model: m, options: o}
	if q.Note != "" {
		e.note("%s", q.Note)
	}
	var err error
	switch {
	case q.External != nil:
		e.external()
	case !q.To.Proxied():
		e.Verdict = Allowed
		e.first("%s has no proxy: no policy binds it, and every caller that reaches it on the network may call it, in plaintext", q.To.ID())
	default:
		err = e.service()
	}
	return &e.Explanation, err
}

type explaining struct {
	Explanation
	model   *model.Model
	options Options
}

func (e *explaining) note(format string, args ...any) {
	e.Notes = append(e.Notes, fmt.Sprintf(format, args...))
}

func (e *explaining) first(format string, args ...any) {
	e.Notes = slices.Insert(e.Notes, 0, fmt.Sprintf(format, args...))
}

// service answers for a callee that policies bind.
func (e *explaining) service() (err error) {
	m := e.model
	if from := e.From.Service; from != nil && from.Proxied() && m.Principal(from) == "" {
		e.note("the account of %s is not known, so this is for all of them; --workloads says which it is", from.ID())
		e.From = policy.Source{Kind: policy.FromAny}
	}
	q := question{From: e.From, To: e.To, Port: e.Port, Ops: e.Ops}
	if e.Answer, err = answer(m, q); err != nil {
		return err
	}
	if len(e.Answer.Ports) == 0 {
		return wrong("no HTTP reaches %s there, so it has no methods and paths: ask without them", e.To.ID())
	}
	e.Verdict = e.Answer.verdict()
	if e.Verdict == Denied {
		if e.Chain, err = nearest(m, q); err != nil {
			return err
		}
		if e.options.Built {
			e.Remedy = remedyOf(m, e.Answer)
			e.breaks()
		}
	}
	if e.options.Guesses != nil {
		e.Notes = append(e.Notes, e.options.Guesses(func(s *policy.Service) bool {
			return s == e.From.Service || s != e.To && e.Chain != nil && slices.Contains(e.Chain.Services, s)
		})...)
	}
	if tls, rule := m.Opens(e.From, e.To, e.Port); rule != nil {
		e.note("%s, which is not judged here: meshc verify judges it", model.Opening(tls, rule))
	}
	if mesh := m.Mesh(e.To.Namespace); mesh != nil && mesh.Declares {
		e.note("%s only declares services here, so nothing closes it: its owner may have", mesh.Name)
	}
	if e.From.Kind == policy.FromService && !e.From.Service.Proxied() {
		e.note("%s has no proxy, and so no identity and no mutual TLS", e.From.Service.ID())
		if e.Verdict == Denied && e.options.Built && e.needsIdentity() {
			e.note("to allow it, bring %s into the mesh, or let the port take plaintext too (`mtls %s permissive`) and write the edge", e.From.Service.Name, e.portName())
		}
	}
	return nil
}

// portName is the callee as an mtls statement of its mesh names it.
func (e *explaining) portName() string {
	if e.Port == 0 {
		return e.To.Name
	}
	return fmt.Sprintf("%s:%d", e.To.Name, e.Port)
}

// needsIdentity reports whether requests are denied because their callers have no identity.
func (e *explaining) needsIdentity() bool {
	for _, p := range e.Answer.Ports {
		for _, c := range p.Callers {
			if slices.ContainsFunc(c.Cases, func(k Case) bool { return k.Reason == enforce.Plaintext }) {
				return true
			}
		}
	}
	return false
}

// breaks gathers the guards that the remedy would break. It looks at the two sides of a guard and not at its operations.
func (e *explaining) breaks() {
	if len(e.Remedy.Narrow) == 0 && e.Remedy.Line.Text == "" {
		return
	}
	for _, g := range e.model.Policy.Guards {
		breaks := g.Kind == policy.Never && policy.Includes(g.From, e.From) && !policy.Includes(g.Except, e.From) ||
			g.Kind == policy.Only && !policy.Includes(g.From, e.From) && !policy.Includes(g.Except, e.From)
		overlap := len(g.Ports) == 0 || e.Port == 0 || slices.Contains(g.Ports, e.Port)
		if breaks && overlap && slices.Contains(g.To, e.To) && !slices.Contains(e.Breaks, g.At) {
			e.Breaks = append(e.Breaks, g.At)
		}
	}
}

// external answers for an external: no policy binds it, so that only a Sidecar of the caller can stop a call.
func (e *explaining) external() {
	x := e.External
	e.first("%s (%s) is outside the mesh: no policy binds it and it has no mutual TLS of the mesh; the ServiceEntry %s makes it known", e.callee(), strings.Join(x.Hosts, ", "), e.callee())
	declared := e.Port == 0 || slices.ContainsFunc(x.Ports, func(p policy.ExternalPort) bool { return p.Number == e.Port })
	if !declared {
		e.note("port %d is not declared for it, so it is not in the ServiceEntry", e.Port)
	}
	e.Verdict = Allowed
	var within []string // callers of the external that the source includes
	for _, f := range x.Callers {
		if e.From.Includes(f) {
			within = append(within, f.String())
		}
	}
	switch {
	case declared && policy.Includes(x.Callers, e.From):
		e.note("an edge leads to it")
	case !e.options.Sidecars:
		e.note("no edge of %s leads to it, and nothing in the mesh stops such a call: `targets.istio.sidecars: true` in meshc.yaml does, and so does REGISTRY_ONLY as the mesh's outboundTrafficPolicy", e.From)
	case e.withoutSidecar():
		e.note("no edge of %s leads to it, and it has no Sidecar that would stop the call", e.From)
	case declared && len(within) > 0:
		e.Verdict = Partly
		e.note("of %s, edges of %s lead to it; the Sidecars of the others stop such calls", e.From, strings.Join(within, ", "))
	case e.From.Kind == policy.FromAny || e.From.Kind == policy.FromWorld:
		e.Verdict = Partly
		e.note("the Sidecars of this project stop such calls, and callers without one may make them")
	default:
		e.Verdict = Denied
		e.note("no edge of %s leads to it, and a Sidecar lets its workload call nothing else", e.From)
		mesh := e.model.Mesh(x.Namespace)
		if declared && e.From.Kind == policy.FromService && e.From.Service.Namespace == x.Namespace && len(mesh.Files) > 0 {
			port := ""
			if e.Port != 0 {
				port = fmt.Sprintf(":%d", e.Port)
			}
			e.Remedy.Line = Line{Text: e.From.Service.Name + " -> " + x.Name + port, Mesh: mesh.Name, File: mesh.Files[0]}
		}
	}
}

// withoutSidecar reports whether the caller has no Sidecar: it has no proxy, or belongs to a mesh that only declares.
func (e *explaining) withoutSidecar() bool {
	mesh := e.From.Mesh
	if s := e.From.Service; s != nil {
		if !s.Proxied() {
			return true
		}
		mesh = s.Namespace
	}
	of := e.model.Mesh(mesh)
	return of != nil && of.Declares
}

// Package explain answers why a request is allowed or denied: by which policy, rule and intent, through which chain of
// calls a caller reaches the callee anyway, and what would allow the request.
//
// A query is about a caller, a callee and optionally a port and an operation. The query further divides the classes of
// requests that the manifests distinguish, so each class is either entirely part of it or not, and an answer for a
// class holds for every request in it. Cases are ordered as a proxy evaluates rules: DENY, what cannot be judged,
// ALLOW, then the rest; each holds for the requests that no earlier case covers.
//
// A remedy is a set of statements that would allow what is denied. It is proposed from the policy and then tried:
// Options.Try writes the statements into the project, checks it, and asks the same query of the manifests that the
// changed project emits. A remedy that the check refuses, that leaves the request denied, or that breaks a never or
// only is not offered; the answer then says what stands in the way. Results are values; wording is up to the renderer.
package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// Options is what an explanation depends on besides the model.
type Options struct {
	Sidecars bool   // each workload of the project has a Sidecar, which keeps it from calling undeclared externals
	Notes    []Note // about every answer

	Workloads bool // services without labels are accounts that no workload runs as: every workload is known

	// Unread reports whether pods that are not known may run as an account of a namespace; nil where there are none.
	Unread func(namespace, account string) bool

	// Try writes a remedy into the project and says what comes of it. It is nil where there is no project to write it
	// into; there are no remedies then.
	Try func(Query, Way) (Trial, error)

	// Assumed returns what was assumed about the services that it is asked for; nil where nothing was.
	Assumed func(about func(*policy.Service) bool) []model.Assumption
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
	Network []Reach      // what becomes of the connections before; empty where nothing is known of the network
	Answer  *Answer      // nil where no policy decides: for externals and workloads without a proxy
	Egress  *Egress      // of an external
	Near    []NearMiss   // where the query is denied; at most three
	Chain   *model.Chain // by which the caller gets there all the same; nil where it does not, or needs no chain
	Remedy  Remedy       // of a build, where the query is denied
	UDP     []uint16     // ports in question that no proxy sees, sorted: everyone may call them
	Notes   []Note
}

// Explain answers a query. The error is a *QueryError where the query asks about requests that cannot exist, or names a
// service whose policies distinguish too many kinds of requests.
func Explain(m *model.Model, q Query, o Options) (*Explanation, error) {
	e := &explaining{Explanation: Explanation{Query: q, Notes: slices.Concat(o.Notes, q.Notes)}, model: m, options: o}
	var err error
	switch {
	case q.External != nil:
		err = e.external()
	case !q.To.Proxied():
		e.Verdict = Allowed
		e.reach(e.openPorts())
		e.Notes = slices.Insert(e.Notes, 0, Note(CalleeOutside{q.To}))
		e.unanswered()
	default:
		err = e.service()
	}
	return &e.Explanation, err
}

// Allows reports whether the query is allowed, but for tokens that the callee takes from nobody.
func (e *Explanation) Allows() bool {
	if e.Answer == nil || e.Verdict != Partly {
		return e.Verdict == Allowed
	}
	for _, p := range e.Answer.Ports {
		for _, c := range p.Callers {
			for _, k := range c.Cases {
				if k.Verdict != enforce.Allowed && k.Reason != enforce.BadToken {
					return false
				}
			}
		}
	}
	return len(e.UDP) == 0
}

type explaining struct {
	Explanation
	model   *model.Model
	options Options
}

func (e *explaining) note(n Note) { e.Notes = append(e.Notes, n) }

// service answers for a callee that policies bind.
func (e *explaining) service() (err error) {
	m := e.model
	if from := e.From.Service; from != nil && from.Proxied() && m.Principal(from) == "" {
		e.note(UnknownAccount{from})
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
	e.udp()
	if e.Verdict == Denied { // whatever the network lets through
		if e.Chain, err = nearest(m, q, e.withoutPods()); err != nil {
			return err
		}
		if err := e.near(); err != nil {
			return err
		}
		if err := e.remedy(); err != nil {
			return err
		}
	}
	e.reach(e.Answer.Ports)
	if e.options.Assumed != nil {
		for _, a := range e.options.Assumed(func(s *policy.Service) bool {
			return s == e.From.Service || s != e.To && e.Chain != nil && slices.Contains(e.Chain.Services, s)
		}) {
			e.note(Assumed{a})
		}
	}
	e.accountOfNobody()
	e.connections()
	e.routes()
	if all := m.Callee(e.To).Unsure(); e.To.Partial && e.Verdict != Allowed && e.Verdict != Denied && len(all) > 0 {
		e.note(MayBind{e.To, all})
	}
	switch callee := m.Callee(e.To); {
	case !callee.Judged():
		e.note(CalleeUnjudged{e.To})
	case callee.Gateway():
		e.note(CalleeGateway{e.To})
	}
	if mesh := m.Mesh(e.To.Namespace); mesh != nil && !mesh.Closes(e.To) {
		e.note(DeclaredOnly{mesh})
	}
	if from := e.From.Service; e.fromOutside() && !m.Policy.Meshless {
		e.note(CallerOutside{from})
	} else if from != nil && !from.Dataplane.Judged() && !e.fromOutside() {
		e.note(CallerUnjudged{from})
	}
	return nil
}

// withoutPods is the accounts that no workload runs as, which nobody can call.
func (e *explaining) withoutPods() (all []policy.Source) {
	if !e.options.Workloads {
		return nil
	}
	for _, s := range e.model.Policy.Services() {
		if e.nobody(s) && s != e.From.Service {
			all = append(all, policy.Source{Service: s})
		}
	}
	return all
}

// nobody reports whether a service is an account that no workload runs as, where every workload is known.
func (e *explaining) nobody(s *policy.Service) bool {
	return s.Proxied() && len(s.Labels) == 0 && (e.options.Unread == nil || !e.options.Unread(s.Namespace, s.Account))
}

// accountOfNobody notes an account that is called like the caller and that no known workload runs as.
func (e *explaining) accountOfNobody() {
	from := e.From.Service
	if from == nil || !e.options.Workloads {
		return
	}
	if mesh := e.model.Mesh(from.Namespace); mesh != nil && slices.Contains(mesh.Services, from) {
		for _, s := range mesh.Services {
			if s != from && s.Account == from.Name && from.Account != from.Name && e.nobody(s) {
				e.note(AccountOfNobody{s, from})
			}
		}
	}
}

// udp adds the ports in question that no proxy sees, because they are not TCP: everyone may call them.
func (e *explaining) udp() {
	for _, port := range e.To.UDP {
		if len(e.Ops) == 0 && (e.Port == 0 || e.Port == port) {
			e.UDP = append(e.UDP, port)
		}
	}
	if len(e.UDP) > 0 && e.Verdict != Allowed {
		e.Verdict = Partly
	}
}

func (e *explaining) fromOutside() bool {
	return e.From.Kind == policy.FromService && !e.From.Service.Proxied()
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

package model

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// Judgement is the result of one never, always or only.
type Judgement struct {
	Guard  *policy.Guard
	Broken *diag.Diagnostic // nil where it holds
}

// Judge checks every guard of the policy against what the manifests let through. The error says why one could not be
// judged.
func (m *Model) Judge() ([]Judgement, error) {
	judged := make([]Judgement, 0, len(m.Policy.Guards))
	callees := m.judgeCallees(m.Policy.Guards)
	for _, g := range m.Policy.Guards {
		broken, err := m.judge(g, callees)
		if err != nil {
			return nil, err
		}
		judged = append(judged, Judgement{g, broken})
	}
	return judged, nil
}

// Broken is the findings of the guards that do not hold.
func Broken(judged []Judgement) diag.List {
	var broken diag.List
	for _, j := range judged {
		if j.Broken != nil {
			broken = append(broken, *j.Broken)
		}
	}
	return broken
}

// Breaks reports whether the manifests break a guard. The error says why it could not be judged.
func (m *Model) Breaks(g *policy.Guard) (bool, error) {
	broken, err := m.judge(g, m.judgeCallees([]*policy.Guard{g}))
	return broken != nil, err
}

// aboutCallee is a guard and one of its destinations that have a proxy.
type aboutCallee struct {
	guard  *policy.Guard
	callee *policy.Service
}

type verdict struct {
	broken *diag.Diagnostic // nil where the guard holds for the callee
	err    error
}

// judgeCallees judges guards about single calls. Those about the same operations of a callee share a division of its
// requests.
func (m *Model) judgeCallees(guards []*policy.Guard) map[aboutCallee]verdict {
	type shared struct {
		callee *policy.Service
		key    string
	}
	alike := map[shared]*guardsOf{}
	byCallee := map[*policy.Service][]*guardsOf{}
	var order []*policy.Service
	for _, g := range guards {
		if g.Kind == policy.Never && g.Transitive {
			continue
		}
		key := g.Requests.Key()
		for _, s := range g.To {
			if !s.Proxied() {
				continue
			}
			if byCallee[s] == nil {
				order = append(order, s)
			}
			of := alike[shared{s, key}]
			if of == nil {
				of = &guardsOf{requests: []*policy.Requests{&g.Requests}}
				alike[shared{s, key}] = of
				byCallee[s] = append(byCallee[s], of)
			}
			of.guards = append(of.guards, g)
		}
	}
	j := &judging{model: m, verdicts: map[aboutCallee]verdict{}}
	for _, s := range order {
		for _, all := range batches(byCallee[s]) {
			j.judge(s, all)
		}
	}
	return j.verdicts
}

// guardsOf is guards about the same requests of a callee, or about any of several.
type guardsOf struct {
	requests []*policy.Requests
	guards   []*policy.Guard
}

// batch is how many different requests share a division, where a callee has guards about many more: to divide its
// requests for each would take as long as there are both edges and guards, and to divide them for all at once tells too
// many apart.
const batch = 64

// batches joins guards about different requests of one callee, if there are many. Those with conditions multiply the
// kinds of requests, and stay alone.
func batches(all []*guardsOf) (joined []*guardsOf) {
	if len(all) <= batch {
		return all
	}
	var open *guardsOf
	for _, of := range all {
		switch {
		case len(of.requests[0].Where) > 0:
			joined = append(joined, of)
		case open == nil || len(open.requests) == batch:
			open = &guardsOf{slices.Clone(of.requests), slices.Clone(of.guards)}
			joined = append(joined, open)
		default:
			open.requests, open.guards = append(open.requests, of.requests...), append(open.guards, of.guards...)
		}
	}
	return joined
}

// judging is the judgement of guards about single calls.
type judging struct {
	model      *Model
	classifier enforce.Classifier
	verdicts   map[aboutCallee]verdict
}

func (j *judging) judge(s *policy.Service, of *guardsOf) {
	m := j.model
	for _, q := range of.requests {
		if err := m.knownDimensions(q); err != nil {
			for _, g := range of.guards {
				j.verdicts[aboutCallee{g, s}] = verdict{err: err}
			}
			return
		}
	}
	var extra space.Distinctions
	for _, g := range of.guards {
		m.AddSources(&extra, s, g.From)
		m.AddSources(&extra, s, g.Except)
	}
	for _, q := range of.requests {
		m.AddRequests(&extra, q)
	}
	split, err := m.splitWith(&j.classifier, s, m.Callee(s), extra)
	if err != nil && len(of.requests) > 1 { // too many kinds of requests: perhaps not for each alone
		for _, g := range of.guards {
			j.judge(s, &guardsOf{[]*policy.Requests{&g.Requests}, []*policy.Guard{g}})
		}
		return
	}
	for _, g := range of.guards {
		v := verdict{err: err}
		if err != nil {
			v.err = fmt.Errorf("%s: %w", s.ID(), err)
		} else {
			v.broken = m.judgeCallee(g, split)
		}
		j.verdicts[aboutCallee{g, s}] = v
	}
}

func (m *Model) judge(g *policy.Guard, callees map[aboutCallee]verdict) (*diag.Diagnostic, error) {
	for _, s := range g.To {
		if broken := m.judgeUDP(g, s); broken != nil {
			return broken, nil
		}
	}
	if g.Kind == policy.Never && g.Transitive {
		return m.judgeChains(g)
	}
	for _, s := range g.To {
		var broken *diag.Diagnostic
		var err error
		if !s.Proxied() {
			broken = m.judgeOutside(g, s)
		} else {
			v := callees[aboutCallee{g, s}]
			broken, err = v.broken, v.err
		}
		if broken != nil || err != nil {
			return broken, err
		}
	}
	return nil, nil
}

func (m *Model) judgeCallee(g *policy.Guard, split *Split) *diag.Diagnostic {
	s := split.Service
	order := plainFirst(split.Sources)
	about := m.Subject(&g.Requests)
	reached := make([]bool, len(g.From))      // for an only: which of its callers reach the destination at all
	perhaps := make([]bool, len(g.From))      // for an only: which of them may
	wrong := space.NewSet(len(split.Sources)) // callers with a token of which no statement means to let anyone in
	if !about.asks(space.Token) {
		wrong = m.alien(s, split)
	}
	for i := range split.Operations {
		r := &split.Operations[i]
		if !Occurs(s, &r.Request) || !about.Does(&r.Request) || !Concerns(s, g.Ports, r.Request.Port()) {
			continue
		}
		o := &r.Outcomes[0]
		// Where mTLS is disabled no caller has an identity for policies. In a dry run they let everyone through anyway.
		idle := m.Policy.DryRun && o.Mode == enforce.Disable
		for _, c := range order {
			caller := split.Sources[c]
			if Unproven(caller, o.Mode) || !about.From(caller, r.Request.HTTP) {
				continue
			}
			named := m.representsAny(s, caller, g.From) || caller.Identity() != "" && m.MatchesAnySource(s, caller, g.From) || g.Kind == policy.Never && m.disguised(s, caller, g)
			open := o.Allowed.Has(c) || o.Undecided.Has(c)
			switch {
			case g.Kind == policy.Never && named && open && !m.MatchesAnySource(s, caller, g.Except):
				return m.broken(diag.NeverBroken, g, split, caller, r)
			case g.Kind == policy.Always && named && !idle && !(wrong.Has(c) && r.Request.HTTP) && (!o.Allowed.Has(c) || m.pastSidecar(split, r, c, g.Ports) != ""):
				return m.broken(diag.AlwaysBroken, g, split, caller, r)
			case g.Kind == policy.Only && open && m.plainAtGateway(g, split, r, c):
				continue
			case g.Kind == policy.Only && open && !m.MatchesAnySource(s, caller, g.From) && !m.MatchesAnySource(s, caller, g.Except):
				return m.broken(diag.OnlyBroken, g, split, caller, r)
			}
			if g.Kind != policy.Only {
				continue
			}
			var found []bool
			switch {
			case o.Allowed.Has(c) && m.pastSidecar(split, r, c, g.Ports) == "" || idle:
				found = reached
			case o.Undecided.Has(c):
				found = perhaps
			}
			for f := range found {
				found[f] = found[f] || m.Represents(s, caller, g.From[f])
			}
		}
	}
	if f := slices.Index(reached, false); g.Kind == policy.Only && f >= 0 {
		return mayNotCall(g, s, g.From[f], perhaps[f])
	}
	return nil
}

// plainFirst is the indices of sources, those at addresses that no rule names first: they make better witnesses.
func plainFirst(sources []space.Source) []int {
	order := make([]int, 0, len(sources))
	for _, elsewhere := range []bool{true, false} {
		for i, caller := range sources {
			if caller.Elsewhere == elsewhere {
				order = append(order, i)
			}
		}
	}
	return order
}

// disguised reports whether a caller without identity may be one that a never is about: a workload that bypasses its
// own proxy has no identity, and a port that is not strict accepts that.
func (m *Model) disguised(to *policy.Service, caller space.Source, g *policy.Guard) bool {
	known := func(f policy.Source) bool {
		return f.Kind == policy.FromService && !f.Service.Proxied() && len(f.Service.Addresses) > 0
	}
	return slices.ContainsFunc(g.From, func(f policy.Source) bool { return !known(f) }) && caller.Identity() == "" && caller.Elsewhere && !m.representsAny(to, caller, g.Except)
}

// plainAtGateway reports whether a gateway lets in a caller with an identity only if its listener does not ask for one,
// and then as a caller that a guard names by its address.
func (m *Model) plainAtGateway(g *policy.Guard, split *Split, r *enforce.Class, class int) bool {
	o, s := &r.Outcomes[0], split.Service
	plain := class % split.Anonymous()
	if o.Mode != enforce.Listener || plain == class || !o.Undecided.Has(class) {
		return false
	}
	met := split.Sources[plain]
	if !m.MatchesAnySource(s, met, g.From) && !m.MatchesAnySource(s, met, g.Except) {
		return false
	}
	return slices.ContainsFunc(split.Authorize(r, 0), func(proved enforce.Decided) bool {
		return proved.Verdict == enforce.Denied && proved.Sources.Has(class)
	})
}

// judgeOutside judges a destination without a proxy: every caller that reaches it on the network may call it.
func (m *Model) judgeOutside(g *policy.Guard, s *policy.Service) *diag.Diagnostic {
	if g.Kind == policy.Always {
		return nil
	}
	code := diag.NeverBroken
	if g.Kind == policy.Only {
		code = diag.OnlyBroken
	}
	d := diag.New(code, g.At, "%s has no proxy, so anyone who reaches it may call it", s.ID())
	d.WithRelated(s.At, "declared here").
		WithHelp("bring %s into the mesh: nothing else can hold this", s.Name)
	return &d
}

// judgeUDP judges the ports of a destination that are not TCP: no proxy sees what comes there.
// https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
func (m *Model) judgeUDP(g *policy.Guard, s *policy.Service) *diag.Diagnostic {
	i := slices.IndexFunc(s.UDP, func(port uint16) bool { return g.Leads(port) })
	if i < 0 || g.Kind == policy.Always || g.OfHTTP() || !s.Proxied() {
		return nil
	}
	code := diag.NeverBroken
	if g.Kind == policy.Only {
		code = diag.OnlyBroken
	}
	d := diag.New(code, g.At, "anyone who reaches %s may call its UDP port %d, which no proxy sees", s.ID(), s.UDP[i])
	d.WithRelated(s.At, "declared here").WithHelp("protect the port with a NetworkPolicy, and name the TCP ports in the guard")
	return &d
}

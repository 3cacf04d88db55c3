package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// judgeChains judges `never A ->> B`: no chain of calls leads from one of the callers to the destination.
func (m *Model) judgeChains(g *policy.Guard) (*diag.Diagnostic, error) {
	graph, err := m.CallGraph()
	if err != nil {
		return nil, err
	}
	for _, to := range g.To {
		// The last call may be narrowed to ports and operations; those before it may be anything.
		var last *Callers
		if !g.All() {
			if last, err = m.lastCallers(to, &g.Requests); err != nil {
				return nil, err
			}
		}
		for _, f := range g.From {
			chain := graph.Chain(f, to, &g.Requests, last, g.Except)
			if chain == nil {
				continue
			}
			d := diag.New(diag.NeverBroken, g.At, "%s reaches %s: %s", f, to.ID(), chain)
			for i := range chain.Edges {
				if at := chain.Edges[i]; !at.IsZero() && len(d.Related) < 2 {
					d.WithRelated(at, "hop %d", i+1)
				}
			}
			for i, r := range chain.Routes {
				if r != nil {
					d.WithRelated(r.At, "hop %d goes along %s", i+1, r.By)
				}
			}
			before := chain.From
			if n := len(chain.Services); n > 1 {
				before = policy.Source{Service: chain.Services[n-2]}
			}
			if i := slices.IndexFunc(chain.Services[:len(chain.Services)-1], func(s *policy.Service) bool { return !s.Proxied() }); i >= 0 {
				d.WithNote("%s has no proxy, so anyone who reaches it may call it", chain.Services[i].ID())
				before = policy.Source{Service: chain.Services[i]}
			} else if i := slices.IndexFunc(chain.Services, func(s *policy.Service) bool { return !m.meshes[s.Namespace].Closes(s) }); i >= 0 {
				why := "only declares services"
				if m.meshes[chain.Services[i].Namespace].Open {
					why = "is open"
				}
				d.WithNote("mesh %s %s, so nothing here stops calls to %s", chain.Services[i].Namespace, why, chain.Services[i].ID())
				if i < len(chain.Services)-1 {
					before = policy.Source{Service: chain.Services[i]}
				}
			}
			d.WithHelp("take one of these edges back")
			if !only(g, before) {
				d.WithHelp("take one of these edges back, or name an exception in the chain: `except %s`", before)
			}
			return &d, nil
		}
	}
	return nil, nil
}

// lastCallers is CallersOf, which guards about the same requests of a service share.
func (m *Model) lastCallers(to *policy.Service, q *policy.Requests) (*Callers, error) {
	type last struct {
		to  *policy.Service
		key string
	}
	at := last{to, q.Key()}
	if c, ok := m.last.Load(at); ok {
		return c.(*Callers), nil
	}
	c, err := m.CallersOf(to, q)
	if err == nil {
		m.last.Store(at, c)
	}
	return c, err
}

// ClosesChain reports whether one more edge would close a chain that a `never A ->> B` forbids: one of A gets to its
// caller, and its callee to one of B. Last says whether the edge lets in what the guard is about, where its callee is
// one of B itself.
func (m *Model) ClosesChain(g *policy.Guard, from policy.Source, to *policy.Service, last bool) (bool, error) {
	graph, err := m.CallGraph()
	if err != nil || policy.Includes(g.Except, from) {
		return false, err
	}
	begins := graph.walk(graph.to, graph.nodes(g.From...), graph.nodes(g.Except...), func(i, _ int32) bool { return from.Includes(graph.Sources[i]) })
	if begins.found < 0 && !policy.Includes(g.From, from) {
		return false, nil
	}
	if slices.Contains(g.To, to) && last {
		return true, nil
	}
	via := policy.Source{Service: to}
	if policy.Includes(g.Except, via) {
		return false, nil
	}
	for _, end := range g.To {
		callers, err := m.lastCallers(end, &g.Requests)
		if err != nil {
			return false, err
		}
		if end != to && graph.Chain(via, end, &g.Requests, callers, g.Except) != nil {
			return true, nil
		}
	}
	return false, nil
}

// edgeAt is the span of a statement that lets a caller do anything at a service; zero if there is none. A rule whose
// conditions on callers are not known to hold counts only where no other rule does.
func (m *Model) edgeAt(caller policy.Source, s *policy.Service) (at source.Span) {
	r := space.Request{HTTP: true}
	if caller.Kind == policy.FromService {
		r = r.With(space.Identity, space.IdentityValue(m.Principal(caller.Service)))
		if !caller.Service.Proxied() && len(caller.Service.Addresses) > 0 {
			r = r.With(AddressOf(s), space.AddressValue(caller.Service.Addresses[0].Addr()))
		}
	}
	for i := range s.Allow {
		rule := &s.Allow[i]
		if !slices.Contains(rule.From, caller) && (caller.Kind != policy.FromService || !m.MatchesAnySource(s, space.Source{Request: &r, Elsewhere: true}, rule.From)) {
			continue
		}
		if policy.Includes(rule.Except, caller) {
			continue
		}
		if s := m.Subject(&rule.Requests); s.From(space.Source{Request: &r}, true) {
			return rule.At
		}
		if at.IsZero() {
			at = rule.At
		}
	}
	return at
}

package compiler

import (
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/source"
)

// narrowed returns what denies all that some statements do, but for a query: the statements that take the place of each. It reports
// false where the language has no words for that.
func (b *Build) narrowed(denies []source.Span, q *explain.Query) (instead [][]explain.Text, ok bool) {
	for _, at := range denies {
		one, ok := b.without(at, q)
		if !ok {
			return nil, false
		}
		instead = append(instead, one)
	}
	return instead, true
}

func (b *Build) without(at source.Span, q *explain.Query) (all []explain.Text, ok bool) {
	deny, mesh := b.denyAt(at)
	if deny == nil || q.To == nil || len(deny.Hops) != 2 || len(deny.Hops[1].Targets) != 1 || len(deny.Hops[1].Except) > 0 {
		return nil, false
	}
	in := &explain.Statement{Mesh: mesh}
	caller, to := named(in, q.From), deny.Hops[1].Targets[0]
	same := func(a, b lang.Ref) bool { return a.String() == b.String() }
	if !same(to.Ref, named(in, policy.Source{Service: q.To})) {
		return nil, false
	}
	write := func(from lang.Hop, to lang.Target) {
		one := *deny
		one.Hops = []lang.Hop{from, {Targets: []lang.Target{to}}}
		all = append(all, explain.Text{Mesh: mesh, File: at.File.Name, Text: format.Statement(&one)})
	}
	others := lang.Hop{Except: deny.Hops[0].Except}
	several := false // among the others are some that may include the caller
	for _, t := range deny.Hops[0].Targets {
		if same(t.Ref, caller) {
			continue
		}
		others.Targets = append(others.Targets, t)
		several = several || !slices.ContainsFunc(b.Policy.Services(), func(s *policy.Service) bool {
			return same(t.Ref, named(in, policy.Source{Service: s}))
		})
	}
	if several {
		others.Except = append(slices.Clone(others.Except), caller)
	}
	if len(others.Targets) > 0 {
		write(others, to)
	}
	alone := lang.Hop{Targets: []lang.Target{{Ref: caller}}}
	except := func(t lang.Target, left ...lang.Exception) lang.Target {
		clauses := t.Clauses()
		clauses.Except = append(slices.Clone(clauses.Except), left...)
		t.More = &clauses
		return t
	}
	port := lang.Name{Text: strconv.Itoa(int(q.Port))}
	if q.Port != 0 && !to.Port.Present() {
		write(alone, except(to, lang.Exception{Port: port}))
		to.Port = port
	}
	if len(q.Ops) == 0 {
		return all, true
	}
	var ops []lang.Exception
	for _, o := range tree(&explain.Statement{Mesh: mesh, From: q.From, To: q.To, Ops: q.Ops}).(*lang.Edge).Hops[1].Targets[0].Ops {
		ops = append(ops, lang.Exception{Op: o})
	}
	if len(to.Ops) == 0 {
		to.Ops = []lang.Operation{{Path: lang.Name{Text: "*", Quoted: true}}} // `/*` would leave out OPTIONS with the path `*`
	}
	write(alone, except(to, ops...))
	return all, true
}

// denyAt returns the deny at a place, and the mesh of its section.
func (b *Build) denyAt(at source.Span) (deny *lang.Deny, mesh string) {
	for _, f := range b.parsed.files {
		if at.File == nil || f.Source.Name != at.File.Name {
			continue
		}
		for _, s := range f.Stmts {
			switch s := s.(type) {
			case *lang.Mesh:
				mesh = s.Name.Text
			case *lang.Deny:
				if s.Span().Start == at.Start {
					return s, mesh
				}
			}
		}
	}
	return nil, ""
}

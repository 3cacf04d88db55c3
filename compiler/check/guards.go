package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// guards resolves never, always and only. They need no consent and may stand outside any mesh, where `*` is every
// service of the project.
func (c *checker) guards(files []*lang.File) {
	for _, f := range files {
		var m *mesh
		for _, stmt := range f.Stmts {
			switch s := stmt.(type) {
			case *lang.Mesh:
				m = c.byName[s.Name.Text]
			case *lang.Guard:
				c.guard(m, s)
			}
		}
	}
}

func (c *checker) guard(m *mesh, g *lang.Guard) {
	if g.Until.Present() {
		c.list.Add(diag.MisplacedClause, g.Until.Range, "a %s has no end", g.Kind).
			WithHelp("delete `until`; give the edges an end instead")
	}
	if len(g.Hops) != 2 {
		c.list.Add(diag.MisplacedClause, g.Range, "a %s has one arrow, not a chain", g.Kind).
			WithHelp("write one statement for each arrow, or `->>` for any chain of calls")
		return
	}
	if g.Transitive && g.Kind != lang.Never {
		c.list.Add(diag.MisplacedClause, g.Range, "only `never` follows chains of calls").
			WithHelp("write `->`")
	}
	exempt := g.Except()
	if len(exempt) > 0 && g.Kind == lang.Always {
		c.list.Add(diag.MisplacedClause, exempt[0].Range, "an always has no exceptions").
			WithHelp("name the callers that must be admitted")
	}
	before := len(c.list)
	callers, destinations := g.Hops[0].Targets, g.Hops[1].Targets
	from, fromAt := c.sources(m, callers, true)
	if len(from) == 0 && len(c.list) == before {
		c.aboutNothing(g, callers)
	}
	var except located
	for _, r := range exempt {
		for _, s := range c.source(m, r, true) {
			except.sources, except.at = append(except.sources, s), append(except.at, r.Range)
		}
	}
	switch policy.GuardKind(g.Kind) {
	case policy.Never:
		c.exact(except, func(s *policy.Service) bool { return lists(from, s) })
	case policy.Only:
		all := located{append(slices.Clone(from), except.sources...), append(slices.Clone(fromAt), except.at...)}
		c.exact(all, func(*policy.Service) bool { return true })
	}
	if g.Kind == lang.Only { // `*` is who may call at most: none of them has to
		all, allAt := from, fromAt
		from, fromAt = nil, nil
		for i, s := range all {
			if allAt[i].Text() == "*" {
				except.sources, except.at = append(except.sources, s), append(except.at, allAt[i])
			} else {
				from, fromAt = append(from, s), append(fromAt, allAt[i])
			}
		}
	}
	c.lastOnly(m, destinations)
	kept := len(c.policy.Guards)
	for i := range destinations {
		c.guardOf(m, g, &destinations[i], located{from, fromAt}, except)
	}
	if len(c.policy.Guards) == kept {
		c.policy.Guards = append(c.policy.Guards, &policy.Guard{Kind: policy.GuardKind(g.Kind), Because: g.Because.Text, At: g.Range})
	}
}

// guardOf adds what a guard says of one of its destinations: a guard of the policy for each set of ports that the
// services of the destination give, which is usually one.
func (c *checker) guardOf(m *mesh, g *lang.Guard, t *lang.Target, from, except located) {
	before := len(c.list)
	callees, ext := c.destination(m, t.Ref)
	if ext == nil && len(callees) == 0 && len(c.list) == before {
		c.aboutNothing(g, []lang.Target{*t})
	}
	if ext != nil {
		c.list.Add(diag.NotADestination, t.Ref.Range, "%s is an external: no policy of the mesh binds it, so a %s cannot be proved", quoted(t.String()), g.Kind).
			WithRelated(ext.At, "declared here").
			WithHelp("review its edges instead")
		return
	}
	requests, ok := c.requests(&t.Requests, g.Kind != lang.Always)
	requests.Where = c.forAudience(requests.Where)
	byPorts := map[string]*policy.Guard{}
	for _, s := range callees {
		r := &rule{callee: s}
		r.EveryPod, r.Requests = m.meansPods(t.Ref), requests
		if !ok || !c.rulePorts(r, t, len(callees) == 1) {
			continue
		}
		key := r.Requests.Key()
		pg := byPorts[key]
		if pg == nil {
			pg = &policy.Guard{Kind: policy.GuardKind(g.Kind), From: from.sources, Requests: r.Requests,
				Transitive: g.Transitive, Except: except.sources, Because: g.Because.Text, At: g.Range}
			byPorts[key] = pg
			if len(from.sources) > 0 || g.Kind == lang.Only {
				c.policy.Guards = append(c.policy.Guards, pg)
			}
		}
		pg.To = append(pg.To, s.Service)
		if s.Dataplane == policy.Gateway && !g.Transitive {
			c.byAddress(s, from.sources, from.at, false)
			c.byAddress(s, except.sources, except.at, false)
		}
	}
}

// aboutNothing warns of a side of a guard that stands for no service: the guard would hold whatever the edges are. An
// only without callers is the opposite, since then nobody may call.
func (c *checker) aboutNothing(g *lang.Guard, side []lang.Target) {
	at := side[0].Ref.Range.To(side[len(side)-1].Ref.Range)
	follows := "this statement has no effect"
	if g.Kind == lang.Only && side[0].Ref.Range == g.Hops[0].Targets[0].Ref.Range {
		follows = "nobody may call"
	}
	c.list.Add(diag.VacuousGuard, at, "%s stands for no service, so %s", quoted(at.Text()), follows).
		WithHelp("`*` is the services of its own section, and `NAME/*` those that mesh NAME declares: name them, or delete the %s", g.Kind)
}

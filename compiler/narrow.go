package compiler

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/source"
)

// narrowed returns what denies all that some statements do, but for a query: the statements that take the place of
// each. It reports false where one of them is not a deny of the project.
func (b *Build) narrowed(denies []source.Span, q *explain.Query) (instead [][]explain.Text, ok bool) {
	for _, at := range denies {
		deny, mesh := b.denyAt(at)
		if deny == nil || q.To == nil {
			return nil, false
		}
		n := narrowing{build: b, deny: deny, query: q, section: explain.Statement{Mesh: mesh, File: at.File.Name}}
		n.hops()
		instead = append(instead, n.texts)
	}
	return instead, true
}

// narrowing writes a deny without what a query asks for: of its callers those that the query is not about, and of the
// others what the query does not ask for.
type narrowing struct {
	build   *Build
	deny    *lang.Deny
	query   *explain.Query
	section explain.Statement // where it stands
	texts   []explain.Text
}

// about is the services that one destination of the deny is, each with its rule.
func (n *narrowing) about(t *lang.Target) (all []*policy.Service, rules []*policy.Rule) {
	for _, s := range n.build.Policy.Services() {
		for i := range s.Deny {
			if r := &s.Deny[i]; r.At == n.deny.Span() && r.ToAt == t.Ref.Range {
				all, rules = append(all, s), append(rules, r)
			}
		}
	}
	return all, rules
}

func (n *narrowing) hops() {
	for i, to := range n.deny.Hops[1:] {
		from := lang.Hop{Except: n.deny.Hops[i].Except}
		for _, t := range n.deny.Hops[i].Targets {
			from.Targets = append(from.Targets, lang.Target{Ref: t.Ref})
		}
		rest := lang.Hop{} // of the destinations that the query is not about
		for k := range to.Targets {
			t := &to.Targets[k]
			callees, rules := n.about(t)
			at := slices.IndexFunc(callees, func(s *policy.Service) bool { return s == n.query.To })
			if at < 0 || !n.denies(t, rules[at]) {
				rest.Targets = append(rest.Targets, *t)
				continue
			}
			n.destination(from, t, callees, rules[at])
		}
		if len(rest.Targets) > 0 {
			n.texts = slices.Insert(n.texts, 0, n.text(from, rest))
		}
	}
}

// asked is the ports that the query is about; nil: every port. Operations are asked for at ports that are declared as
// HTTP.
func (n *narrowing) asked() (ports []uint16) {
	switch {
	case n.query.Port != 0:
		return []uint16{n.query.Port}
	case len(n.query.Ops) == 0:
		return nil
	}
	for _, p := range n.query.To.Ports {
		if p.Protocol.IsHTTP() {
			ports = append(ports, p.Number)
		}
	}
	return ports
}

// denies reports whether the rule of a destination may deny something of the query.
func (n *narrowing) denies(t *lang.Target, r *policy.Rule) bool {
	asked := n.asked()
	left := slices.DeleteFunc(slices.Clone(asked), func(number uint16) bool {
		return len(r.Ports) > 0 && !slices.Contains(r.Ports, number) || slices.ContainsFunc(t.Clauses().Except, func(e lang.Exception) bool { return e.Port.Text == port(number).Text })
	})
	return (len(asked) == 0 || len(left) > 0) && slices.ContainsFunc(r.From, n.query.From.Meets) && policy.Meet(r.Ops, n.query.Ops)
}

// destination writes what one destination of the deny denies but the query.
func (n *narrowing) destination(from lang.Hop, t *lang.Target, callees []*policy.Service, r *policy.Rule) {
	others, alone := n.callers(from, r)
	if len(others.Targets) > 0 {
		n.write(others, *t)
	}
	var siblings lang.Hop
	for _, s := range callees {
		if s == n.query.To || s.Unnamed {
			continue
		}
		if one, some := n.at(t, s, r); some {
			siblings.Targets = append(siblings.Targets, one)
		}
	}
	if len(siblings.Targets) > 0 {
		n.texts = append(n.texts, n.text(alone, siblings))
	}
	to, _ := n.at(t, n.query.To, r)
	if ports := n.ports(&to, r); len(ports) > 0 {
		n.write(alone, except(to, ports...))
	}
	if to, some := n.operations(to); some {
		n.write(alone, to)
	}
}

// at is a destination as one of the services that it stands for. It reports false where `pods` stands for one that does
// not declare the port.
func (n *narrowing) at(t *lang.Target, s *policy.Service, r *policy.Rule) (lang.Target, bool) {
	one := *t
	one.Ref = named(&n.section, policy.Source{Service: s})
	if !r.EveryPod {
		return one, true
	}
	if !t.Port.Present() {
		if r.OfHTTP() {
			one.Port = lang.Name{Text: "*"}
		}
		return one, true
	}
	i := slices.IndexFunc(s.Ports, func(p policy.Port) bool { return port(p.Number).Text == t.Port.Text })
	if i >= 0 && !s.Ports[i].Protocol.IsHTTP() {
		one.Requests = lang.Requests{} // every connection
	}
	return one, i >= 0
}

// callers is those of a rule that the query is not about, and the others.
func (n *narrowing) callers(from lang.Hop, r *policy.Rule) (others, alone lang.Hop) {
	asked := n.query.From
	meant := map[policy.Source]bool{}
	mean := func(s policy.Source) {
		if !meant[s] {
			meant[s] = true
			alone.Targets = append(alone.Targets, lang.Target{Ref: named(&n.section, s)})
		}
	}
	others.Except = from.Except
	exempt := false
	for _, t := range from.Targets {
		var left []lang.Target
		within, around := false, false // the query asks for some of its callers, or it has more of those whom the query asks for
		for i, s := range r.From {
			switch {
			case r.SourceAt(i) != t.Ref.Range:
			case asked.Includes(s):
				within = true
				mean(s)
			default:
				if s.Includes(asked) {
					around = true
					mean(asked)
				}
				left = append(left, lang.Target{Ref: named(&n.section, s)})
			}
		}
		// Who stands in the list twice is a source of the first name alone.
		within = within || slices.ContainsFunc(n.members(t.Ref), func(s *policy.Service) bool { return asked.Includes(policy.Source{Service: s}) })
		switch {
		case len(left) == 0:
		case within && asked.Kind != policy.FromService: // a list
			others.Targets = append(others.Targets, left...)
		default:
			others.Targets = append(others.Targets, t)
			exempt = exempt || within || around
		}
	}
	if exempt {
		others.Except = append(slices.Clone(others.Except), named(&n.section, asked))
	}
	for _, e := range r.Except {
		for s := range meant {
			if s.Includes(e) && !e.Includes(s) {
				alone.Except = append(alone.Except, named(&n.section, e))
				break
			}
		}
	}
	return others, alone
}

// members is the services that a group, or `*`, stands for.
func (n *narrowing) members(r lang.Ref) []*policy.Service {
	mesh := cmp.Or(r.Namespace.Text, n.section.Mesh)
	for _, m := range n.build.Policy.Meshes {
		if m.Name != mesh {
			continue
		}
		if r.Name.Text == "*" && !r.Name.Quoted && !r.Qualified() {
			return m.Services
		}
		for _, g := range m.Groups {
			if g.Name == r.Name.Text {
				return g.Members
			}
		}
	}
	return nil
}

// ports is what is left out of the ports of a rule, so that the rest of them stays denied whatever the query asks for;
// empty where there is no rest.
func (n *narrowing) ports(t *lang.Target, r *policy.Rule) (left []lang.Exception) {
	asked := n.asked()
	switch {
	case t.Port.Present() && !t.EveryPort():
		return nil
	case n.query.Port == 0 && (len(n.query.Ops) == 0 || r.OfHTTP() && !r.Widened):
		return nil
	}
	if len(r.Ports) > 0 && policy.CoversPorts(asked, r.Ports) {
		return nil
	}
	for _, p := range asked {
		left = append(left, lang.Exception{Port: port(p)})
	}
	return left
}

func port(number uint16) lang.Name { return lang.Name{Text: strconv.Itoa(int(number))} }

// operations is a destination without the operations of the query, at its port. It reports false where none are left.
func (n *narrowing) operations(to lang.Target) (lang.Target, bool) {
	if n.query.Port != 0 {
		to = atPort(to, n.query.Port)
	} else if to.EveryPort() {
		to.Port = lang.Name{}
	}
	if len(n.query.Ops) == 0 {
		return to, false
	}
	var ops []lang.Operation
	var rest []policy.Operation
	for _, o := range to.Ops {
		if is := operationOf(&o); !policy.Covers(n.query.Ops, []policy.Operation{is}) {
			ops, rest = append(ops, o), append(rest, is)
		}
	}
	if len(to.Ops) > 0 && len(ops) == 0 {
		return to, false
	}
	to.Ops = ops
	asked := explain.Statement{Mesh: n.section.Mesh, From: n.query.From, To: n.query.To, Ops: n.query.Ops}
	var left []lang.Exception
	for i, o := range tree(&asked).(*lang.Edge).Hops[1].Targets[0].Ops {
		if policy.Meet(rest, n.query.Ops[i:i+1]) {
			left = append(left, lang.Exception{Op: o})
		}
	}
	return except(to, left...), true
}

// atPort is a destination at one of its ports: there is no other to leave out.
func atPort(t lang.Target, number uint16) lang.Target {
	t.Port = port(number)
	if t.More != nil {
		clauses := t.Clauses()
		clauses.Except = slices.DeleteFunc(slices.Clone(clauses.Except), func(e lang.Exception) bool { return e.Port.Present() })
		t.More = &clauses
	}
	return t
}

func operationOf(o *lang.Operation) policy.Operation {
	is := policy.Operation{Path: o.Path.Text, Quoted: o.Path.Quoted, Every: true}
	for _, m := range o.Methods {
		is.Methods = append(is.Methods, m.Text)
	}
	slices.Sort(is.Methods)
	return is
}

// except is a destination with more left out of it.
func except(t lang.Target, left ...lang.Exception) lang.Target {
	if len(left) > 0 {
		clauses := t.Clauses()
		clauses.Except = append(slices.Clone(clauses.Except), left...)
		t.More = &clauses
	}
	return t
}

func (n *narrowing) write(from lang.Hop, to lang.Target) {
	n.texts = append(n.texts, n.text(from, lang.Hop{Targets: []lang.Target{to}}))
}

func (n *narrowing) text(from, to lang.Hop) explain.Text {
	one := *n.deny
	one.Hops = []lang.Hop{from, to}
	return explain.Text{Mesh: n.section.Mesh, File: n.section.File, Text: format.Statement(&one)}
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

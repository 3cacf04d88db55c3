package check

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/format"
)

// edges resolves every edge and deny, arrow by arrow.
func (c *checker) edges(sections []section) {
	statements := 0
	for _, s := range sections {
		statements += len(s.stmts)
	}
	c.seen = newRepeats(statements)
	for _, s := range sections {
		for _, stmt := range s.stmts {
			if hops := hopsOf(stmt); len(hops) > 0 && c.bears(s.mesh.Name, hops) {
				c.about(home(s.mesh.Name, hops), func() { c.arrows(s.mesh, stmt) })
			}
		}
	}
	for _, u := range c.merged() {
		c.anyone = max(c.anyone, u.anyone)
	}
	for _, m := range c.meshes {
		for _, e := range m.externals() {
			slices.SortFunc(e.Callers, policy.Source.Compare)
			e.Callers = slices.CompactFunc(e.Callers, func(a, b policy.Source) bool { return a.Compare(b) == 0 })
		}
	}
}

// arrows resolves those of one statement.
func (c *checker) arrows(m *mesh, stmt lang.Stmt) {
	switch e := stmt.(type) {
	case *lang.Edge:
		c.chain(m, e.Hops, rule{Rule: policy.Rule{At: e.Range}, kind: edge}, e.Tail)
	case *lang.Deny:
		c.chain(m, e.Hops, rule{Rule: policy.Rule{At: e.Range}, kind: deny}, e.Tail)
	case *lang.Ask:
		c.chain(m, e.Hops, rule{Rule: policy.Rule{At: e.Range, Provider: e.Provider.Text, ProviderAt: e.Provider.Range}, kind: ask}, e.Tail)
	}
}

func (c *checker) chain(m *mesh, hops []lang.Hop, stated rule, tail lang.Tail) {
	restricts := stated.kind != edge
	stated.Until, stated.Because = c.tail(tail)
	c.exemptDestination(hops)
	for i := 0; i+1 < len(hops); i++ {
		left, right := hops[i].Targets, hops[i+1].Targets
		if i > 0 {
			left = bare(left)
		}
		before := len(c.list)
		from, fromAt := c.sources(m, left, restricts)
		partial := len(c.list) > before || m.lacksSome(left)
		var except located
		if i == 0 && len(hops[0].Except) > 0 {
			from, fromAt, except = c.leftOutOf(m, from, fromAt, hops[0].Except, restricts, partial)
		}
		if stated.kind == ask && !c.askable(hops[i], from, fromAt) {
			continue
		}
		c.callers(from, restricts)
		c.lastOnly(m, right)
		for j := range right {
			t := &right[j]
			base := stated
			base.From, base.FromAt, base.Except, base.exceptAt = from, fromAt, except.sources, except.at
			c.arrow(m, base, left, t)
		}
	}
}

// exemptDestination reports callers that a chain leaves out anywhere but at its beginning.
func (c *checker) exemptDestination(hops []lang.Hop) {
	for i, h := range hops[1:] {
		if len(h.Except) == 0 {
			continue
		}
		from := hops[0].Targets
		callers := from[0].Ref.Range.To(from[len(from)-1].Ref.Range).Text()
		d := c.list.Add(diag.MisplacedClause, h.Except[0].Range, "a caller is excluded next to the callers, before the arrow")
		if i+2 < len(hops) {
			d.WithHelp("write an edge for each arrow of the chain")
			continue
		}
		d.WithHelp("write `%s except %s -> %s`; an excluded operation begins with `/` or its method", lang.OneLine(callers), h.Except[0], h.Targets[0].Ref)
	}
}

// callers marks the services that a statement names as callers, and notes whether an edge lets in any or world.
func (c *checker) callers(from []policy.Source, restricts bool) {
	for _, f := range from {
		switch f.Kind {
		case policy.FromAny, policy.FromWorld:
			if !restricts {
				c.unit.anyone = max(c.unit.anyone, f.Kind)
			}
		case policy.FromService:
			c.serviceOf(f.Service).calls = true
		case policy.FromMesh:
			c.byName[f.Mesh].calls = true
			for _, s := range c.byName[f.Mesh].services {
				s.calls = true
			}
		}
	}
}

// bare returns the middle of a chain as sources: its ports and operations belong to it as a destination.
func bare(targets []lang.Target) []lang.Target {
	out := make([]lang.Target, len(targets))
	for i, t := range targets {
		out[i].Ref = t.Ref
	}
	return out
}

// arrow resolves one destination and enters a rule for each service that it stands for.
func (c *checker) arrow(m *mesh, base rule, left []lang.Target, t *lang.Target) {
	callees, ext := c.destination(m, t.Ref)
	requests, ok := c.requests(&t.Requests, base.kind != edge)
	if ext != nil {
		c.externalEdge(m, &base, ext, t)
		return
	}
	pods := m.meansPods(t.Ref)
	everyMesh := pods && c.isRoot(m.Name)
	c.whole = c.whole || everyMesh
	if pods && base.kind == edge && c.closesAll(m, t) {
		return
	}
	consent := &consent{statement: m}
	for _, s := range callees {
		s.called = true
		r := new(rule)
		*r = base
		r.callee, r.ToAt = s, t.Ref.Range
		r.Requests = requests
		r.EveryPod, r.EveryMesh = pods, everyMesh
		r.Widened = r.kind != edge && (t.EveryPort() || pods) && requests.OfHTTP()
		if !ok || !c.rulePorts(r, t, len(callees) == 1) || len(r.From) == 0 {
			continue
		}
		if s.mesh != m && !everyMesh && !c.consented(consent, r) {
			continue
		}
		r.key = r.Requests.Key()
		for _, f := range r.Except {
			r.key += "\nexcept " + f.String()
		}
		c.repeats(r)
		c.forgeable(r)
		switch r.kind {
		case deny:
			s.deny = append(s.deny, r)
		case ask:
			s.ask = append(s.ask, r)
		default:
			s.allow = append(s.allow, r)
		}
	}
	c.refused(m, consent, t, base.kind == deny)
	if pods {
		c.reached(m, t, callees, [...]string{edge: "opens", deny: "denies calls to", ask: "asks about calls to"}[base.kind])
	}
	if len(left) == 1 && len(callees) == 1 && len(base.From) == 1 && base.From[0].Service == callees[0].Service {
		c.list.Add(diag.SelfEdge, t.Ref.Range, "%s calls itself", callees[0].Name).
			WithNote("this covers calls between the pods of a service, which is rarely intended").
			WithHelp("keep it if the pods of %s call each other, otherwise delete it", callees[0].Name)
	}
}

// destination resolves one reference on the right of an edge: to services, or to one external.
func (c *checker) destination(m *mesh, r lang.Ref) ([]*service, *external) {
	switch kind := special(r); {
	case kind == policy.FromAny || kind == policy.FromWorld:
		if !c.ambiguous(m, r) {
			c.list.Add(diag.NotADestination, r.Range, "`%s` can be a caller, not a destination", r.Name.Text).
				WithHelp("name the services that may be called, or write `*` for all of this mesh")
		}
		return nil, nil
	case kind == policy.FromMesh:
		if other := c.lookupMesh(r); other != nil {
			return c.everyone(other, false), nil
		}
		return nil, nil
	case r.Name.Text == "*" && !r.Name.Quoted:
		return c.everyone(m, false), nil
	case m.meansPods(r):
		return c.everyPod(m, r), nil
	case c.podsElsewhere(r):
		return nil, nil
	}
	s := c.lookup(m, r)
	switch {
	case s == nil:
		return nil, nil
	case s.external != nil:
		return nil, s.external
	}
	return s.services(), nil
}

// rulePorts sets the ports of a rule. single says that the destination stands for this one service.
func (c *checker) rulePorts(r *rule, t *lang.Target, single bool) bool {
	return c.portsOf(r, t, single) && c.portsWithout(r, t)
}

func (c *checker) portsOf(r *rule, t *lang.Target, single bool) bool {
	s := r.callee
	switch {
	case t.EveryPort():
		return r.kind == ask || c.everyPort(t)
	case r.EveryPod && !t.Port.Present():
		return true
	case r.EveryPod:
		number, ok := c.portNumber(t.Port)
		r.Ports = []uint16{number}
		return ok
	}
	lacks, remove := "methods and paths", "the operations"
	switch {
	case r.kind == ask && !r.OfHTTP():
		lacks, remove = "requests that a provider could be asked about", "the ask"
	case len(t.Ops) == 0:
		lacks, remove = "paths, hosts, headers and tokens", "this clause"
	}
	http := r.OfHTTP() || r.kind == ask
	if t.Port.Present() {
		number, ok := c.port(s, t.Port)
		if !ok {
			return false
		}
		r.Ports = []uint16{number}
		if http {
			i := slices.IndexFunc(s.Ports, func(p policy.Port) bool { return p.Number == number })
			if p := s.Ports[i].Protocol; !p.IsHTTP() {
				d := c.list.Add(diag.NotHTTP, either(t.Extent(), t.Port.Range), "port %d of %s is not known to be HTTP, so it has no %s", number, s.Name, lacks).
					WithRelated(s.At, "declared here")
				switch {
				case !s.ReadsRequests(number):
					d.WithNote("%s is ambient, and calls to this port go through no proxy that reads requests", s.Name).
						WithHelp("delete %s; or %s, and %s", remove, s.WaypointWayTo(number), s.asHTTP(number))
				case s.Dataplane == policy.Gateway && p == policy.ProtocolUnset:
					d.WithHelp("add its Gateway to `workloads` in meshc.yaml, or declare what its listener reads: `port %d http`", number)
				case s.decl == nil || len(s.decl.Ports) == 0:
					d.WithHelp("%s, or delete %s", s.asHTTP(number), remove)
				case p == policy.ProtocolUnset:
					d.WithHelp("declare its protocol: `port %d http`", number)
				default:
					d.WithHelp("it is declared as %s: delete %s, or declare `port %d http`", p, remove, number)
				}
				return false
			}
		}
		return true
	}
	if !http {
		return true
	}
	r.anyHTTP = true
	for _, p := range s.Ports {
		if p.Protocol.IsHTTP() {
			r.Ports = append(r.Ports, p.Number)
		}
	}
	if len(r.Ports) == 0 {
		at := t.Ref.Range
		if single {
			at = either(t.Extent(), at)
		}
		d := c.list.Add(diag.NotHTTP, at, "%s has no HTTP port, so it has no %s", s.Name, lacks).
			WithRelated(s.At, "declared here")
		d.WithHelp("declare one: `service %s … port 8080 http`, or write `%s:*` for every port that turns out to carry HTTP", s.Name, s.Name)
		return false
	}
	return true
}

// asHTTP says what makes a port known to be HTTP.
func (s *service) asHTTP(number uint16) string {
	if s.decl == nil || len(s.decl.Ports) == 0 {
		return "set appProtocol: http on the port of its Kubernetes Service"
	}
	return fmt.Sprintf("declare `port %d http`", number)
}

// externalEdge enters the callers of an external.
func (c *checker) externalEdge(m *mesh, base *rule, e *external, t *lang.Target) {
	e.used = true
	switch {
	case len(base.Except) > 0:
		c.list.Add(diag.MisplacedClause, base.exceptAt[0], "nothing would enforce this exception at an external").
			WithHelp("name the callers of %s", e.Name)
		return
	case base.kind != edge:
		c.list.Add(diag.NotADestination, t.Ref.Range, "%s cannot bind %s: it is outside the mesh", diag.WithArticle(base.kind.String()), quoted(t.String())).
			WithRelated(e.At, "declared as an external here").
			WithHelp("delete its edge: with `sidecars: true` only callers with an edge reach it")
		return
	case e.Namespace != m.Name:
		c.list.Add(diag.NotADestination, t.Ref.Range, "%s is an external of mesh %s and not visible here", quoted(t.Name.Text), e.Namespace).
			WithRelated(e.At, "declared here").
			WithHelp("declare it in mesh %s too: `%s`", m.Name, format.Statement(e.decl))
		return
	case !t.Extent().IsZero():
		what := "operations"
		if len(t.Ops) == 0 {
			what = "this clause"
		}
		c.list.Add(diag.MisplacedClause, t.Extent(), "nothing would enforce %s on an external", what).
			WithHelp("delete it: the callee's proxy enforces what an edge says, and an external has none")
		return
	}
	if t.Port.Present() {
		number, ok := c.portNumber(t.Port)
		if !ok {
			return
		}
		if !slices.ContainsFunc(e.Ports, func(p policy.ExternalPort) bool { return p.Number == number }) {
			c.list.Add(diag.UnknownPort, t.Port.Range, "%s declares no port %d", e.Name, number).
				WithRelated(e.At, "declared here").
				WithHelp("declare it: `port %d tls`", number)
			return
		}
	}
	for i, f := range base.From {
		if f.Kind == policy.FromService && f.Service.Namespace != m.Name || f.Kind == policy.FromMesh && f.Mesh != m.Name {
			c.list.Add(diag.NotADestination, base.FromAt[i], "%s cannot see the externals of mesh %s", quoted(f.String()), m.Name).
				WithRelated(e.At, "declared here").
				WithHelp("declare the external in the mesh of its caller")
			continue
		}
		e.Callers = append(e.Callers, f)
	}
}

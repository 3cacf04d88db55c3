package check

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// lookup returns what a reference to one name stands for in mesh m (nil outside any), or nil after a finding.
func (c *checker) lookup(m *mesh, r lang.Ref) *symbol {
	if r.Qualified() {
		if c.byName[r.Namespace.Text] == nil && c.notation(m, r, diag.UnknownMesh) {
			return nil
		}
		other := c.lookupMesh(r)
		if other == nil {
			return nil
		}
		m = other
	}
	if m == nil {
		d := c.list.Add(diag.NoSection, r.Range, "%s needs its mesh here", quoted(r.Name.Text)).
			WithHelp("outside a mesh every name is qualified, as in `shop/frontend`")
		if homes := c.homes(r.Name.Text); len(homes) == 1 {
			d.WithHelp("write %s/%s: outside a mesh every name is qualified", homes[0], r.Name.Text).
				WithFix(false, r.Range, homes[0]+"/"+r.Name.Text, "write "+homes[0]+"/"+r.Name.Text)
		}
		return nil
	}
	if s := m.names[r.Name.Text]; s != nil {
		c.record(r.Name, &s.object)
		return s
	}
	c.unknown(m, r)
	return nil
}

// lookupMesh returns the mesh of a qualified name.
func (c *checker) lookupMesh(r lang.Ref) *mesh {
	m := c.byName[r.Namespace.Text]
	if m == nil {
		c.unknownMesh(r)
		return nil
	}
	c.record(r.Namespace, &m.object)
	return m
}

// services returns what a name stands for on either side of an edge; none for an external.
func (s *symbol) services() []*service {
	switch {
	case s.service != nil:
		return []*service{s.service}
	case s.group != nil:
		return s.group.members
	}
	return nil
}

// expandGroups expands every group, groups in groups too.
func (c *checker) expandGroups() {
	for _, m := range c.meshes {
		for _, g := range m.groups() {
			c.expand(g)
		}
	}
}

func (c *checker) expand(g *group) {
	if g.state != unvisited {
		return
	}
	g.state = visiting
	defer func() { g.state = visited }()
	var members []*service
	before := len(c.list)
	for _, r := range g.decl.Members {
		if special(r) != policy.FromService || r.Name.Text == "*" && !r.Name.Quoted {
			c.list.Add(diag.NotADestination, r.Range, "the members of a group are services, not %s", quoted(r.String())).
				WithHelp("name the services one by one")
			continue
		}
		s := c.lookup(g.mesh, r)
		switch {
		case s == nil:
			continue
		case s.external != nil:
			c.list.Add(diag.NotADestination, r.Range, "%s is an external: the members of a group are services", quoted(r.String())).
				WithRelated(s.object.At, "declared here").
				WithHelp("write an edge to the external itself")
			continue
		case s.group != nil && s.group.state == visiting:
			d := c.list.Add(diag.InvalidValue, r.Range, "group %s contains itself", quoted(g.decl.Name.Text))
			if len(g.decl.Members) == 1 {
				d.WithHelp("name the services instead of %s", quoted(r.String()))
			} else {
				d.WithHelp("delete it from its own members")
			}
			continue
		case s.group != nil:
			c.expand(s.group)
			g.partial = g.partial || s.group.partial
		}
		members = append(members, s.services()...)
	}
	slices.SortFunc(members, compareServices)
	g.members, g.partial = slices.Compact(members), g.partial || len(c.list) > before
	if len(g.members) == 1 && len(g.decl.Members) == 1 {
		c.list.Add(diag.SmallGroup, g.decl.Name.Range, "group %s has one member", quoted(g.decl.Name.Text)).
			WithHelp("write %s itself instead of the group", g.decl.Members[0])
	}
}

func compareServices(a, b *service) int {
	switch {
	case a.Namespace != b.Namespace:
		if a.Namespace < b.Namespace {
			return -1
		}
		return 1
	case a.Name < b.Name:
		return -1
	case a.Name > b.Name:
		return 1
	}
	return 0
}

// special returns FromAny, FromWorld or, for NS/*, FromMesh; FromService for every other reference, `*` included.
func special(r lang.Ref) policy.SourceKind {
	if r.Name.Quoted {
		return policy.FromService
	}
	switch {
	case r.Qualified() && r.Name.Text == "*":
		return policy.FromMesh
	case r.Qualified():
		return policy.FromService
	case r.Name.Text == "any":
		return policy.FromAny
	case r.Name.Text == "world":
		return policy.FromWorld
	}
	return policy.FromService
}

// ambiguous reports `any` or `world` in a mesh that has a service of that name.
func (c *checker) ambiguous(m *mesh, r lang.Ref) bool {
	if m == nil || r.Qualified() {
		return false
	}
	s := m.names[r.Name.Text]
	if s == nil {
		return false
	}
	c.list.Add(diag.AmbiguousName, r.Range, "`%s` means every caller here, but mesh %s declares something of that name", r.Name.Text, m.Name).
		WithRelated(s.object.At, "declared here").
		WithHelp("write \"%s\" in quotes for the service; better, give it another name", r.Name.Text)
	return true
}

// callerPort reports a port after a caller. It may be meant for the destination.
func (c *checker) callerPort(t *lang.Target) {
	at := t.Ref.Range.To(t.Port.Range)
	at.Start = t.Ref.Range.End
	c.list.Add(diag.MisplacedClause, t.Port.Range, "a caller has no port: ports belong to the destination").
		WithHelp("delete it, or write it after the destination if it is the destination's port").
		WithFix(false, at, "", "delete the port")
}

// sources resolves the left side of an edge, with the span of each source. On the left of an edge `*` stands for the
// services that can prove an identity; of a deny or a guard (restricts) also for those without a proxy.
func (c *checker) sources(m *mesh, targets []lang.Target, restricts bool) ([]policy.Source, []source.Span) {
	var from []policy.Source
	var at []source.Span
	several := len(targets) > 1
	for _, t := range targets {
		if t.Port.Present() {
			c.callerPort(&t)
		}
		switch at := t.Extent(); {
		case len(t.Ops) > 0:
			c.list.Add(diag.MisplacedClause, t.Ops[0].Range, "a caller has no operations: they belong to the destination").
				WithHelp("write them after the destination")
		case !at.IsZero():
			c.list.Add(diag.MisplacedClause, at, "a caller has no such clause: it belongs to the destination").
				WithHelp("write it after the destination")
		}
		for _, s := range c.source(m, t.Ref, restricts) {
			if several && slices.Contains(from, s) {
				continue
			}
			from = append(from, s)
			at = append(at, t.Ref.Range)
		}
	}
	return from, at
}

// lacksSome reports whether a group among callers has members that are not known.
func (m *mesh) lacksSome(callers []lang.Target) bool {
	return m != nil && slices.ContainsFunc(callers, func(t lang.Target) bool {
		s := m.names[t.Name.Text]
		return !t.Qualified() && s != nil && s.group != nil && s.group.partial
	})
}

// leftOutOf takes callers out of those of a statement. What is still meant by one of these in part is returned. Where
// some callers are not known, it is not known either what that leaves.
func (c *checker) leftOutOf(m *mesh, from []policy.Source, fromAt []source.Span, refs []lang.Ref, restricts, partial bool) ([]policy.Source, []source.Span, located) {
	var except located
	if len(from) == 0 {
		return from, fromAt, except
	}
	all := from
	for _, r := range refs {
		met := false
		before := len(c.list)
		for _, e := range c.source(m, r, true) {
			if met = met || slices.ContainsFunc(all, e.Meets); slices.ContainsFunc(all, func(f policy.Source) bool { return f.Includes(e) && !e.Includes(f) }) {
				except.sources, except.at = append(except.sources, e), append(except.at, r.Range)
			}
			kept, keptAt := make([]policy.Source, 0, len(from)), make([]source.Span, 0, len(from))
			for i, f := range from {
				if !e.Includes(f) {
					kept, keptAt = append(kept, f), append(keptAt, fromAt[i])
				}
			}
			from, fromAt = kept, keptAt
		}
		if !met && !partial && len(c.list) == before {
			c.list.Add(diag.Ineffective, r.Range, "%s is none of these callers, so this exception excludes nobody", quoted(r.String())).
				WithHelp("delete it")
		}
	}
	if len(from) == 0 && !partial {
		c.list.Add(diag.MisplacedClause, refs[0].Range.To(refs[len(refs)-1].Range), "this exception excludes every caller").
			WithHelp("delete the statement, or narrow the exception")
	}
	return from, fromAt, except
}

// source resolves one reference on the left side of an edge.
func (c *checker) source(m *mesh, r lang.Ref, restricts bool) []policy.Source {
	switch kind := special(r); kind {
	case policy.FromMesh:
		other := c.lookupMesh(r)
		if other == nil {
			return nil
		}
		return []policy.Source{{Kind: kind, Mesh: other.Name}}
	case policy.FromAny, policy.FromWorld:
		if c.ambiguous(m, r) {
			return nil
		}
		return []policy.Source{{Kind: kind}}
	}
	var services []*service
	if r.Name.Text == "*" && !r.Name.Quoted {
		services = c.everyone(m, restricts)
		if !restricts {
			c.starred = append(c.starred, starred{m, r.Range, c.unit.mesh})
		}
	} else {
		s := c.lookup(m, r)
		if s == nil {
			return nil
		}
		if s.external != nil {
			c.list.Add(diag.ExternalSource, r.Range, "%s is outside the mesh: it can be called, it cannot call", quoted(r.String())).
				WithRelated(s.object.At, "declared as an external here").
				WithNote("an external has no identity in the mesh, so nothing distinguishes it from other callers").
				WithHelp("let it call through the ingress gateway, or declare it as `service NAME outside address NETWORK`")
			return nil
		}
		services = s.services()
	}
	from := make([]policy.Source, len(services))
	for i, s := range services {
		from[i] = policy.Source{Service: s.Service}
	}
	return from
}

// leftOut warns of the services that `*` on the left of an edge does not include, once all edges are known: one that
// other edges let in wherever it leads is not forgotten.
func (c *checker) leftOut() {
	for _, star := range c.starred {
		if !c.judges(star.unit) {
			continue
		}
		var names []string
		for _, s := range star.mesh.services {
			if !s.Proxied() && !c.admittedBeside(s, star.at) {
				names = append(names, s.Name)
			}
		}
		if len(names) > 0 {
			c.about(star.unit, func() {
				c.list.Add(diag.NoProxy, star.at, "`*` does not include %s: without a proxy a service proves no identity", listed(names)).
					WithHelp("write an edge for each that may call: by its address, into a port that is not strict")
			})
		}
	}
}

// admittedBeside reports whether a caller may call all that an edge with callers at a place leads to.
func (c *checker) admittedBeside(caller *service, at source.Span) bool {
	for _, m := range c.meshes {
		for _, s := range m.services {
			if s != caller && slices.ContainsFunc(s.allow, func(r *rule) bool {
				return slices.Contains(r.FromAt, at) && !slices.ContainsFunc(s.allow, func(other *rule) bool {
					return slices.Equal(other.Ports, r.Ports) && policy.Includes(other.From, policy.Source{Service: caller.Service})
				})
			}) {
				return false
			}
		}
	}
	return true
}

// everyone returns what `*` stands for: all services of the section, or outside any mesh those of the project, that
// have a proxy, and if outside is set also those that have none.
func (c *checker) everyone(m *mesh, outside bool) []*service {
	meshes := c.meshes
	if m != nil {
		meshes = []*mesh{m}
	}
	var all []*service
	for _, m := range meshes {
		for _, s := range m.services {
			if outside || s.Proxied() {
				all = append(all, s)
			}
		}
	}
	return all
}

package check

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// exports enters every `export`: the consent of a callee's section to edges that other sections write.
func (c *checker) exports(sections []section) {
	for _, s := range sections {
		for _, stmt := range s.stmts {
			if e, ok := stmt.(*lang.Export); ok {
				c.export(s.mesh, e)
			}
		}
	}
}

func (c *checker) export(m *Mesh, e *lang.Export) {
	c.tail(e.Tail)
	to := c.consumers(m, e.To)
	ops, ok := c.operations(e.Ops)
	stmt := &exportStmt{at: e.Range}
	for i := range e.What {
		t := &e.What[i]
		if len(t.Ops) > 0 {
			c.list.Add(diag.MisplacedClause, t.Ops[0].Range, "the operations of an export stand at its end").
				WithHelp("write `export %s to shop GET /v1/*`", t.Ref)
			continue
		}
		callees, ext := c.destination(m, t.Ref)
		if ext != nil {
			c.list.Add(diag.NotADestination, t.Ref.Range, "%s is an external: every mesh declares its own", quoted(t.String())).
				WithRelated(ext.At, "declared here").
				WithHelp("delete the export, and declare the external where it is called")
			continue
		}
		target := lang.Target{Ref: t.Ref, Port: t.Port, Ops: e.Ops}
		for _, s := range callees {
			if s.mesh != m {
				c.list.Add(diag.MisplacedClause, t.Ref.Range, "%s is exported by its own mesh", s.ID()).
					WithHelp("move this statement below `mesh %s`", s.Namespace)
				continue
			}
			r := &Rule{Rule: policy.Rule{ToAt: t.Ref.Range}, Callee: s}
			r.Ops = ops
			if !ok || len(to) == 0 || !c.rulePorts(r, &target, len(callees) == 1) {
				stmt.used = true // it failed: nothing more to say of it
				continue
			}
			m.Exports = append(m.Exports, &Export{Callee: s, Ports: r.Ports, Ops: ops, To: to, stmt: stmt})
		}
	}
}

func (c *checker) consumers(m *Mesh, refs []lang.Ref) []Consumer {
	var to []Consumer
	for _, r := range refs {
		switch {
		case r.Name.Text == "*" && !r.Name.Quoted && !r.Qualified():
			to = append(to, Consumer{All: true})
		case !r.Qualified():
			if other := c.lookupMesh(r.Name); other != nil {
				to = append(to, Consumer{Mesh: other.Name})
			}
		case r.Name.Text == "*" && !r.Name.Quoted:
			if other := c.lookupMesh(r.Namespace); other != nil {
				to = append(to, Consumer{Mesh: other.Name})
			}
		default:
			if s := c.lookup(m, r); s != nil {
				for _, svc := range s.services() {
					to = append(to, Consumer{Service: svc})
				}
			}
		}
	}
	return to
}

// consent gathers what one destination of a statement lacks.
type consent struct {
	statement *Mesh // the section that it stands in
	callee    *Service
	lacking   []policy.Source
	partly    bool // some export names the callee for that caller, but not these ports or operations
}

// consented tells whether the callee's mesh exports it to every source of a rule that stands elsewhere.
func (c *checker) consented(gap *consent, r *Rule) bool {
	ok := true
	for _, f := range r.From {
		found := false
		for _, e := range r.Callee.mesh.Exports {
			if e.Callee != r.Callee || !e.reaches(gap.statement, f) {
				continue
			}
			if policy.CoversPorts(e.Ports, r.Ports) && policy.Covers(e.Ops, r.Ops) {
				e.stmt.used = true
				found = true
			} else {
				gap.partly = true
			}
		}
		if !found {
			ok = false
			gap.callee = r.Callee
			gap.lacking = append(gap.lacking, f)
		}
	}
	return ok
}

// reaches tells whether an export lets a section write an edge, or a deny, of a source. A section speaks for
// its own services alone; whom nobody can prove, and everybody at once, only the callee's own section may let in.
func (e *Export) reaches(section *Mesh, f policy.Source) bool {
	return slices.ContainsFunc(e.To, func(to Consumer) bool {
		switch f.Kind {
		case policy.FromService:
			if f.Service.Namespace != section.Name {
				return false
			}
			return to.Service != nil && to.Service.Service == f.Service || f.Service.Proxied() && (to.All || to.Mesh == section.Name)
		case policy.FromMesh:
			return f.Mesh == section.Name && (to.All || to.Mesh == section.Name)
		}
		return false
	})
}

// refused reports an edge into another mesh that lacks consent: once for each destination as written.
func (c *checker) refused(m *Mesh, gap *consent, t *lang.Target, deny bool) {
	if len(gap.lacking) == 0 {
		return
	}
	s := gap.callee
	var who []string
	for _, f := range gap.lacking {
		if name := f.String(); !slices.Contains(who, name) {
			who = append(who, name)
		}
	}
	if len(who) > 3 {
		who = append(who[:3], "others")
	}
	d := c.list.Add(diag.NotExported, t.Ref.Range, "mesh %s does not export %s to %s", s.Namespace, s.Name, listed(who)).
		WithRelated(firstSection(s.mesh), "the mesh that would have to")
	switch f := gap.lacking[0]; {
	case f.Kind == policy.FromWorld || f.Kind == policy.FromAny:
		d.WithHelp("only mesh %s itself may speak of %s: ask its owners for `%s -> %s`", s.Namespace, f, f, s.Name)
	case f.Kind == policy.FromService && f.Service.Namespace != m.Name || f.Kind == policy.FromMesh && f.Mesh != m.Name:
		d.WithHelp("mesh %s speaks for its own services only: write this where %s is, or ask the owners of mesh %s", m.Name, f, s.Namespace)
	case f.Kind == policy.FromService && !f.Service.Proxied():
		d.WithHelp("ask the owners of mesh %s to let this one in by name: `export %s to %s`", s.Namespace, exportTarget(t, s), f)
	case gap.partly:
		d.WithNote("it exports %s for other ports or operations only", s.Name)
		fallthrough
	default:
		d.WithHelp("ask the owners of mesh %s for this line: `export %s to %s%s`", s.Namespace, exportTarget(t, s), consumerText(m, gap.lacking), opsText(t.Ops))
	}
	if deny {
		d.WithNote("a deny counts as an edge here: what shuts a service is its own mesh's to say")
	}
}

func firstSection(m *Mesh) (at source.Span) {
	if len(m.sections) > 0 {
		return m.sections[0]
	}
	return at
}

func exportTarget(t *lang.Target, s *Service) string {
	if t.Port.Present() {
		return s.Name + ":" + t.Port.Text
	}
	return s.Name
}

// consumerText is no more than who lacks the export: one service, else their mesh.
func consumerText(m *Mesh, lacking []policy.Source) string {
	switch f := lacking[0]; {
	case f.Kind == policy.FromMesh:
		return f.Mesh
	case f.Kind == policy.FromService && len(lacking) == 1:
		return f.String()
	}
	return m.Name
}

func opsText(ops []lang.Operation) string {
	text := ""
	for i, o := range ops {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %s", o.Range.Text())
	}
	return text
}

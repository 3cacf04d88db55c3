package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/source"
)

// export is the consent of one service to edges of other sections.
type export struct {
	callee   *service
	requests policy.Requests
	to       []consumer
	stmt     *exportStmt
}

// consumer is who may write such an edge: one service, else the section of one mesh, else every section.
type consumer struct {
	mesh    string
	service *service
}

// exportStmt is shared by the exports of one statement, so that an unused one is reported once.
type exportStmt struct {
	at   source.Span
	used bool
}

// exportStatements enters every `export`: the consent of a callee's section to edges that other sections write.
func (c *checker) exportStatements(sections []section) {
	for _, s := range sections {
		for _, stmt := range s.stmts {
			if e, ok := stmt.(*lang.Export); ok {
				c.export(s.mesh, e)
			}
		}
	}
}

func (c *checker) export(m *mesh, e *lang.Export) {
	c.tail(e.Tail)
	to := c.consumers(m, e.To)
	requests, ok := c.requests(&e.Requests, false)
	m.Exported = append(m.Exported, requests.Ops...)
	stmt := &exportStmt{at: e.Range}
	for i := range e.What {
		t := &e.What[i]
		callees, ext := c.destination(m, t.Ref)
		if ext != nil {
			c.list.Add(diag.NotADestination, t.Ref.Range, "%s is an external: every mesh declares its own", quoted(t.String())).
				WithRelated(ext.At, "declared here").
				WithHelp("delete the export, and declare the external where it is called")
			continue
		}
		if every := slices.ContainsFunc(callees, func(s *service) bool { return s.mesh != m }); every && t.Ref.Namespace.Text == "" { // pods of the root namespace
			c.list.Add(diag.MisplacedClause, t.Ref.Range, "%s in the root namespace stand for those of every mesh, which need no export", quoted(t.String())).
				WithHelp("delete the export: edges to them are in this section, and need no consent")
			stmt.used = true
			continue
		}
		target := lang.Target{Ref: t.Ref, Port: t.Port, Requests: e.Requests}
		for _, s := range callees {
			if s.mesh != m {
				c.list.Add(diag.MisplacedClause, t.Ref.Range, "%s is exported by its own mesh", s.ID()).
					WithHelp("move this statement below `mesh %s`", s.Namespace)
				continue
			}
			r := &rule{Rule: policy.Rule{ToAt: t.Ref.Range, Requests: requests}, callee: s}
			if !ok || len(to) == 0 || !c.rulePorts(r, &target, len(callees) == 1) {
				stmt.used = true // it has a finding; that nothing uses it would only follow
				continue
			}
			m.exports = append(m.exports, &export{callee: s, requests: r.Requests, to: to, stmt: stmt})
		}
	}
}

func (c *checker) consumers(m *mesh, refs []lang.Ref) []consumer {
	var to []consumer
	for _, r := range refs {
		wildcard := r.Name.Text == "*" && !r.Name.Quoted
		home := r.Namespace
		switch {
		case wildcard && !r.Qualified():
			to = append(to, consumer{})
			continue
		case !r.Qualified():
			home = r.Name
		case !wildcard:
			if s := c.lookup(m, r); s != nil {
				for _, svc := range s.services() {
					to = append(to, consumer{service: svc})
				}
			}
			continue
		}
		if other := c.lookupMesh(lang.Ref{Namespace: home, Name: lang.Name{Text: "*"}}); other != nil {
			to = append(to, consumer{mesh: other.Name})
		}
	}
	return to
}

// consent gathers what one destination of a statement lacks.
type consent struct {
	statement *mesh // the section that it stands in
	callee    *service
	lacking   []policy.Source
	partly    bool // some export names the callee for that caller, but not these ports or operations
}

// consented reports whether the callee's mesh exports it to every source of a rule that stands in another section.
func (c *checker) consented(gap *consent, r *rule) bool {
	ok := true
	for _, f := range r.From {
		found := false
		for _, e := range r.callee.mesh.exports {
			if e.callee != r.callee || !e.reaches(gap.statement, f) {
				continue
			}
			if e.requests.Covers(&r.Requests) {
				e.stmt.used = true
				found = true
			} else {
				gap.partly = true
			}
		}
		if !found {
			ok = false
			gap.callee = r.callee
			gap.lacking = append(gap.lacking, f)
		}
	}
	return ok
}

// reaches reports whether an export lets a section write an edge, or a deny, of a source. A section speaks for its own
// services only, and for one without a proxy only if the export names it. Callers from everywhere (any, world) can be
// let in by the callee's own section alone.
func (e *export) reaches(section *mesh, f policy.Source) bool {
	return slices.ContainsFunc(e.to, func(to consumer) bool {
		everyone := to.service == nil && (to.mesh == "" || to.mesh == section.Name)
		switch f.Kind {
		case policy.FromService:
			return f.Service.Namespace == section.Name &&
				(to.service != nil && to.service.Service == f.Service || everyone && f.Service.Proxied())
		case policy.FromMesh:
			return f.Mesh == section.Name && everyone
		}
		return false
	})
}

// refused reports an edge into another mesh that lacks consent: once for each destination as written.
func (c *checker) refused(m *mesh, gap *consent, t *lang.Target, deny bool) {
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
		d.WithHelp("only mesh %s itself may admit %s: ask its owners to write `%s -> %s` instead of this edge", s.Namespace, f, f, s.Name)
	case f.Kind == policy.FromService && f.Service.Namespace != m.Name || f.Kind == policy.FromMesh && f.Mesh != m.Name:
		d.WithHelp("mesh %s decides only for its own services: write this where %s is declared, or ask the owners of mesh %s", m.Name, f, s.Namespace)
	case f.Kind == policy.FromService && !f.Service.Proxied():
		c.askFor(d, s, fmt.Sprintf("export %s to %s", exportTarget(t, s), f), "to let this one in by name")
	case gap.partly:
		d.WithNote("it exports %s, but not for all of these ports and operations", s.Name)
		fallthrough
	default:
		c.askFor(d, s, fmt.Sprintf("export %s to %s%s", exportTarget(t, s), consumerText(m, gap.lacking), requestsText(t)), "for this line")
	}
	if deny {
		d.WithNote("a deny needs consent like an edge: only its own mesh may close a service to callers")
	}
}

// askFor says which statement the mesh of a service would have to write, and offers to write it where the mesh declares
// the service, or else in its first file.
func (c *checker) askFor(d *diag.Diagnostic, s *service, statement, what string) {
	d.WithHelp("ask the owners of mesh %s %s: `%s`", s.Namespace, what, statement)
	var edit diag.Edit
	found := false
	for _, f := range c.files {
		here, ok := lang.Append(f, s.Namespace, statement)
		if ok && (!found || s.decl != nil && s.decl.Range.File == f.Source) {
			edit, found = here, true
		}
	}
	if found {
		d.Fixes = append(d.Fixes, diag.Fix{Title: fmt.Sprintf("export %s from mesh %s", s.Name, s.Namespace), Edits: []diag.Edit{edit}})
	}
}

func firstSection(m *mesh) (at source.Span) {
	if len(m.sections) > 0 {
		return m.sections[0]
	}
	return at
}

func exportTarget(t *lang.Target, s *service) string {
	if t.Port.Present() {
		return s.Name + ":" + t.Port.Text
	}
	return s.Name
}

// consumerText is no wider than what lacks the export: one service, else its mesh.
func consumerText(m *mesh, lacking []policy.Source) string {
	switch f := lacking[0]; {
	case f.Kind == policy.FromMesh:
		return f.Mesh
	case f.Kind == policy.FromService && len(lacking) == 1:
		return f.String()
	}
	return m.Name
}

// requestsText is what follows a destination, on one line.
func requestsText(t *lang.Target) string {
	bare := lang.Target{Ref: t.Ref, Port: t.Port}
	with := bare
	with.Requests = t.Requests
	with.Braces = false
	text := func(t lang.Target) string {
		return format.Statement(&lang.Edge{Hops: []lang.Hop{{Targets: []lang.Target{t}}}})
	}
	return strings.TrimPrefix(text(with), text(bare))
}

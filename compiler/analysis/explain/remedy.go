package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Line is a statement to write, and where.
type Line struct {
	Text string
	Mesh string // in whose section
	File string // that opens the section
}

// Remedy is what would allow a query that is denied. It is empty where nothing would: the root namespace takes no edges.
type Remedy struct {
	Narrow []source.Span // statements that deny it, no matter what allows it
	Mode   Line          // makes a port take mutual TLS, without which the edge would match nobody; none where it does
	Line   Line          // an edge in the callee's section; none where one is there already
	Across []Line        // the same from the caller's section where that is another one: the edge, and the callee's consent
	World  Line          // in place of Mode and Line, lets in every caller that reaches the port
}

func remedyOf(m *model.Model, a *Answer) (r Remedy) {
	lacks := false
	for _, p := range a.Ports {
		for _, c := range p.Callers {
			for _, k := range c.Cases {
				lacks = lacks || k.lacks
				for _, at := range k.Intents {
					if k.Verdict == enforce.Denied && !slices.Contains(r.Narrow, at) {
						r.Narrow = append(r.Narrow, at)
					}
				}
			}
		}
	}
	if !lacks || a.To.Namespace == m.Policy.RootNamespace {
		return r
	}
	r.Line, r.Across = lines(m, &a.question)
	if names := disabled(m, &a.question); len(names) > 0 {
		r.Mode, r.World = r.Line, r.Line
		r.Mode.Text = "mtls " + strings.Join(names, " permissive; mtls ") + " permissive"
		world := a.question
		world.From = policy.Source{Kind: policy.FromWorld}
		r.World, _ = lines(m, &world)
	}
	return r
}

// disabled is the ports that take no mutual TLS, as mtls statements name them, where a question is about identities.
func disabled(m *model.Model, q *question) (names []string) {
	if q.From.Kind == policy.FromWorld || q.From.Kind == policy.FromService && !q.From.Service.Proxied() {
		return nil
	}
	is := func(port uint16) bool { return m.Policy.ModeOf(m.Mesh(q.To.Namespace), q.To, port) == policy.Disable }
	name := func(port uint16) string { return fmt.Sprintf("%s:%d", q.To.Name, port) }
	switch {
	case q.Port != 0 && is(q.Port):
		return []string{name(q.Port)}
	case q.Port != 0:
		return nil
	case len(q.Ops) == 0 && is(0):
		names = append(names, q.To.Name)
	}
	for _, p := range q.To.Ports {
		own := p.Mode != policy.ModeUnset || len(names) == 0
		if own && is(p.Number) && (len(q.Ops) == 0 || p.Protocol.IsHTTP()) {
			names = append(names, name(p.Number))
		}
	}
	return names
}

// lines is the edge that a question asks for and, where it crosses meshes, the two lines that do the same from the caller's
// section.
func lines(m *model.Model, q *question) (callee Line, caller []Line) {
	operation := ""
	for i, o := range q.Ops {
		if i > 0 {
			operation += ","
		}
		operation += " " + o.String()
	}
	port := ""
	if q.Port != 0 {
		port = fmt.Sprintf(":%d", q.Port)
	}
	from := q.From.String()
	elsewhere := ""
	switch q.From.Kind {
	case policy.FromService:
		elsewhere = q.From.Service.Namespace
		if elsewhere == q.To.Namespace {
			from, elsewhere = q.From.Service.Name, ""
		}
	case policy.FromMesh:
		if q.From.Mesh != q.To.Namespace {
			elsewhere = q.From.Mesh
		}
	}
	callee = Line{fmt.Sprintf("%s -> %s%s%s", from, q.To.Name, port, operation), q.To.Namespace, fileOf(m, q.To)}
	home := m.Mesh(elsewhere)
	if elsewhere == "" || elsewhere == m.Policy.RootNamespace || home == nil || len(home.Files) == 0 {
		return callee, nil
	}
	name := from
	if q.From.Kind == policy.FromService {
		name = q.From.Service.Name
	}
	to := q.From.String()
	if q.From.Kind == policy.FromMesh {
		to = elsewhere
	}
	return callee, []Line{
		{fmt.Sprintf("%s -> %s%s%s", name, q.To.ID(), port, operation), elsewhere, home.Files[0]},
		{fmt.Sprintf("export %s%s to %s%s", q.To.Name, port, to, operation), q.To.Namespace, fileOf(m, q.To)},
	}
}

// fileOf is the file that has the rules of a service, or else its declaration, or else its mesh.
func fileOf(m *model.Model, s *policy.Service) string {
	files := m.Mesh(s.Namespace).Files
	for _, r := range s.Allow {
		if slices.Contains(files, r.At.File.Name) {
			return r.At.File.Name
		}
	}
	if s.At.File != nil && slices.Contains(files, s.At.File.Name) {
		return s.At.File.Name
	}
	if len(files) > 0 {
		return files[0]
	}
	return ""
}

package istio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// acceptPaths refuses paths that Istio would refuse, or that it would match differently from what a reader expects. The
// finding is at the path, or at the statement if the path has no span.
func (b *builder) acceptPaths(ops []policy.Operation, statement source.Span) bool {
	ok := true
	for i := range ops {
		problem, help := pathProblem(&ops[i])
		if problem == "" {
			continue
		}
		d := b.findings.Add(diag.InvalidOperation, either(pathAt(&ops[i]), statement), "path `%s` %s", ops[i].Path, problem).WithHelp("%s", help)
		if policy.StarWithin(ops[i].Path) && !strings.HasPrefix(ops[i].Path, "*") {
			d.WithNote("in double quotes the `*` is itself")
		}
		if better := policy.Template(ops[i].Path); better != "" && d.Primary.Text() == ops[i].Path {
			if again, _ := pathProblem(&policy.Operation{Path: better}); again == "" {
				d.WithHelp("write %s: %s", better, help).WithFix(false, d.Primary, better, "write "+better)
			}
		}
		ok = false
	}
	return ok
}

// pathAt returns the span of a path, which ends its operation, or that of the whole operation if the path is quoted.
func pathAt(o *policy.Operation) source.Span {
	at := o.At
	if !at.IsZero() && strings.HasSuffix(at.Text(), o.Path) {
		at.Start = at.End - int32(len(o.Path))
	}
	return at
}

// pathProblem returns why Istio would refuse a path or match it unexpectedly, and the help; empty if it would not.
// istio.io/istio/pkg/config/security: CheckValidPathTemplate; istio/istio#50504 for a star at both ends.
func pathProblem(o *policy.Operation) (problem, help string) {
	path := o.Path
	first, last := strings.HasPrefix(path, "*"), strings.HasSuffix(path, "*")
	switch {
	case path == "" || path == "*":
	case policy.IsTemplate(path):
		return templateProblem(path)
	case strings.ContainsAny(path, "{}"):
		return "has braces that are not a template", "{*} stands for one segment, {**} for any number"
	case first && last:
		return "has `*` at both ends, which Istio matches literally", "use a prefix /a/*, a suffix *.png or a template /{**}/a/{*}"
	case policy.StarWithin(path) && !first && o.Quoted:
	case policy.StarWithin(path):
		return "has `*` in the middle, which Istio matches literally", "{*} stands for one whole segment, {**} for any number"
	}
	return "", ""
}

func templateProblem(path string) (problem, help string) {
	if !strings.HasPrefix(path, "/") {
		return "is a template that does not begin with `/`", "write /" + path
	}
	rest := false // {**} was seen
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		switch {
		case (segment == "{*}" || segment == "{**}") && rest:
			return "has a template after {**}", "{**} is the last one of a path"
		case segment == "{**}":
			rest = true
		case segment == "{*}":
		case segment == "":
			return "has an empty segment, which a template cannot have", "write a single `/` between segments"
		case strings.ContainsAny(segment, "{}*"):
			return "mixes a template with other text in one segment", "{*} and {**} are whole segments: /a/{*}/b"
		case strings.Trim(segment, policy.LiteralCharacters) != "":
			return "has a character that a template cannot have", "write it percent-encoded"
		}
	}
	return "", ""
}

// acceptTemplates refuses the templates of a deny that could be got around: what Envoy's templates do not take, such as
// the segment `a*b`, must not be let through by an edge either, nor because nothing closes the service.
func (b *builder) acceptTemplates(s *policy.Service, deny *policy.Rule, a action) {
	for i := range deny.Ops {
		o := &deny.Ops[i]
		if !policy.IsTemplate(o.Path) {
			continue
		}
		help := fmt.Sprintf("%s the prefix %s*", a.word, o.Path[:strings.IndexByte(o.Path, '{')])
		unmatched := diag.WithArticle(a.word) + " of `%s` can be got around: the templates of Istio do not match a path with `*`, `[` or `]`, and "
		if slices.ContainsFunc(b.Meshes, func(m *policy.Mesh) bool { return m.Name == s.Namespace && !m.Closes(s) }) {
			b.findings.Add(diag.Inexpressible, either(pathAt(o), deny.At), unmatched+"nothing closes %s", o.Path, s.ID()).
				WithHelp("%s, or state the mode of %s, which closes it", help, s.Namespace)
			continue
		}
		j := slices.IndexFunc(s.Allow, func(r policy.Rule) bool { return aroundTemplate(o, deny, &r) })
		if j < 0 {
			continue
		}
		b.findings.Add(diag.Inexpressible, either(pathAt(o), deny.At), unmatched+"an edge lets it through", o.Path).
			WithRelated(s.Allow[j].At, "this edge").
			WithHelp("%s, or have the edge name exact paths or templates", help)
	}
}

// aroundTemplate reports whether a rule may let through what a deny means and its template does not match.
func aroundTemplate(o *policy.Operation, deny, allow *policy.Rule) bool {
	service := func(f policy.Source) bool { return f.Kind == policy.FromService }
	meet := func(f policy.Source) bool { return slices.Contains(deny.From, f) }
	all := func(from []policy.Source) bool {
		return !slices.ContainsFunc(from, func(f policy.Source) bool { return !service(f) })
	}
	if all(deny.From) && all(allow.From) && !slices.ContainsFunc(allow.From, meet) {
		return false
	}
	if len(allow.Ports) > 0 && len(deny.Ports) > 0 && !slices.ContainsFunc(allow.Ports, func(p uint16) bool { return slices.Contains(deny.Ports, p) }) {
		return false
	}
	return len(allow.Ops) == 0 || slices.ContainsFunc(allow.Ops, func(a policy.Operation) bool {
		return overlap(a.Methods, o.Methods) && pathAround(o, a.Path)
	})
}

func overlap(a, b []string) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(m string) bool { return slices.Contains(b, m) })
}

// pathAround reports whether a path of an edge may have paths that the template of an operation means and does not
// match.
func pathAround(o *policy.Operation, path string) bool {
	head := o.Path[:strings.IndexByte(o.Path, '{')]
	switch prefix, wild := strings.CutSuffix(path, "*"); {
	case path == "", strings.HasPrefix(path, "*"):
		return true
	case policy.IsTemplate(path):
		return false
	case wild:
		return strings.HasPrefix(prefix, head) || strings.HasPrefix(head, prefix)
	}
	whole, matched := policy.Operation{Path: o.Path, Every: true}, policy.Operation{Path: o.Path}
	return whole.Matches("", path) && !matched.Matches("", path)
}

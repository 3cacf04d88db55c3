package istio

import (
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// acceptPaths refuses paths that Istio would refuse, or that it would match differently from what a reader expects. The finding
// is at the path, or at the statement if the path has no span.
func (b *builder) acceptPaths(ops []policy.Operation, statement source.Span) bool {
	ok := true
	for i := range ops {
		problem, help := pathProblem(ops[i].Path)
		if problem == "" {
			continue
		}
		d := b.findings.Add(diag.InvalidOperation, either(pathAt(&ops[i]), statement), "path `%s` %s", ops[i].Path, problem).WithHelp("%s", help)
		if better := policy.Template(ops[i].Path); better != "" && d.Primary.Text() == ops[i].Path {
			if again, _ := pathProblem(better); again == "" {
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
func pathProblem(path string) (problem, help string) {
	first, last := strings.HasPrefix(path, "*"), strings.HasSuffix(path, "*")
	switch {
	case path == "" || path == "*":
	case policy.IsTemplate(path):
		return templateProblem(path)
	case strings.ContainsAny(path, "{}"):
		return "has braces that are not a template", "{*} stands for one segment, {**} for any number"
	case first && last:
		return "has `*` at both ends, which Istio matches literally", "use a prefix /a/*, a suffix *.png or a template /{**}/a/{*}"
	case strings.Contains(strings.TrimSuffix(strings.TrimPrefix(path, "*"), "*"), "*"):
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

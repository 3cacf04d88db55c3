package config

import (
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/lang/diag"
)

func (r *reader) accepted(path string, v *yaml.Node) {
	seen := map[string]Accepted{}
	for _, item := range r.list(path, v, "objects") {
		a := Accepted{At: r.doc.Span(item)}
		var id string
		has := r.fields(path, item, []field{
			{"object", func(path string, v *yaml.Node) {
				r.text(&id, objectID)(path, v)
				a.At = r.doc.Span(v)
			}},
			{"path", func(path string, v *yaml.Node) {
				r.text(&a.Path, inside)(path, v)
				a.PathAt = r.doc.Span(v)
			}},
			{"reason", r.text(&a.Reason, reason)},
			{"until", func(path string, v *yaml.Node) {
				if v.Kind == yaml.ScalarNode && v.ShortTag() == "!!timestamp" { // a day without quotes
					v = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v.Value, Line: v.Line, Column: v.Column}
				}
				r.text(&a.Until, day)(path, v)
				a.UntilAt = r.doc.Span(v)
			}},
		})
		if has == nil {
			continue
		}
		for _, must := range []string{"object", "path", "reason"} {
			if !has[must] {
				r.findings.Add(diag.MalformedConfig, a.At, "an entry of accepted without %s", must).
					WithHelp("write {object: AuthorizationPolicy NAMESPACE/NAME, path: FILE.yaml, reason: WHY}")
			}
		}
		if id == "" || a.Path == "" || a.Reason == "" {
			continue
		}
		a.Kind, a.Namespace, a.Name = splitID(id)
		if first, again := seen[a.ID()]; again {
			r.findings.Add(diag.InvalidSetting, a.At, "%s is accepted twice", a.ID()).
				WithRelated(first.At, "first accepted here").
				WithHelp("keep one of them")
			continue
		}
		seen[a.ID()] = a
		r.project.Accepted = append(r.project.Accepted, a)
	}
}

// objectID checks KIND NAMESPACE/NAME.
func objectID(s string) string {
	kind, id, ok := strings.Cut(s, " ")
	namespace, name, qualified := strings.Cut(id, "/")
	if !ok || kind == "" || !qualified || name == "" || strings.ContainsAny(name, " /") {
		return "it is not of the form KIND NAMESPACE/NAME"
	}
	return label(namespace)
}

func splitID(id string) (kind, namespace, name string) {
	kind, id, _ = strings.Cut(id, " ")
	namespace, name, _ = strings.Cut(id, "/")
	return kind, namespace, name
}

func reason(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "it is empty"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "it has a line break or a control character"
	}
	return ""
}

func day(s string) string {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "it is not a day such as 2027-03-31"
	}
	return ""
}

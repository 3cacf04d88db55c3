package policy

import (
	"cmp"
	"slices"
	"strings"
)

// Covers reports whether every request that matches an operation of inner also matches one of outer. An empty list
// stands for every request. The result is never wrongly true; it may be wrongly false if several patterns of outer
// cover one of inner only together.
func Covers(outer, inner []Operation) bool {
	if len(outer) == 0 {
		return true
	}
	if len(inner) == 0 {
		return false
	}
	for _, in := range inner {
		if !slices.ContainsFunc(outer, func(out Operation) bool { return out.covers(in) }) {
			return false
		}
	}
	return true
}

func (o Operation) covers(in Operation) bool {
	if len(o.Methods) > 0 {
		if len(in.Methods) == 0 {
			return false
		}
		for _, m := range in.Methods {
			if !slices.Contains(o.Methods, m) {
				return false
			}
		}
	}
	return o.coversPath(in.Path)
}

// Meets reports whether some request may match both operations. It says yes where it is not sure.
func (o Operation) Meets(p Operation) bool {
	shared := func(m string) bool { return slices.Contains(p.Methods, m) }
	if len(o.Methods) > 0 && len(p.Methods) > 0 && !slices.ContainsFunc(o.Methods, shared) {
		return false
	}
	return o.MeetsPath(p.Path)
}

// Meet reports whether some request may match operations of both lists. An empty list stands for every request.
func Meet(a, b []Operation) bool {
	return len(a) == 0 || len(b) == 0 || slices.ContainsFunc(a, func(o Operation) bool { return slices.ContainsFunc(b, o.Meets) })
}

// MeetsPath reports whether some path of the operation may match a pattern. It says yes where it is not sure.
func (o Operation) MeetsPath(pattern string) bool {
	a, exactA := literal(o.Path)
	b, exactB := literal(pattern)
	return strings.HasPrefix(a, b) && (!exactB || o.Path == pattern) || strings.HasPrefix(b, a) && (!exactA || o.Path == pattern)
}

// literal returns what every path that matches a pattern begins with, and whether that is the whole path.
func literal(pattern string) (prefix string, exact bool) {
	prefix = LiteralPrefix(pattern)
	return prefix, prefix == pattern && pattern != ""
}

// Canonical sorts operations and merges those with the same path, so that lists for the same requests become equal. It
// works in place. Merged operations keep the span of the first.
func Canonical(ops []Operation) []Operation {
	slices.SortFunc(ops, Operation.Compare)
	out := ops[:0]
	for _, o := range ops {
		last := len(out) - 1
		switch {
		case last < 0 || out[last].Path != o.Path:
			out = append(out, o)
		case len(out[last].Methods) > 0: // otherwise it already has every method: no methods sort first
			out[last].Methods = append(slices.Clone(out[last].Methods), o.Methods...)
			slices.Sort(out[last].Methods)
			out[last].Methods = slices.Compact(out[last].Methods)
		}
	}
	return out
}

// CoversPorts is Covers for ports. An empty list stands for every port.
func CoversPorts(outer, inner []uint16) bool {
	if len(outer) == 0 {
		return true
	}
	if len(inner) == 0 {
		return false
	}
	for _, p := range inner {
		if !slices.Contains(outer, p) {
			return false
		}
	}
	return true
}

func (o Operation) coversPath(in string) bool {
	switch out := o.Path; {
	case out == "" || out == "*" || out == in:
		return true
	case in == "" || in == "*":
		return false
	case IsTemplate(out):
		return !IsTemplate(in) && !strings.Contains(in, "*") && o.matchesTemplate(in)
	}
	if prefix, ok := strings.CutSuffix(o.Path, "*"); ok {
		return strings.HasPrefix(LiteralPrefix(in), prefix)
	}
	if suffix, ok := strings.CutPrefix(o.Path, "*"); ok {
		if IsTemplate(in) || strings.HasSuffix(in, "*") {
			return false
		}
		return strings.HasSuffix(strings.TrimPrefix(in, "*"), suffix)
	}
	return false
}

// IsTemplate reports whether a path is a template with {*} or {**}.
func IsTemplate(path string) bool {
	return strings.Contains(path, "{*}") || strings.Contains(path, "{**}")
}

// LiteralPrefix returns what every path that matches a pattern begins with.
func LiteralPrefix(pattern string) string {
	if i := strings.IndexAny(pattern, "*{"); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// matchesTemplate matches {*} with one non-empty segment and {**} with any run of characters, slashes included. Unless
// the operation has Every, these are of the characters that Envoy's URI templates take
// (envoy/extensions/path/match/uri_template/v3). Istio allows one {**} only.
func (o Operation) matchesTemplate(path string) bool {
	t, p := strings.Split(o.Path, "/"), strings.Split(path, "/")
	i := slices.Index(t, "{**}")
	if i < 0 {
		return o.matchesSegments(t, p)
	}
	head, tail := t[:i], t[i+1:]
	return len(p) > len(head)+len(tail) &&
		o.matchesSegments(head, p[:len(head)]) && o.matchesSegments(tail, p[len(p)-len(tail):]) &&
		(o.Every || allLiteral(strings.Join(p[len(head):len(p)-len(tail)], "")))
}

func (o Operation) matchesSegments(template, path []string) bool {
	return slices.EqualFunc(template, path, func(t, p string) bool {
		return t == p || t == "{*}" && p != "" && (o.Every || allLiteral(p))
	})
}

// LiteralCharacters are what {*} and {**} match and what the other segments of a template may have: pchar of RFC 3986,
// as in Envoy and in Istio's IsValidLiteral.
const LiteralCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()+,;:@="

func allLiteral(s string) bool { return strings.Trim(s, LiteralCharacters) == "" }

// Compare orders operations by path, then by methods.
func (o Operation) Compare(p Operation) int {
	return cmp.Or(cmp.Compare(o.Path, p.Path), slices.Compare(o.Methods, p.Methods))
}

// String returns the operation as the language writes it.
func (o Operation) String() string {
	methods := strings.Join(o.Methods, "|")
	path := o.Path
	if StarWithin(path) {
		path = `"` + path + `"`
	}
	switch {
	case o.Path == "":
		return methods
	case methods == "":
		return path
	}
	return methods + " " + path
}

// StarWithin reports whether a path has a star that is neither a wildcard at one of its ends nor one of a template.
// Proxies take it for itself, so that the language has such a path in quotes only.
func StarWithin(path string) bool {
	return !IsTemplate(path) && strings.Contains(strings.TrimSuffix(strings.TrimPrefix(path, "*"), "*"), "*")
}

// Compare orders sources: services by mesh and name, then NS/*, then any, then world.
func (s Source) Compare(t Source) int {
	if s.Kind != t.Kind {
		return cmp.Compare(s.Kind, t.Kind)
	}
	if s.Kind == FromService {
		return cmp.Or(cmp.Compare(s.Service.Namespace, t.Service.Namespace), cmp.Compare(s.Service.Name, t.Service.Name))
	}
	return cmp.Compare(s.Mesh, t.Mesh)
}

// Matches reports whether the operation includes a request with this method and path.
func (o Operation) Matches(method, path string) bool {
	if len(o.Methods) > 0 && !slices.Contains(o.Methods, method) {
		return false
	}
	switch {
	case o.Path == "" || o.Path == "*":
		return true
	case IsTemplate(o.Path):
		return o.matchesTemplate(path)
	}
	if prefix, ok := strings.CutSuffix(o.Path, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	if suffix, ok := strings.CutPrefix(o.Path, "*"); ok {
		return strings.HasSuffix(path, suffix)
	}
	return o.Path == path
}

package envoy

import (
	"fmt"
	"regexp"
	"strings"

	envoymatcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// readString reads a string matcher. For the expressions that Istio writes, RE2 and Go's regexp agree.
func readString(m *envoymatcher.StringMatcher) (func(string) bool, error) {
	fold := func(s string) string { return s }
	if m.GetIgnoreCase() {
		fold = strings.ToLower // Envoy folds ASCII only, and hosts are ASCII
	}
	switch pattern := m.GetMatchPattern().(type) {
	case *envoymatcher.StringMatcher_Exact:
		want := fold(pattern.Exact)
		return func(s string) bool { return fold(s) == want }, nil
	case *envoymatcher.StringMatcher_Prefix:
		want := fold(pattern.Prefix)
		return func(s string) bool { return strings.HasPrefix(fold(s), want) }, nil
	case *envoymatcher.StringMatcher_Suffix:
		want := fold(pattern.Suffix)
		return func(s string) bool { return strings.HasSuffix(fold(s), want) }, nil
	case *envoymatcher.StringMatcher_SafeRegex:
		if m.GetIgnoreCase() {
			return nil, fmt.Errorf("a regular expression that ignores case")
		}
		expression, err := whole(pattern.SafeRegex.GetRegex())
		if err != nil {
			return nil, err
		}
		return expression.MatchString, nil
	}
	return nil, fmt.Errorf("the string matcher %T", m.GetMatchPattern())
}

// whole compiles an expression that must match from start to end.
func whole(expression string) (*regexp.Regexp, error) {
	return regexp.Compile(`\A(?:` + expression + `)\z`)
}

func readPath(m *envoymatcher.PathMatcher) (matcher, error) {
	match, err := readString(m.GetPath())
	return func(r *Request) bool { return r.Path != "" && match(withoutQuery(r.Path)) }, err
}

func withoutQuery(path string) string {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		return path[:i]
	}
	return path
}

// pathCharacters are the characters that a wildcard of a template matches, and that its literals may contain.
const pathCharacters = `a-zA-Z0-9-._~%!$&'()+,;:@=`

var segment = regexp.MustCompile(`\A[` + pathCharacters + `]+\z`)

// readPattern reads a URI template: `*` matches one segment, `**` any number of them. The slash before a wildcard is
// literal, so /a/** does not match /a.
func readPattern(template string) (*regexp.Regexp, error) {
	rest, absolute := strings.CutPrefix(template, "/")
	if !absolute {
		return nil, fmt.Errorf("the template %q has no leading slash", template)
	}
	var expression strings.Builder
	parts := strings.Split(rest, "/")
	last := false
	for i, part := range parts {
		expression.WriteByte('/')
		switch {
		case part == "" && i == len(parts)-1: // a slash at the end
		case part == "*" || part == "**":
			if last {
				return nil, fmt.Errorf("the template %q has a wildcard after **", template)
			}
			last = part == "**"
			if last {
				expression.WriteString(`[` + pathCharacters + `/]*`)
			} else {
				expression.WriteString(`[` + pathCharacters + `]+`)
			}
		case segment.MatchString(part):
			expression.WriteString(regexp.QuoteMeta(part))
		default:
			return nil, fmt.Errorf("the template %q has the segment %q", template, part)
		}
	}
	return whole(expression.String())
}

package policy

import (
	"regexp"
	"strings"
)

// placeholder is a segment that stands for any segment in the notations of routers and of OpenAPI: `:id`, `{id}`.
var placeholder = regexp.MustCompile(`^(:[A-Za-z_]\w*|\{\w+\}|\*)$`)

// HasPlaceholder reports whether a segment of a path is a placeholder in the notation of routers, such as `:id`.
func HasPlaceholder(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(segment, ":") && placeholder.MatchString(segment) {
			return true
		}
	}
	return false
}

// Template rewrites a path with wildcards and placeholders of other notations, such as `/api/:id` or `/api/**`, in that
// of the language. It returns the empty string where the path has no equivalent.
func Template(path string) string {
	if rest := strings.TrimRight(path, "*"); strings.HasSuffix(path, "**") && !strings.ContainsAny(rest, "*{}") && !HasPlaceholder(rest) {
		return rest + "*"
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch last := i == len(segments)-1; {
		case segment == "**", segment == "*" && last:
			segments[i] = "{**}"
		case placeholder.MatchString(segment):
			segments[i] = "{*}"
		case segment == "{*}", segment == "{**}":
		case strings.ContainsAny(segment, "*{}"):
			return ""
		}
	}
	return strings.Join(segments, "/")
}

package cilium

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// operations returns the rules for HTTP that some requests need; none where they are told apart by nothing of HTTP's.
//
// Cilium's proxy compares the path with the query behind it, so an expression takes any query. It compares whole texts
// (RE2's full match, by safe_regex of Envoy); the anchors say so to readers.
func operations(q *policy.Requests) (all []operation) {
	if !q.OfHTTP() {
		return nil
	}
	all = []operation{{}}
	if len(q.Ops) > 0 {
		all = nil
		for _, o := range q.Ops {
			all = append(all, operation{method: strings.Join(o.Methods, "|"), path: path(o)})
		}
	}
	for i := range q.Where {
		switch c := &q.Where[i]; c.Dimension {
		case policy.HostDimension:
			for n := range all {
				all[n].host = host(c.Values)
			}
		case policy.HeaderDimension:
			var each []operation
			for _, o := range all {
				for _, v := range c.Values {
					h := header{c.Key[0], v}
					if v == "*" {
						h.value = ""
					}
					o.headers = append(slices.Clip(o.headers), h)
					each = append(each, o)
					o.headers = o.headers[:len(o.headers)-1]
				}
			}
			all = each
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return cmp.Compare(a.key(), b.key()) })
	return all
}

// query is what may follow a path.
const query = `(\?.*)?`

func path(o policy.Operation) string {
	switch {
	case o.Path == "" || o.Path == "*":
		return ""
	case policy.IsTemplate(o.Path):
		return "^" + template(o) + query + "$"
	}
	if begin, ok := strings.CutSuffix(o.Path, "*"); ok {
		return "^" + regexp.QuoteMeta(begin) + ".*$"
	}
	if end, ok := strings.CutPrefix(o.Path, "*"); ok {
		return "^[^?]*" + regexp.QuoteMeta(end) + query + "$"
	}
	return "^" + regexp.QuoteMeta(o.Path) + query + "$"
}

// template returns an expression for the same paths as a template of Envoy, or for every text in place of its
// variables.
func template(o policy.Operation) string {
	segment, text := `[0-9A-Za-z!$%&'()+,\-.:;=@_~]+`, `[/0-9A-Za-z!$%&'()+,\-.:;=@_~]*`
	if o.Every {
		segment, text = `[^/?]+`, `[^?]*`
	}
	var b strings.Builder
	for rest := o.Path; rest != ""; {
		switch at := strings.Index(rest, "{"); {
		case strings.HasPrefix(rest, "{**}"):
			b.WriteString(text)
			rest = rest[len("{**}"):]
		case strings.HasPrefix(rest, "{*}"):
			b.WriteString(segment)
			rest = rest[len("{*}"):]
		case at < 0:
			b.WriteString(regexp.QuoteMeta(rest))
			rest = ""
		default:
			n := max(at, 1)
			b.WriteString(regexp.QuoteMeta(rest[:n]))
			rest = rest[n:]
		}
	}
	return b.String()
}

// host returns an expression for hosts, each with a wildcard at one end at most, in upper or lower case.
func host(values []string) string {
	each := make([]string, len(values))
	for i, v := range values {
		switch begin, ok := strings.CutSuffix(v, "*"); {
		case ok:
			each[i] = regexp.QuoteMeta(begin) + ".*"
		case strings.HasPrefix(v, "*"):
			each[i] = ".*" + regexp.QuoteMeta(v[1:])
		default:
			each[i] = regexp.QuoteMeta(v)
		}
	}
	return "(?i)^(" + strings.Join(each, "|") + ")$"
}

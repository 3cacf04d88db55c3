package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Query is a question about one caller and one callee.
type Query struct {
	From     policy.Source
	To       *policy.Service  // nil where External is asked about
	External *policy.External // in place of To
	Port     uint16           // 0: every port
	Ops      []policy.Operation
	Notes    []Note // what a name of the query was taken to mean
}

// String is the query in the words of the language.
func (q *Query) String() string {
	to := q.Callee()
	if q.Port != 0 {
		to += ":" + strconv.Itoa(int(q.Port))
	}
	for i, o := range q.Ops {
		if i > 0 {
			to += ","
		}
		to += " " + o.String()
	}
	return q.From.String() + " -> " + to
}

// Callee returns the name of the callee with its namespace.
func (q *Query) Callee() string {
	if q.External != nil {
		return q.External.ID()
	}
	return q.To.ID()
}

// QueryError is a query that cannot be asked: a name that means nothing, or words in no order that a query has.
type QueryError struct{ Err error }

func (e *QueryError) Error() string { return e.Err.Error() }

func (e *QueryError) Unwrap() error { return e.Err }

func wrong(format string, args ...any) error { return &QueryError{fmt.Errorf(format, args...)} }

// Parse reads a query as it is typed: SRC DST[:PORT] [METHOD] [PATH]. It gives one query for each pair of services that
// the names stand for, several where one is a group. Services also have the names that other tools print: SPIFFE IDs
// and principals, host names, pods, and addresses for callers. The error is a *QueryError.
func Parse(p *policy.Policy, words []string, names Names) ([]Query, error) {
	words = strings.Fields(strings.Join(words, " ")) // several may be quoted as one
	if len(words) < 2 {
		return nil, wrong("want SRC DST[:PORT] [METHOD] [PATH]")
	}
	words = withoutScheme(words)
	r := &resolver{Policy: p, Names: names}
	froms, err := r.callers(words[0])
	if err != nil {
		return nil, err
	}
	name, port, hasPort := cutPort(strings.TrimPrefix(words[1], "spiffe://"))
	var number uint64
	if hasPort {
		if before, path, joined := strings.Cut(port, "/"); joined {
			return nil, wrong("%s: a path stands for itself: %s:%s /%s", words[1], name, before, path)
		}
		if number, err = strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return nil, wrong("%s: %q is not a port", words[1], port)
		}
	}
	var outside []*policy.External
	to, err := r.callees(name)
	if err != nil {
		if outside = r.outside(name, uint16(number)); len(outside) == 0 {
			return nil, err
		}
		to.External = outside[0]
	}
	rest := words[2:]
	if len(rest) > 0 && !hasPort && isNumber(rest[0]) {
		return nil, wrong("%s: a port follows its service: %s:%[1]s", rest[0], words[1])
	}
	ops, err := r.operation(rest)
	if err != nil {
		return nil, err
	}
	if to.External != nil {
		if len(ops) > 0 {
			return nil, wrong("%s is outside the mesh: nothing here looks at methods and paths", name)
		}
		to.Services = []*policy.Service{nil}
	}
	var all []Query
	for _, from := range froms {
		for _, s := range to.Services {
			if s != nil && s == from.Service && len(froms)*len(to.Services) > 1 {
				continue // a group that calls itself is about its members calling each other
			}
			if len(outside) > 0 {
				if to.External, err = visible(from, name, outside); err != nil {
					return nil, err
				}
			}
			q := Query{From: from, To: s, External: to.External, Port: uint16(number), Ops: ops, Notes: slices.Clone(r.notes)}
			if s != nil && q.Port != 0 {
				if q.Port = containerPort(s, q.Port); uint64(q.Port) != number {
					q.Notes = append(q.Notes, ServicePort{s, uint16(number), q.Port})
				}
			}
			all = append(all, q)
		}
	}
	return all, nil
}

// withoutScheme takes the URL of a request for its destination, port and path: `web http://cart:8080/cart/3` for `web
// cart:8080 /cart/3`. Applications leave TLS to their proxies, so that https is no port of its own.
func withoutScheme(words []string) []string {
	scheme, rest, found := strings.Cut(words[1], "://")
	if !found || scheme == "spiffe" {
		return words
	}
	host, path, some := strings.Cut(rest, "/")
	if port := map[string]string{"http": "80", "https": "443"}[scheme]; port != "" && !strings.Contains(host, ":") {
		host += ":" + port
	}
	out := append([]string{words[0], host}, words[2:]...)
	if some {
		out = append(out, "/"+path)
	}
	return out
}

// cutPort cuts a destination before its port. An IPv6 address with a port is in brackets.
func cutPort(word string) (name, port string, found bool) {
	if _, err := netip.ParseAddr(word); err == nil {
		return word, "", false
	}
	if rest, ok := strings.CutPrefix(word, "["); ok {
		name, port, found = strings.Cut(rest, "]")
		return name, strings.TrimPrefix(port, ":"), found && port != ""
	}
	return strings.Cut(word, ":")
}

// operation reads `GET|HEAD /api/*`, either part of which may be left out.
func (r *resolver) operation(words []string) ([]policy.Operation, error) {
	if len(words) == 0 {
		return nil, nil
	}
	var o policy.Operation
	if !isPath(words[0]) {
		o.Methods = strings.Split(strings.ToUpper(words[0]), "|")
		for _, m := range o.Methods {
			if m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
				return nil, wrong("%s: want a method such as GET, or a path such as /api", words[0])
			}
		}
		slices.Sort(o.Methods)
		o.Methods = slices.Compact(o.Methods)
		words = words[1:]
	}
	if len(words) > 1 || len(words) == 1 && !isPath(words[0]) {
		return nil, wrong("%s: want SRC DST[:PORT] [METHOD] [PATH]", strings.Join(words, " "))
	}
	if len(words) == 1 {
		path, _, _ := strings.Cut(words[0], "?") // a policy sees the path without its query
		if before, _, fragment := strings.Cut(path, "#"); fragment {
			return nil, wrong("%s has a fragment, which clients do not send: ask for %s", words[0], before)
		}
		if o.Path = Normalized(path); o.Path != path {
			r.notes = append(r.notes, SeenPath{path, o.Path})
		}
	}
	return []policy.Operation{o}, nil
}

func isNumber(word string) bool { return strings.Trim(word, "0123456789") == "" }

func isPath(word string) bool { return strings.HasPrefix(word, "/") || strings.HasPrefix(word, "*") }

package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/lang/source"
)

// Requests is what a statement is about at a callee: which ports, and which requests there. The zero Requests are all
// of them. If there is anything that only HTTP has, Ports is not empty, and all of them are HTTP.
type Requests struct {
	Ports   []uint16    // sorted; empty: every port, declared or not
	Ops     []Operation // any of them; empty: every request
	Without []Operation // none of them
	Where   []Condition // all must hold; empty: always

	// Widened is set if what only HTTP has does not count where a connection is not HTTP. It is what a deny or an
	// ask of every port means: Istio passes over such fields of its rule on a TCP port, and denies the rest, or asks
	// about it.
	Widened bool
}

// The dimensions of conditions. One on ports leaves some out.
const (
	PortDimension   = "port"
	HostDimension   = "host"
	HeaderDimension = "header"
)

// Condition restricts one dimension of a request. Methods and paths are restricted together, by operations.
type Condition struct {
	Dimension string    // the name of a dimension of compiler/analysis/space
	Key       []string  // of a dimension whose values have several texts: the name of the header, or the path of the claim
	Values    []string  // any of them, each with a wildcard at one end at most; sorted, never empty
	Not       bool      // none of Values, instead of any
	Issuers   []*Issuer // of a condition on ISSUER/SUBJECT: who is named; empty: any
	Every     bool      // a wildcard stands for all text: `*.example.com` for a host with a port too
	At        source.Span
}

// All reports whether the requests are all that reach the callee.
func (q *Requests) All() bool { return len(q.Ports)+len(q.Ops)+len(q.Without)+len(q.Where) == 0 }

// OfHTTP reports whether the requests are told apart by what only HTTP has.
func (q *Requests) OfHTTP() bool {
	return len(q.Ops)+len(q.Without) > 0 || slices.ContainsFunc(q.Where, func(c Condition) bool { return c.Dimension != PortDimension })
}

// Leads reports whether a port is among those of the requests.
func (q *Requests) Leads(port uint16) bool {
	if len(q.Ports) > 0 {
		return slices.Contains(q.Ports, port)
	}
	return !slices.Contains(q.withoutPorts(), strconv.Itoa(int(port)))
}

// PortsWithout returns the ports that are left out of every port.
func (q *Requests) PortsWithout() (ports []uint16) {
	for _, text := range q.withoutPorts() {
		if port, err := strconv.ParseUint(text, 10, 16); err == nil {
			ports = append(ports, uint16(port))
		}
	}
	return ports
}

// withoutPorts returns them as they are written.
func (q *Requests) withoutPorts() []string {
	for _, c := range q.Where {
		if c.Dimension == PortDimension {
			return c.Values
		}
	}
	return nil
}

// Covers reports whether all requests of inner are among those of q. The result is never wrongly true; it may be
// wrongly false.
func (q *Requests) Covers(inner *Requests) bool {
	return CoversPorts(q.Ports, inner.Ports) && Covers(q.Ops, inner.Ops) && (q.Widened || !inner.Widened || !q.OfHTTP()) &&
		!slices.ContainsFunc(q.Without, func(o Operation) bool {
			return !slices.ContainsFunc(inner.Without, func(out Operation) bool { return out.covers(o) })
		}) &&
		!slices.ContainsFunc(q.Where, func(c Condition) bool { return !c.holdsFor(inner) })
}

// holdsFor reports whether a condition surely holds for some requests.
func (c *Condition) holdsFor(q *Requests) bool {
	if c.Dimension == PortDimension && len(q.Ports) > 0 {
		return !slices.ContainsFunc(q.Ports, func(p uint16) bool { return slices.Contains(c.Values, strconv.Itoa(int(p))) })
	}
	return slices.ContainsFunc(q.Where, func(d Condition) bool {
		if d.Dimension != c.Dimension || !slices.Equal(d.Key, c.Key) || d.Not != c.Not {
			return false
		}
		few, many := &d, c
		if c.Not {
			few, many = many, few
		}
		return (many.Every || !few.Every) && !slices.ContainsFunc(few.Values, func(v string) bool { return !slices.Contains(many.Values, v) })
	})
}

// Clauses returns the conditions and the exceptions of operations as the language writes them.
func (q *Requests) Clauses() (all []string) {
	for _, c := range q.Where {
		if c.Dimension == HostDimension {
			all = append(all, c.String())
		}
	}
	var without []string
	for _, o := range q.Without {
		without = append(without, o.String())
	}
	for _, port := range q.withoutPorts() {
		without = append(without, ":"+port)
	}
	if len(without) > 0 {
		all = append(all, "except "+strings.Join(without, ", "))
	}
	for _, c := range q.Where {
		if c.Dimension != HostDimension && c.Dimension != PortDimension && c.Dimension != TokenDimension {
			all = append(all, c.String())
		}
	}
	if with := q.token(); with != "" {
		all = append(all, with)
	}
	return all
}

// token returns what is asked of tokens as the language writes it: `with corp groups=admin no groups=guest`.
func (q *Requests) token() string {
	issuers, claims := "", ""
	for _, c := range q.Where {
		switch {
		case c.ForbidsToken():
			return TokenDimension + " no token"
		case c.Dimension != TokenDimension:
		case len(c.Key) == 0:
			issuers = c.issuers()
		default:
			claims += " " + strings.Replace(c.String(), TokenDimension+" ", "", 1)
		}
	}
	if issuers+claims == "" {
		return ""
	}
	return TokenDimension + " " + cmp.Or(issuers, "any") + claims
}

// issuers returns the names of the issuers of a condition, or else their URLs.
func (c *Condition) issuers() string {
	var names []string
	for _, i := range c.Issuers {
		names = append(names, i.Name)
	}
	for _, v := range c.Values {
		if url, ok := strings.CutSuffix(v, "/*"); ok && len(c.Issuers) == 0 {
			names = append(names, url)
		}
	}
	return strings.Join(names, "|")
}

// String returns the condition as the language writes it.
func (c Condition) String() string {
	values := slices.Clone(c.Values)
	switch c.Dimension {
	case PortDimension:
		return "except :" + strings.Join(values, ", :")
	case HostDimension:
		values = slices.DeleteFunc(values, func(v string) bool {
			host, port := strings.CutSuffix(v, ":*")
			return port && slices.Contains(c.Values, host)
		})
		for n, v := range values {
			if !strings.ContainsAny(v, ":*") && !slices.Contains(c.Values, v+":*") {
				v += ":"
			}
			if strings.Contains(v, ":") {
				values[n] = `"` + v + `"`
			}
		}
	}
	words := []string{c.Dimension}
	if c.Not {
		words = []string{"no", c.Dimension}
	}
	text := strings.Join(values, "|")
	if key := strings.Join(c.Key, "."); key != "" && text == "*" {
		text = key
	} else if key != "" {
		text = key + "=" + text
	}
	return strings.Join(append(words, text), " ")
}

// Key returns a key that is equal for two exactly when they have the same ports, operations and conditions.
func (q *Requests) Key() string {
	if q.All() {
		return ""
	}
	var b strings.Builder
	for _, p := range q.Ports {
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(int(p)))
	}
	for _, o := range q.Ops {
		b.WriteByte('\n')
		b.WriteString(o.String())
		if o.Every {
			b.WriteString(" *")
		}
	}
	for _, o := range q.Without {
		b.WriteString("\nexcept ")
		b.WriteString(o.String())
	}
	if q.Widened {
		b.WriteString("\nwidened")
	}
	for _, c := range q.Where {
		fmt.Fprintf(&b, "\n%s %q %t %t %q", c.Dimension, c.Key, c.Not, c.Every, c.Values)
	}
	return b.String()
}

package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// requests converts what follows a destination, apart from its ports. With every, wildcards and templates stand for all
// text: a deny or a guard must not leave anything out, and an edge must not open what an exception means.
func (c *checker) requests(r *lang.Requests, every bool) (policy.Requests, bool) {
	var q policy.Requests
	var ok bool
	if q.Ops, ok = c.operations(r.Ops, every); r.More == nil {
		return q, ok
	}
	if len(r.More.Hosts) > 0 {
		hosts, valid := c.hosts(r.More.Hosts, every)
		ok = ok && valid
		q.Where = append(q.Where, hosts)
	}
	for i, h := range r.More.Headers {
		header, valid := c.header(&r.More.Headers[i])
		if first := slices.IndexFunc(r.More.Headers[:i], func(o lang.Condition) bool {
			return o.No == h.No && strings.EqualFold(o.Name.Text, h.Name.Text)
		}); first >= 0 && valid {
			c.repeated(h.Name, r.More.Headers[first].Name, "header "+h.Name.Text)
			valid = false
		}
		ok = ok && valid
		q.Where = append(q.Where, header)
	}
	for i := range r.More.With {
		if i > 0 {
			c.list.Add(diag.RepeatedClause, r.More.With[i].Range, "`with` is written twice").
				WithHelp("name all issuers in one clause, `with corp|partner`, or write an edge for each")
			ok = false
			break
		}
		token, valid := c.credential(&r.More.With[i])
		ok = ok && valid
		q.Where = append(q.Where, token...)
	}
	var without []lang.Operation
	for _, e := range r.More.Except {
		if !e.Port.Present() {
			without = append(without, e.Op)
		}
	}
	var valid bool
	q.Without, valid = c.operations(without, !every)
	return q, ok && valid && c.leavesSome(&q)
}

// leavesSome reports exceptions that leave nothing of an operation, or leave nothing out.
func (c *checker) leavesSome(q *policy.Requests) bool {
	ops := q.Ops
	if len(ops) == 0 {
		ops = []policy.Operation{{}}
	}
	ok := true
	for _, w := range q.Without {
		if !slices.ContainsFunc(ops, w.Meets) {
			c.list.Add(diag.Ineffective, w.At, "this exception excludes nothing: none of the operations has such requests").
				WithHelp("delete it")
		}
		if i := slices.IndexFunc(ops, func(o policy.Operation) bool { return policy.Covers([]policy.Operation{w}, []policy.Operation{o}) }); i >= 0 {
			what := "every request"
			if len(q.Ops) > 0 {
				what = quoted(ops[i].String())
			}
			c.list.Add(diag.MisplacedClause, w.At, "this exception excludes all of %s", what).
				WithHelp("delete both, or narrow the exception")
			ok = false
		}
	}
	return ok
}

// hosts converts the hosts of requests. A host stands for every port, as clients name the port where it is not the
// usual one; a proxy compares hosts with their ports. In quotes `host:` is one without a port, and `host:443` or
// `host:*` one with it.
func (c *checker) hosts(names []lang.Name, every bool) (policy.Condition, bool) {
	w := policy.Condition{Dimension: policy.HostDimension, Every: every, At: names[0].Range.To(names[len(names)-1].Range)}
	ok := true
	for _, n := range names {
		host := strings.ToLower(n.Text)
		name, wildcard := strings.CutPrefix(host, "*.")
		if bare, port, exact := strings.Cut(host, ":"); exact && n.Quoted && policy.IsName(bare) && (port == "" || port == "*" || isPort(port)) {
			w.Values = append(w.Values, strings.TrimSuffix(host, ":"))
			continue
		}
		if !policy.IsName(name) {
			ok = false
			d := c.list.Add(diag.InvalidValue, n.Range, "%s is not the host of a request", quoted(n.Text)).
				WithHelp("write a DNS name: shop.example.com, or *.example.com for all below it")
			if bare, _, port := strings.Cut(name, ":"); port && policy.IsName(bare) {
				d.WithHelp("write the host without a port, which stands for every port, or in quotes with a number from 1 to 65535")
			}
			continue
		}
		if w.Values = append(w.Values, host); !wildcard {
			w.Values = append(w.Values, host+":*")
		}
	}
	slices.Sort(w.Values)
	w.Values = slices.Compact(w.Values)
	return w, ok
}

// isPort reports whether a text is the number of a port as it is usually written.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && text[0] != '0'
}

// headerBytes are what the name of a header may have: RFC 9110, 5.6.2.
const headerBytes = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"

func (c *checker) header(h *lang.Condition) (policy.Condition, bool) {
	name := strings.ToLower(h.Name.Text)
	w := policy.Condition{Dimension: policy.HeaderDimension, Key: []string{name}, Not: h.No, At: h.Range}
	switch {
	case name == "host" || name == ":authority":
		c.list.Add(diag.InvalidValue, h.Name.Range, "the host of a request is not written as a header").
			WithHelp("write `host shop.example.com` after the destination")
		return w, false
	case name == "" || strings.Trim(name, headerBytes) != "" || strings.Contains(name, "*"):
		c.list.Add(diag.InvalidValue, h.Name.Range, "%s is not the name of a header", quoted(h.Name.Text)).
			WithHelp("a name has letters, digits and `-`: x-tenant")
		return w, false
	}
	ok := true
	for _, v := range h.Values {
		if !c.validPattern(v) {
			ok = false
			continue
		}
		w.Values = append(w.Values, v.Text)
	}
	if len(h.Values) == 0 {
		w.Values = []string{"*"}
	}
	slices.Sort(w.Values)
	w.Values = slices.Compact(w.Values)
	return w, ok
}

// validPattern reports a value with a wildcard anywhere but at one end, which a proxy would compare literally.
func (c *checker) validPattern(v lang.Name) bool {
	text := v.Text
	if text == "" {
		c.list.Add(diag.InvalidValue, v.Range, "a value cannot be empty").
			WithHelp("leave the value out for a header with any text")
		return false
	}
	if text == "*" || !strings.Contains(strings.TrimSuffix(text, "*"), "*") || !strings.Contains(text[1:], "*") {
		return true
	}
	c.list.Add(diag.InvalidValue, v.Range, "%s has a wildcard that a proxy would compare literally", quoted(text)).
		WithHelp("a value may have one `*`, at its beginning or at its end")
	return false
}

// portsWithout sets the ports of a rule that leaves some out.
func (c *checker) portsWithout(r *rule, t *lang.Target) bool {
	var at source.Span
	var left []uint16
	for _, e := range t.Clauses().Except {
		if !e.Port.Present() {
			continue
		}
		resolve := c.port
		if r.EveryPod {
			resolve = func(_ *service, n lang.Name) (uint16, bool) { return c.portNumber(n) }
		}
		number, ok := resolve(r.callee, e.Port)
		if !ok {
			return false
		}
		at, left = at.To(e.Range), append(left, number)
	}
	switch {
	case len(left) == 0:
		return true
	case t.Port.Present() && !t.EveryPort():
		c.list.Add(diag.MisplacedClause, at, "%s already names its port, so there is no other to exclude", quoted(t.String()+":"+t.Port.Text)).
			WithHelp("delete one of the two")
		return false
	case len(r.Ports) > 0:
		r.Ports = slices.DeleteFunc(r.Ports, func(p uint16) bool { return slices.Contains(left, p) })
		if len(r.Ports) == 0 {
			c.list.Add(diag.MisplacedClause, at, "this exception excludes every HTTP port of %s", r.callee.Name).
				WithHelp("delete the exception, or the clauses that only HTTP has")
		}
		return len(r.Ports) > 0
	}
	slices.Sort(left)
	w := policy.Condition{Dimension: policy.PortDimension, Not: true, At: at}
	for _, p := range slices.Compact(left) {
		w.Values = append(w.Values, portText(p))
	}
	r.Where = append(slices.Clip(r.Where), w)
	return true
}

// portless warns of a restriction on a host that requests get around by naming a port.
func (c *checker) portless(r *rule) {
	for _, w := range r.Where {
		if w.Dimension != policy.HostDimension || r.kind == edge {
			continue
		}
		for _, host := range w.Values {
			if !strings.ContainsAny(host, ":*") && !slices.Contains(w.Values, host+":*") {
				c.list.Add(diag.BypassedDeny, w.At, "callers can bypass this %s by adding a port to the host", r.kind).
					WithHelp("write `%s` to cover the host with and without a port", host)
				break
			}
		}
	}
}

// forgeable warns of conditions that callers meet or avoid as they like.
func (c *checker) forgeable(r *rule) {
	restricts := r.kind != edge
	if r.callee.Dataplane == policy.Gateway {
		c.portless(r)
		if !restricts {
			return
		}
	}
	verb := "deny these calls"
	if r.kind == ask {
		verb = "ask about these calls"
	}
	for _, w := range r.Where {
		switch {
		case w.Dimension == policy.HostDimension && restricts && r.callee.Dataplane != policy.Gateway:
			c.list.Add(diag.BypassedDeny, w.At, "callers of %s can bypass this %s: they choose the host in their requests", r.callee.Name, r.kind).
				WithHelp("leave out the host, to %s whatever the caller sends; decide by host only at a gateway, which routes by it", verb)
		case w.Dimension == policy.HostDimension && !restricts:
			c.list.Add(diag.Misleading, w.At, "callers of %s choose the host in their requests, so this keeps nobody out", r.callee.Name).
				WithHelp("restrict what they may call by path; decide by host only at a gateway, which routes by it")
		case w.Dimension == policy.HeaderDimension && restricts:
			c.list.Add(diag.BypassedDeny, w.At, "callers can bypass this %s: they choose the headers of their requests", r.kind).
				WithHelp("leave out the headers, to %s whatever the caller sends", verb)
		case w.Dimension == policy.HeaderDimension && slices.ContainsFunc(r.From, plaintext) && !asksForToken(r):
			c.list.Add(diag.Misleading, w.At, "anyone can set this header, and nothing else identifies the caller").
				WithHelp("name callers that prove an identity")
		}
	}
}

package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// rule is who may, or must not, send which requests to a service.
type rule struct {
	deny     bool
	provider string   // of a rule that asks one
	to       *service // nil: every pod of the namespace
	callers
	requests
	of    []*object
	above []string // comments
}

// opens reports whether the rule lets something in.
func (r *rule) opens() bool { return !r.deny && r.provider == "" }

// beside reports whether two rules say the same kind of thing of the same service.
func (r *rule) beside(other *rule) bool {
	return r.deny == other.deny && r.provider == other.provider && r.to == other.to
}

// requests is those of one port, or of all.
type requests struct {
	port    uint16             // 0: all
	http    bool               // with port 0: where a proxy reads HTTP
	ops     []policy.Operation // any of them; none: all
	without []policy.Operation // none of them
	closed  []uint16           // with port 0: not these
	hosts   []string           // any of them; none: all
	headers []header           // all of them
}

// header is a condition on a header.
type header struct {
	no     bool
	name   string
	values []string // any of them; none: whatever the value
}

// conditions is the requests but for their operations, as a text.
func (r *requests) conditions() string {
	return fmt.Sprint(r.port, r.http, r.without, r.closed, r.hosts, r.headers)
}

// plain reports whether the requests have no conditions apart from their port and operations.
func (r *requests) plain() bool { return len(r.without)+len(r.closed)+len(r.hosts)+len(r.headers) == 0 }

// covers reports whether the requests surely include others.
func (r *requests) covers(other *requests) bool {
	if !policy.Covers(r.ops, other.ops) {
		return false
	}
	anyPort := r.port == 0 && (!r.http || len(other.ops) > 0)
	return r.plain() && (anyPort || r.port == other.port && r.http == other.http) || r.conditions() == other.conditions()
}

// rulesOf is what an object says; an error says what the language has no words for.
func (i *importer) rulesOf(o *object) (all []*rule, err error) {
	o.Approximated = nil
	if len(o.through) == 0 {
		if all, err = i.rulesAbout(o); err == nil && o.about != nil {
			all = i.past(o.about, all)
		}
		return all, err
	}
	for k := range o.through {
		o.about = o.through[k].service
		some, err := i.rulesAbout(o)
		if err != nil {
			return nil, err
		}
		if some, err = o.through[k].inward(some); err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// rulesAbout is what an object says of the pods that it is about, with the ports that it names.
func (i *importer) rulesAbout(o *object) (all []*rule, err error) {
	clauses := o.read.Clauses
	if i.ambient(o.Namespace) && len(o.read.Targets) == 0 && (o.about == nil || !o.about.gateway) && o.read.Ztunnel != nil {
		clauses = o.read.Ztunnel.Clauses
	}
	for n := range clauses {
		clause := &clauses[n]
		left := i.reduced(o, clause)
		groups, err := i.groups(o, left.from)
		if err != nil {
			return nil, err
		}
		asked, err := i.asked(o, clause, left.to)
		if err != nil {
			return nil, err
		}
		for g, who := range groups {
			for k, what := range asked {
				r := &rule{deny: o.read.Effect == enforce.Deny, provider: o.read.Provider, to: o.about, callers: who, requests: what, of: []*object{o}}
				if who.token != nil && len(r.ops) == 1 && r.ops[0].Path == "*" && len(r.ops[0].Methods) == 0 {
					r.ops = nil // only HTTP has tokens
				}
				r.http = r.http || who.token != nil && r.port == 0
				if r.provider != "" && r.to != nil {
					if p := r.to.stated(r.port); r.port != 0 && p != policy.ProtocolUnset && !p.IsHTTP() {
						return nil, fmt.Errorf("it asks about port %d, which carries no HTTP", r.port)
					}
					r.http = true
				}
				if g == 0 && k == 0 && n < len(o.ofRule) {
					r.above = o.ofRule[n]
				}
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// asked is what some boxes of operations of a rule ask for: those of one port that differ in operations alone together.
func (i *importer) asked(o *object, clause *enforce.Clause, boxes []space.Box) (all []requests, err error) {
	// Where a proxy reads no HTTP it has none of an ALLOW rule that has a field of HTTP anywhere (istio/istio#37920).
	table := i.layer.Table
	http := o.read.Effect == enforce.Allow && (table.HTTP(clause.To) || table.HTTP(clause.From))
	for _, box := range boxes {
		some, err := approximate(i, o, box, func(_ *object, box space.Box) ([]requests, error) {
			return operations(box, http, o.read.Effect != enforce.Allow)
		})
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			k := slices.IndexFunc(all, func(other requests) bool { return other.conditions() == r.conditions() })
			switch {
			case k < 0:
				all = append(all, r)
			case len(r.ops) == 0 || len(all[k].ops) == 0:
				all[k].ops = nil
			default:
				all[k].ops = policy.Canonical(slices.Concat(all[k].ops, r.ops))
			}
		}
	}
	return all, nil
}

// operations is what one box asks for, for each port. With http it is about HTTP alone. A rule that restricts is about
// connections, too, where a proxy reads no HTTP.
func operations(box space.Box, http, restricts bool) (all []requests, err error) {
	var ports, closed []uint16
	var methods, paths []string
	var r requests
	restricted := map[space.Dimension]bool{}
	for _, c := range box {
		if len(c.Is) > 0 && c.Dimension != space.Header {
			if restricted[c.Dimension] {
				return nil, fmt.Errorf("two conditions on %s", plural(c.Dimension))
			}
			restricted[c.Dimension] = true
		}
		switch c.Dimension {
		case space.Port:
			ports, closed = append(ports, portsOf(c.Is)...), append(closed, portsOf(c.Not)...)
		case space.Method:
			methods = append(methods, texts(c.Is)...)
			for _, m := range texts(c.Not) {
				r.without = append(r.without, policy.Operation{Methods: []string{m}})
			}
		case space.Path:
			for _, p := range slices.Concat(texts(c.Is), texts(c.Not)) {
				if strings.HasPrefix(p, "*") && strings.Contains(p[1:], "*") {
					return nil, fmt.Errorf("the path %s, in which Istio takes the second `*` literally", p)
				}
			}
			paths = append(paths, texts(c.Is)...)
			for _, p := range texts(c.Not) {
				r.without = append(r.without, policy.Operation{Path: p})
			}
		case space.Host:
			if len(c.Not) > 0 {
				return nil, fmt.Errorf("hosts are excepted: %s", space.Written(c.Not))
			}
			r.hosts = append(r.hosts, hosts(texts(c.Is))...)
		case space.Header:
			r.headers = append(r.headers, headers(c)...)
		default:
			return nil, unspeakable(c)
		}
	}
	if slices.Contains(methods, "*") {
		methods, http = nil, !restricts
	}
	if restricts && slices.Contains(paths, "*") { // every request of HTTP, and whatever is not HTTP (istio/istio#37920)
		paths = nil
	}
	conditions := len(r.hosts)+len(r.headers)+len(r.without) > 0
	if http && paths == nil && methods == nil && !conditions {
		paths = []string{"*"}
	}
	for _, path := range paths {
		r.ops = append(r.ops, policy.Operation{Methods: methods, Path: path})
	}
	if paths == nil && methods != nil {
		r.ops = []policy.Operation{{Methods: methods}}
	}
	r.ops = policy.Canonical(r.ops)
	r.without = slices.DeleteFunc(r.without, func(o policy.Operation) bool {
		return len(r.ops) > 0 && !slices.ContainsFunc(r.ops, o.Meets)
	})
	if len(ports) == 0 {
		slices.Sort(closed)
		r.http, r.closed = len(r.ops) > 0 || conditions, slices.Compact(closed)
		return []requests{r}, nil
	}
	for _, port := range ports {
		if !slices.Contains(closed, port) {
			r.port = port
			r.ops = slices.Clone(r.ops)
			all = append(all, r)
		}
	}
	return all, nil
}

func portsOf(patterns []space.Pattern) (ports []uint16) {
	for _, p := range patterns {
		ports = append(ports, p.Port())
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

func texts(patterns []space.Pattern) (all []string) {
	for _, p := range patterns {
		all = append(all, p.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// hosts is the hosts of a list as the language writes them: without a port for any port and none, if the list has both.
func hosts(all []string) (written []string) {
	for _, h := range all {
		name, port := strings.CutSuffix(h, ":*")
		switch {
		case port && slices.Contains(all, name):
		case !strings.ContainsAny(h, ":*") && !slices.Contains(all, h+":*"):
			written = append(written, h+":")
		default:
			written = append(written, h)
		}
	}
	return written
}

// headers is a condition on one header: that it has one of some values, and none of others.
func headers(c space.Condition) (all []header) {
	of := func(no bool, patterns []space.Pattern) {
		if len(patterns) == 0 {
			return
		}
		h := header{no: no}
		for _, p := range patterns {
			key, values, _ := p.Keyed()
			h.name, h.values = key[0], append(h.values, values...)
		}
		if slices.Sort(h.values); slices.Contains(h.values, "*") {
			h.values = nil
		}
		all = append(all, h)
	}
	of(false, c.Is)
	of(true, c.Not)
	return all
}

func plural(d space.Dimension) string {
	return map[space.Dimension]string{
		space.Identity: "callers", space.SourceAddress: "addresses of callers", space.RemoteAddress: "addresses of clients", space.Token: "tokens",
		space.Port: "ports", space.Method: "methods", space.Path: "paths", space.Host: "hosts", space.Header: "headers", space.DestinationAddress: "addresses of the callee",
	}[d]
}

// unspeakable says what a condition is about.
func unspeakable(c space.Condition) error {
	values := slices.Concat(c.Is, c.Not)
	switch {
	case c.Dimension == space.RemoteAddress:
		return fmt.Errorf("clients at %s, as a proxy reports them", space.Written(values))
	case space.Standard[c.Dimension].Kind == nil:
		return fmt.Errorf("a condition on %s", space.Written(values))
	}
	return fmt.Errorf("a condition on %s", space.Standard.Words(c.Dimension, values))
}

// tidy drops what other rules say too, and puts rules together that differ in their callers alone. A rule that asks for
// a token stays: it also has its callee refuse wrong tokens.
func tidy(rules []*rule) (all []*rule) {
	for n, r := range rules {
		var others []int // rules that say the same of their callers
		for k, other := range rules {
			if k != n && other.beside(r) && other.covers(&r.requests) && (len(other.except) == 0 && other.token == r.token || other.alike(&r.callers)) {
				others = append(others, k)
			}
		}
		var left []caller
		for _, c := range r.who {
			said := slices.IndexFunc(others, func(k int) bool {
				other := rules[k]
				return slices.ContainsFunc(other.who, func(d caller) bool {
					same := c == d && r.covers(&other.requests) && other.alike(&r.callers)
					return d.includes(c) && (!same || k < n)
				})
			})
			if said < 0 {
				left = append(left, c)
			}
		}
		kept := *r
		kept.who = left
		switch {
		case len(left) > 0:
			all = append(all, &kept)
		case len(r.above) > 0 && len(all) > 0: // the comment stays, as near to its rule as there is something
			last := all[len(all)-1]
			last.above = slices.Concat(last.above, r.above)
		}
	}
	for n := 0; n < len(all); n++ {
		r := all[n]
		all = append(all[:n+1], slices.DeleteFunc(all[n+1:], func(other *rule) bool {
			same := other.beside(r) && len(other.above) == 0 && other.alike(&r.callers) && other.covers(&r.requests) && r.covers(&other.requests)
			if same {
				r.who = widest(slices.Concat(r.who, other.who))
				r.of = slices.Concat(r.of, other.of)
			}
			return same
		})...)
	}
	return all
}

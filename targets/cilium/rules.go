package cilium

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// access is what callers may do: open connections to some ports, or send some requests there.
type access struct {
	ports [][2]uint16 // sorted ranges; nil: every port of every protocol
	udp   []uint16
	http  []operation // nil: everything
}

// operation is a rule for HTTP: regular expressions that must match the whole of a method, a path and a host, and
// headers.
type operation struct {
	method, path, host string // empty: all
	headers            []header
}

type header struct{ name, value string } // without a value it need only be there

func (o *operation) key() string {
	key := o.path + " " + o.method + " " + o.host
	for _, h := range o.headers {
		key += " " + strconv.Quote(h.name) + "=" + strconv.Quote(h.value)
	}
	return key
}

func (a *access) key() string {
	var b strings.Builder
	for _, r := range a.ports {
		b.WriteString(strconv.Itoa(int(r[0])) + "-" + strconv.Itoa(int(r[1])) + " ")
	}
	for i := range a.http {
		b.WriteString("\n" + a.http[i].key())
	}
	return b.String()
}

func (a *access) compare(b *access) int {
	return cmp.Or(slices.CompareFunc(a.ports, b.ports, func(x, y [2]uint16) int { return slices.Compare(x[:], y[:]) }),
		cmp.Compare(min(len(a.http), 1), min(len(b.http), 1)), cmp.Compare(a.key(), b.key()))
}

// rules returns the rules of a callee for its edges, or for its denies.
func (e *emission) rules(s *policy.Service, all []policy.Rule, edges bool) []targets.Fields {
	type entry struct {
		access
		callers
	}
	byAccess := map[string]int{}
	var entries []*entry
	for i := range all {
		r := &all[i]
		a, ok := e.access(s, r, edges)
		if !ok {
			continue
		}
		from := e.callersOf(s, r)
		if from.empty() {
			continue
		}
		key := a.key()
		at, known := byAccess[key]
		if !known {
			at = len(entries)
			byAccess[key] = at
			entries = append(entries, &entry{access: a})
		}
		entries[at].join(from)
	}
	byCallers := map[string][]*entry{}
	var keys []string
	for _, en := range entries {
		en.canonical()
		key := en.callers.key()
		if byCallers[key] == nil {
			keys = append(keys, key)
		}
		byCallers[key] = append(byCallers[key], en)
	}
	slices.Sort(keys)
	var rules []targets.Fields
	for _, key := range keys {
		group := byCallers[key]
		slices.SortFunc(group, func(a, b *entry) int { return a.access.compare(&b.access) })
		var to []targets.Fields
		if group[0].ports != nil { // else every port is open
			for i := 0; i < len(group); {
				all := group[i].access // joined with what is about the same ports
				for i++; i < len(group) && slices.Equal(group[i].ports, all.ports); i++ {
					if all.http != nil {
						all.http = append(all.http, group[i].http...)
					}
				}
				to = append(to, all.fields()...)
			}
		}
		for _, from := range group[0].callers.fields() {
			rule := targets.Fields{from}
			if len(to) > 0 {
				rule = append(rule, targets.Field{Key: "toPorts", Value: to})
			}
			rules = append(rules, rule)
		}
	}
	return rules
}

// access returns what a rule lets callers do, or keeps them from. It is false where that cannot be expressed.
func (e *emission) access(s *policy.Service, r *policy.Rule, edge bool) (a access, ok bool) {
	if !e.acceptRequests(s, r, edge) {
		return a, false
	}
	switch out := r.PortsWithout(); {
	case len(r.Ports) > 0:
		for _, p := range r.Ports {
			a.ports = append(a.ports, [2]uint16{p, p})
			if !r.OfHTTP() && slices.Contains(s.UDP, p) {
				a.udp = append(a.udp, p)
			}
		}
	case len(out) > 0:
		a.ports = everyPortBut(out)
		for _, p := range s.UDP {
			if !slices.Contains(out, p) {
				a.udp = append(a.udp, p)
			}
		}
	}
	a.http = operations(&r.Requests)
	return a, true
}

// everyPortBut returns all ports without some.
func everyPortBut(out []uint16) (all [][2]uint16) {
	first := uint16(1)
	for _, p := range slices.Sorted(slices.Values(out)) {
		if p > first {
			all = append(all, [2]uint16{first, p - 1})
		}
		if p == math.MaxUint16 {
			return all
		}
		first = max(first, p+1)
	}
	return append(all, [2]uint16{first, math.MaxUint16})
}

// maxPorts is how many ports an entry of toPorts may have.
const maxPorts = 40

// fields returns entries of toPorts.
func (a *access) fields() (all []targets.Fields) {
	var ports []targets.Fields
	for _, r := range a.ports {
		var f targets.Fields
		if r[1] > r[0] {
			f = targets.Fields{{Key: "endPort", Value: r[1]}}
		}
		ports = append(ports, append(f, targets.Field{Key: "port", Value: strconv.Itoa(int(r[0]))}, targets.Field{Key: "protocol", Value: "TCP"}))
	}
	for _, p := range a.udp {
		ports = append(ports, targets.Fields{{Key: "port", Value: strconv.Itoa(int(p))}, {Key: "protocol", Value: "UDP"}})
	}
	var http []targets.Fields
	for i := range a.http {
		http = append(http, a.http[i].fields())
	}
	for some := range slices.Chunk(ports, maxPorts) {
		f := targets.Fields{{Key: "ports", Value: some}}
		if len(http) > 0 {
			f = append(f, targets.Field{Key: "rules", Value: targets.Fields{{Key: "http", Value: http}}})
		}
		all = append(all, f)
	}
	return all
}

func (o *operation) fields() (f targets.Fields) {
	var headers []targets.Fields
	for _, h := range o.headers {
		match := targets.Fields{{Key: "name", Value: h.name}}
		if h.value != "" {
			match = append(match, targets.Field{Key: "value", Value: h.value})
		}
		headers = append(headers, match)
	}
	if len(headers) > 0 {
		f = append(f, targets.Field{Key: "headerMatches", Value: headers})
	}
	for _, t := range [...]struct{ key, text string }{{"host", o.host}, {"method", o.method}, {"path", o.path}} {
		if t.text != "" {
			f = append(f, targets.Field{Key: t.key, Value: t.text})
		}
	}
	return f
}

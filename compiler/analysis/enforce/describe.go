package enforce

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Labels is what a policy selects pods by; empty where it binds its whole namespace.
func (p *Object) Labels() map[string]string {
	labels := make(map[string]string, len(p.Selector))
	for _, l := range p.Selector {
		labels[l.Key] = l.Value
	}
	return labels
}

// Certain tells that what a policy decides is known here: it was read, asks nobody else, and asks for nothing that a
// request of this package does not tell.
func (p *Object) Certain() bool {
	if p.Broken || p.Action == Custom {
		return false
	}
	for _, r := range p.Clauses {
		for _, b := range slices.Concat(r.From, r.To) {
			if slices.ContainsFunc(b, func(c space.Condition) bool { return c.Dimension.IsHidden() }) {
				return false
			}
		}
	}
	return true
}

// Mentions is who and what the fields of a policy name for what it is, without wildcards. Each list is sorted.
type Mentions struct {
	Principals []string
	Accounts   []string // NAMESPACE/ACCOUNT
	Namespaces []string
	Ports      []uint16
}

// Mentions gathers what a policy names.
func (p *Object) Mentions() Mentions {
	var m Mentions
	add := func(patterns []space.Pattern, d space.Dimension) {
		for _, v := range patterns {
			switch {
			case d == space.Port:
				m.Ports = append(m.Ports, v.Port())
			case d != space.Identity:
			case v.Account() != "":
				m.Accounts = append(m.Accounts, v.Account())
			case v.Namespace() != "":
				m.Namespaces = append(m.Namespaces, v.Namespace())
			case v.Exact() != "":
				m.Principals = append(m.Principals, v.Exact())
			}
		}
	}
	for _, r := range p.Clauses {
		for _, b := range slices.Concat(r.From, r.To) {
			for i := range b {
				add(b[i].Is, b[i].Dimension)
				add(b[i].Not, b[i].Dimension)
			}
		}
	}
	for _, port := range p.Ports {
		m.Ports = append(m.Ports, port.Port)
	}
	m.Principals, m.Accounts, m.Namespaces = once(m.Principals), once(m.Accounts), once(m.Namespaces)
	m.Ports = once(m.Ports)
	return m
}

func once[T cmp.Ordered](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}

// Operations is what a rule, counted from 0, is about at a port, in the words of the language: `GET|HEAD /api/*`.
// It is empty where that is everything.
func (p *Object) Operations(rule int, port uint16) []string {
	if rule < 0 || rule >= len(p.Clauses) {
		return nil
	}
	var all []string
	for _, b := range p.Clauses[rule].To {
		words, here := describe(b, port)
		if !here {
			continue
		}
		if len(words) == 0 {
			return nil
		}
		all = append(all, words...)
	}
	return once(all)
}

// describe says what a box is about at a port: one operation for each of its paths.
func describe(b space.Box, port uint16) (all []string, here bool) {
	var methods, paths, rest []string
	for i := range b {
		c := &b[i]
		switch {
		case c.Dimension == space.Port:
			on := func(p space.Pattern) bool { return p.Port() == port }
			if len(c.Is) > 0 && !slices.ContainsFunc(c.Is, on) || slices.ContainsFunc(c.Not, on) {
				return nil, false
			}
			continue
		case c.Dimension.IsHidden():
			rest = append(rest, "where something holds that is not judged")
			continue
		case c.Dimension == space.Method && methods == nil:
			methods = written(c.Is)
		case c.Dimension == space.Path && paths == nil:
			paths = written(c.Is)
		case len(c.Is) > 0:
			rest = append(rest, about[c.Dimension]+" "+strings.Join(written(c.Is), "|"))
		}
		if len(c.Not) > 0 {
			rest = append(rest, "not "+about[c.Dimension]+" "+strings.Join(written(c.Not), "|"))
		}
	}
	method := strings.Join(methods, "|")
	for _, path := range append(paths, "")[:max(len(paths), 1)] {
		var words []string
		for _, word := range append([]string{method, path}, rest...) {
			if word != "" {
				words = append(words, word)
			}
		}
		if len(words) > 0 {
			all = append(all, strings.Join(words, " "))
		}
	}
	return all, true
}

var about = [...]string{space.Method: "method", space.Path: "path", space.Host: "host", space.DestinationAddress: "address"}

func written(patterns []space.Pattern) []string {
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i] = p.String()
	}
	return words
}

package eval

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Labels is what a policy selects pods by; empty where it binds its whole namespace.
func (p *Policy) Labels() map[string]string {
	labels := make(map[string]string, len(p.selector))
	for _, l := range p.selector {
		labels[l.key] = l.value
	}
	return labels
}

// Gateways tells that a policy names what it binds: gateways, and no workload.
func (p *Policy) Gateways() bool { return p.gateways }

// Certain tells that what a policy decides is known here: it was read, asks nobody else, and asks for nothing that a
// request of this package does not tell.
func (p *Policy) Certain() bool {
	if p.Broken || p.Action == Custom {
		return false
	}
	for _, r := range p.rules {
		for _, b := range slices.Concat(r.from, r.to) {
			if slices.ContainsFunc(b, func(c condition) bool { return c.dimension >= unknownHTTP }) {
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
func (p *Policy) Mentions() Mentions {
	var m Mentions
	add := func(patterns []pattern, d dimension) {
		for _, v := range patterns {
			switch {
			case d == principalDim && v.kind == exact && !strings.Contains(v.text, "*"):
				m.Principals = append(m.Principals, v.text)
			case d == principalDim && v.kind == ofAccount:
				m.Accounts = append(m.Accounts, v.text)
			case d == principalDim && v.kind == inNamespace && !strings.Contains(v.text, "*"):
				m.Namespaces = append(m.Namespaces, v.text)
			case d == portDim:
				m.Ports = append(m.Ports, v.port)
			}
		}
	}
	for _, r := range p.rules {
		for _, b := range slices.Concat(r.from, r.to) {
			for i := range b {
				add(b[i].is, b[i].dimension)
				add(b[i].not, b[i].dimension)
			}
		}
	}
	for _, port := range p.ports {
		m.Ports = append(m.Ports, port.port)
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
func (p *Policy) Operations(rule int, port uint16) []string {
	if rule < 0 || rule >= len(p.rules) {
		return nil
	}
	var all []string
	for _, b := range p.rules[rule].to {
		words, here := b.words(port)
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

// words is what a box is about at a port: one operation for each of its paths.
func (b box) words(port uint16) (all []string, here bool) {
	var methods, paths, rest []string
	for i := range b {
		c := &b[i]
		switch {
		case c.dimension == portDim:
			on := func(p pattern) bool { return p.port == port }
			if len(c.is) > 0 && !slices.ContainsFunc(c.is, on) || slices.ContainsFunc(c.not, on) {
				return nil, false
			}
			continue
		case c.dimension >= unknownHTTP:
			rest = append(rest, "where something holds that is not judged")
			continue
		case c.dimension == methodDim && methods == nil:
			methods = written(c.is)
		case c.dimension == pathDim && paths == nil:
			paths = written(c.is)
		case len(c.is) > 0:
			rest = append(rest, about[c.dimension]+" "+strings.Join(written(c.is), "|"))
		}
		if len(c.not) > 0 {
			rest = append(rest, "not "+about[c.dimension]+" "+strings.Join(written(c.not), "|"))
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

var about = [dimensions]string{methodDim: "method", pathDim: "path", hostDim: "host", destDim: "address"}

func written(patterns []pattern) []string {
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i] = p.word()
	}
	return words
}

// word is a pattern as it is written in a policy.
func (p pattern) word() string {
	switch p.kind {
	case prefix:
		return p.text + "*"
	case suffix:
		return "*" + p.text
	case present:
		return "*"
	case inBlock:
		return p.block.String()
	case onPort:
		return strconv.Itoa(int(p.port))
	}
	return p.text
}

// Identities is what policies and atoms say of the identities of the callers at a place in Sources, as they write it;
// empty where they say nothing. One tells that it is a single identity.
func (s *Split) Identities(source int) (words []string, one bool) {
	for _, i := range s.principals.of(s.Identity(source)) {
		if p := s.principals.patterns[i]; p.kind == exact {
			return []string{p.text}, true
		}
	}
	return s.Wildcards(source), false
}

// Wildcards is the patterns of many identities, but not of all, that those of the callers at a place in Sources match.
func (s *Split) Wildcards(source int) (words []string) {
	for _, i := range s.principals.of(s.Identity(source)) {
		switch p := s.principals.patterns[i]; p.kind {
		case exact, present:
		case inNamespace:
			words = append(words, "namespace "+p.text)
		case ofAccount:
			words = append(words, "account "+p.text)
		case ofDomain:
			words = append(words, "anyone of trust domain "+p.text)
		default:
			words = append(words, p.word())
		}
	}
	return words
}

// Blocks is the narrowest blocks that the addresses of a place in Sources are in; not valid where they are in none.
func (s *Split) Blocks(source int) (peer, client netip.Prefix) {
	remote := source % s.remotes.count
	address := source / s.remotes.count % s.addresses.count
	return s.addresses.narrowest(address), s.remotes.narrowest(remote)
}

func (c *cells) narrowest(cell int) (block netip.Prefix) {
	for _, i := range c.of(cell) {
		if p := c.patterns[i].block; !block.IsValid() || p.Bits() > block.Bits() {
			block = p
		}
	}
	return block
}

package space

import (
	"net/netip"
	"strings"
)

// Source is the place in Sources of the one that stands for the caller of a request; -1 for an identity of a form that
// Istio does not give out. An address that is not known is taken for the first one.
func (s *Space) Source(r Request) int {
	p, a, c := s.identity(r.Principal), s.addresses.findAddress(r.SourceIP), s.remotes.findAddress(r.RemoteIP)
	if p < 0 || a < 0 || c < 0 {
		return -1
	}
	return (p*s.addresses.count+a)*s.remotes.count + c
}

func (c *partition) findAddress(ip netip.Addr) int {
	if len(c.patterns) == 0 || !ip.IsValid() {
		return 0
	}
	ip = ip.Unmap()
	return c.find(func(p *Pattern) bool { return p.block.Contains(ip) })
}

// identity is the cell of an identity, -1 where there is none.
func (s *Space) identity(principal string) int {
	name := strings.TrimPrefix(principal, scheme)
	if name == "" {
		return 0
	}
	uri := scheme + name
	return s.identities.find(func(p *Pattern) bool { return p.Matches(Identity, uri) })
}

// With is the place in Sources of callers with an identity who are where those at another place are; negative where
// there is none.
func (s *Space) With(principal string, source int) int {
	return s.identity(principal)*s.Anonymous() + source%s.Anonymous()
}

// Anonymous is how many of Sources have no identity: the first ones.
func (s *Space) Anonymous() int { return s.addresses.count * s.remotes.count }

// Takes reports whether a place in Sources is of callers with an identity.
func (s *Space) Takes(source int, principal string) bool { return s.With(principal, source) == source }

// Identity is the same number for the places in Sources that only addresses distinguish.
func (s *Space) Identity(source int) int { return source / s.Anonymous() }

// Identities is what patterns say of the identities of the callers at a place in Sources, as they are written; empty
// where they say nothing. One reports that it is a single identity.
func (s *Space) Identities(source int) (words []string, one bool) {
	for _, i := range s.identities.of(s.Identity(source)) {
		if p := s.identities.patterns[i]; p.kind == exact {
			return []string{p.text}, true
		}
	}
	return s.Wildcards(source), false
}

// Wildcards is the patterns of many identities, but not of all, that those of the callers at a place in Sources match.
func (s *Space) Wildcards(source int) (words []string) {
	for _, i := range s.identities.of(s.Identity(source)) {
		switch p := s.identities.patterns[i]; p.kind {
		case exact, present:
		case inNamespace:
			words = append(words, "namespace "+p.text)
		case ofAccount:
			words = append(words, "account "+p.text)
		case ofDomain:
			words = append(words, "anyone of trust domain "+p.text)
		default:
			words = append(words, p.String())
		}
	}
	return words
}

// Blocks is the narrowest blocks that the addresses of a place in Sources are in; not valid where they are in none.
func (s *Space) Blocks(source int) (peer, client netip.Prefix) {
	remote := source % s.remotes.count
	address := source / s.remotes.count % s.addresses.count
	return s.addresses.narrowest(address), s.remotes.narrowest(remote)
}

func (c *partition) narrowest(cell int) (block netip.Prefix) {
	for _, i := range c.of(cell) {
		if p := c.patterns[i].block; !block.IsValid() || p.Bits() > block.Bits() {
			block = p
		}
	}
	return block
}

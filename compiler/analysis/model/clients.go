package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// ClientAddresses reports rules for what the proxy of a service does not know of its callers: the addresses of clients,
// and at a gateway their identities.
func (m *Model) ClientAddresses() (list diag.List) {
	reported := map[*enforce.Object]bool{}
	for _, s := range m.Policy.Services() {
		for _, o := range m.Callee(s).All() {
			if !reported[o] && s.Proxied() {
				reported[o] = m.unknownClients(&list, s, o)
			}
		}
	}
	return list
}

// unknownClients reports the first rule of an object that is about what a service does not know, and whether there is
// one.
func (m *Model) unknownClients(list *diag.List, s *policy.Service, o *enforce.Object) bool {
	rule := func(is func(c *enforce.Clause) bool) int {
		return slices.IndexFunc(o.Clauses, func(c enforce.Clause) bool { return is(&c) })
	}
	about := func(d space.Dimension) int {
		return rule(func(c *enforce.Clause) bool { return looksAt(c.From, d) || looksAt(c.To, d) })
	}
	if s.Dataplane != policy.Gateway {
		n := rule(func(c *enforce.Clause) bool {
			return looksAt(c.From, space.RemoteAddress) && !looksAt(c.From, space.Identity)
		})
		if n < 0 {
			return false
		}
		list.Add(diag.Misleading, o.RuleAt(n), "rule %d of %s %s is about addresses that callers state themselves: %s takes X-Forwarded-For from whoever sends it", n, o.Kind, o.ID(), s.ID()).
			WithHelp("decide about clients at the gateway; here, let in the identity of the gateway")
		return true
	}
	if hidden := s.Clients.Address == policy.AddressOfNode || s.Clients.Address == policy.AddressOfProxy; hidden {
		if n := about(space.SourceAddress); n >= 0 {
			list.Add(diag.Misleading, o.RuleAt(n), "rule %d of %s %s is about addresses, and the gateway %s does not have those of clients", n, o.Kind, o.ID(), s.ID()).
				WithRelated(s.Clients.At, "%s", s.Clients.Why).
				WithHelp("set `externalTrafficPolicy: Local` in a Service that nothing is in front of; behind a proxy that reports the addresses, use `remoteIpBlocks`")
			return true
		}
	}
	if !s.Clients.TrustsNone.IsZero() {
		if n := about(space.RemoteAddress); n >= 0 {
			list.Add(diag.Misleading, o.RuleAt(n), "rule %d of %s %s is about addresses that a proxy forwards, and the gateway %s takes none", n, o.Kind, o.ID(), s.ID()).
				WithRelated(s.Clients.TrustsNone, "its settings trust no proxy").
				WithHelp("set numTrustedProxies, or proxyProtocol, in the gatewayTopology of its pods")
			return true
		}
	}
	if n := about(space.Identity); n >= 0 && o.Effect == enforce.Allow {
		list.Add(diag.UnknownEffect, o.RuleAt(n), "whether callers prove an identity to the gateway %s is not judged, and rule %d of %s %s asks for one: its listeners decide it", s.ID(), n, o.Kind, o.ID()).
			WithNote("a listener without mutual TLS asks for no identity, so that the rule matches none of its callers")
		return true
	}
	return false
}

// looksAt reports whether a condition of one of some boxes is about a dimension.
func looksAt(boxes []space.Box, d space.Dimension) bool {
	return slices.ContainsFunc(boxes, func(b space.Box) bool {
		return slices.ContainsFunc(b, func(c space.Condition) bool { return c.Dimension == d })
	})
}

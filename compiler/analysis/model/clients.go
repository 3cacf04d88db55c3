package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// ClientAddresses reports rules for the addresses of callers at gateways that do not have the addresses of clients.
func (m *Model) ClientAddresses() (list diag.List) {
	reported := map[*enforce.Object]bool{}
	for _, s := range m.Policy.Services() {
		if s.Dataplane != policy.Gateway {
			continue
		}
		hidden := s.Clients.Address == policy.AddressOfNode || s.Clients.Address == policy.AddressOfProxy
		for _, o := range m.Callee(s).All() {
			rule := func(d space.Dimension) int {
				return slices.IndexFunc(o.Clauses, func(c enforce.Clause) bool { return looksAt(c.From, d) || looksAt(c.To, d) })
			}
			packet, forwarded := -1, -1
			if hidden {
				packet = rule(space.SourceAddress)
			}
			if !s.Clients.TrustsNone.IsZero() {
				forwarded = rule(space.RemoteAddress)
			}
			switch {
			case reported[o]:
			case packet >= 0:
				list.Add(diag.Misleading, o.RuleAt(packet), "rule %d of %s %s is about addresses, and the gateway %s does not have those of clients", packet, o.Kind, o.ID(), s.ID()).
					WithRelated(s.Clients.At, "%s", s.Clients.Why).
					WithHelp("set `externalTrafficPolicy: Local` in a Service that nothing is in front of; behind a proxy that reports the addresses, use `remoteIpBlocks`")
			case forwarded >= 0:
				list.Add(diag.Misleading, o.RuleAt(forwarded), "rule %d of %s %s is about addresses that a proxy forwards, and the gateway %s takes none", forwarded, o.Kind, o.ID(), s.ID()).
					WithRelated(s.Clients.TrustsNone, "its settings trust no proxy").
					WithHelp("set numTrustedProxies, or proxyProtocol, in the gatewayTopology of its pods")
			default:
				continue
			}
			reported[o] = true
		}
	}
	return list
}

// looksAt reports whether a condition of one of some boxes is about a dimension.
func looksAt(boxes []space.Box, d space.Dimension) bool {
	return slices.ContainsFunc(boxes, func(b space.Box) bool {
		return slices.ContainsFunc(b, func(c space.Condition) bool { return c.Dimension == d })
	})
}

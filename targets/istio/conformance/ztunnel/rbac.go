// Package ztunnel decides connections as ztunnel does, by the policies that istiod sends to it. It follows src/rbac.rs
// and assert_rbac in src/state.rs of istio/ztunnel, as of August 2026.
package ztunnel

import (
	"net/netip"
	"slices"
	"strings"

	"istio.io/istio/pkg/workloadapi/security"
)

// Connection is what ztunnel sees of a caller and of what it calls. The addresses are those of pods.
type Connection struct {
	Peer                string // spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT; empty: plaintext
	Source, Destination netip.Addr
	Port                uint16
}

// Allowed reports whether a workload with some policies takes a connection. A DENY that matches wins. Without an ALLOW
// whatever is left passes, else what one of them matches.
func Allowed(policies []*security.Authorization, c Connection) bool {
	allows := false
	for _, p := range policies {
		if !p.DryRun && p.Action == security.Action_DENY && Matches(p, c) {
			return false
		}
		allows = allows || !p.DryRun && p.Action == security.Action_ALLOW
	}
	return !allows || slices.ContainsFunc(policies, func(p *security.Authorization) bool {
		return !p.DryRun && p.Action == security.Action_ALLOW && Matches(p, c)
	})
}

// Matches reports whether a rule of a policy matches: all of its clauses do. One without matches does, and one with
// matches if any of them does; a match that asks for nothing never does.
func Matches(p *security.Authorization, c Connection) bool {
	return slices.ContainsFunc(p.Groups, func(rule *security.Group) bool {
		return !slices.ContainsFunc(rule.Rules, func(clause *security.Rules) bool {
			return len(clause.Matches) > 0 && !slices.ContainsFunc(clause.Matches, func(m *security.Match) bool { return matches(m, c) })
		})
	})
}

func matches(m *security.Match, c Connection) bool {
	asks := false
	namespace, account := "", ""
	id, proved := strings.CutPrefix(c.Peer, "spiffe://")
	if parts := strings.Split(id, "/"); proved && len(parts) == 5 {
		namespace, account = parts[2], parts[4]
	}
	ok := holds(&asks, m.DestinationIps, m.NotDestinationIps, func(a *security.Address) bool { return contains(a, c.Destination) }) &&
		holds(&asks, m.SourceIps, m.NotSourceIps, func(a *security.Address) bool { return contains(a, c.Source) }) &&
		holds(&asks, m.DestinationPorts, m.NotDestinationPorts, func(port uint32) bool { return uint16(port) == c.Port }) &&
		holds(&asks, m.ServiceAccounts, m.NotServiceAccounts, func(a *security.ServiceAccountMatch) bool {
			return proved && a.Namespace == namespace && a.ServiceAccount == account
		}) &&
		holds(&asks, m.Principals, m.NotPrincipals, func(s *security.StringMatch) bool { return proved && text(s, id) }) &&
		holds(&asks, m.Namespaces, m.NotNamespaces, func(s *security.StringMatch) bool { return text(s, namespace) })
	return asks && ok
}

func holds[T any](asks *bool, is, not []T, has func(T) bool) bool {
	*asks = *asks || len(is)+len(not) > 0
	return (len(is) == 0 || slices.ContainsFunc(is, has)) && !slices.ContainsFunc(not, has)
}

func contains(a *security.Address, address netip.Addr) bool {
	base, ok := netip.AddrFromSlice(a.Address)
	return ok && netip.PrefixFrom(base, int(a.Length)).Contains(address)
}

func text(m *security.StringMatch, s string) bool {
	switch m := m.MatchType.(type) {
	case *security.StringMatch_Exact:
		return s == m.Exact
	case *security.StringMatch_Prefix:
		return strings.HasPrefix(s, m.Prefix)
	case *security.StringMatch_Suffix:
		return strings.HasSuffix(s, m.Suffix)
	}
	return s != "" // StringMatch_Presence
}

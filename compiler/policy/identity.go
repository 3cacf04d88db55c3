package policy

import (
	"slices"
	"strings"
)

// Identity is what a workload proves about itself by mutual TLS: a SPIFFE ID in the form that Istio issues, without the
// scheme.
// https://istio.io/latest/docs/concepts/security/#istio-identity
type Identity struct{ TrustDomain, Namespace, Account string }

// The parts of an identity that precede its namespace and its account.
const (
	NamespacePart = "/ns/"
	AccountPart   = "/sa/"
)

// String returns TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT; empty for the zero Identity, which no workload has.
func (i Identity) String() string {
	if i == (Identity{}) {
		return ""
	}
	return i.TrustDomain + NamespacePart + i.Namespace + AccountPart + i.Account
}

// ParseIdentity is the inverse of String. The parts may be any text without slashes that is not empty.
func ParseIdentity(s string) (Identity, bool) {
	domain, rest, _ := strings.Cut(s, NamespacePart)
	namespace, account, ok := strings.Cut(rest, AccountPart)
	i := Identity{domain, namespace, account}
	if !ok || domain == "" || namespace == "" || account == "" || strings.Contains(domain+namespace+account, "/") {
		return Identity{}, false
	}
	return i, true
}

// Identities returns every identity that pods of a service may have: the one of its account in the trust domain of the
// mesh first, then those of its earlier accounts, then the same in earlier trust domains. It is empty where the service
// has no identity, or its account is not known.
func (p *Policy) Identities(s *Service) []Identity {
	if !s.Proxied() || s.Account == "" {
		return nil
	}
	all := make([]Identity, 0, (1+len(s.Was))*(1+len(p.Previous)))
	in := func(domain string) {
		all = append(all, Identity{domain, s.Namespace, s.Account})
		for _, account := range s.Was {
			all = append(all, Identity{domain, s.Namespace, account})
		}
	}
	if domain, elsewhere := p.Elsewhere[s.Namespace]; elsewhere {
		in(domain)
		return all
	}
	in(p.TrustDomain)
	for _, domain := range p.Previous {
		in(domain)
	}
	return all
}

// Shifted describes an identity that pods of a service have until they are replaced: an earlier account of it, or one
// of an earlier trust domain. It is empty for the identity that they are to have.
func (p *Policy) Shifted(s *Service, i Identity) (what string) {
	if i.Account != s.Account {
		what = "its earlier account " + i.Account
	}
	if slices.Contains(p.Previous, i.TrustDomain) && p.Elsewhere[s.Namespace] == "" {
		if what == "" {
			what = i.Account
		}
		what += " of the earlier trust domain " + i.TrustDomain
	}
	return what
}

// NamespaceOf returns the namespace if a pattern matches exactly the accounts of one namespace of a trust domain:
// `cluster.local/ns/shop/*` and `cluster.local/ns/shop/sa/*` give shop.
func NamespaceOf(pattern, trustDomain string) (namespace string, ok bool) {
	prefix, wildcard := strings.CutSuffix(pattern, "*")
	namespace, own := strings.CutPrefix(prefix, trustDomain+NamespacePart)
	namespace, all := strings.CutSuffix(strings.TrimSuffix(namespace, AccountPart[1:]), "/")
	return namespace, wildcard && own && all && namespace != "" && !strings.ContainsAny(namespace, "*/")
}

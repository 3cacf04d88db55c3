package policy

import "strings"

// Identity is what a workload proves about itself by mutual TLS: a SPIFFE ID in the form that Istio issues, without the scheme.
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

// NamespaceOf returns the namespace if a pattern matches exactly the accounts of one namespace of a trust domain:
// `cluster.local/ns/shop/*` and `cluster.local/ns/shop/sa/*` give shop.
func NamespaceOf(pattern, trustDomain string) (namespace string, ok bool) {
	prefix, wildcard := strings.CutSuffix(pattern, "*")
	namespace, own := strings.CutPrefix(prefix, trustDomain+NamespacePart)
	namespace, all := strings.CutSuffix(strings.TrimSuffix(namespace, AccountPart[1:]), "/")
	return namespace, wildcard && own && all && namespace != "" && !strings.ContainsAny(namespace, "*/")
}

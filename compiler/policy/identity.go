package policy

import "strings"

// Identity is who a workload proves to be by mutual TLS: a SPIFFE ID as Istio gives it out, without its scheme.
// https://istio.io/latest/docs/concepts/security/#istio-identity
type Identity struct{ TrustDomain, Namespace, Account string }

// What stands before the namespace and before the account in an identity.
const (
	NamespacePart = "/ns/"
	AccountPart   = "/sa/"
)

// String is TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT; empty for the zero Identity, which is that of nobody.
func (i Identity) String() string {
	if i == (Identity{}) {
		return ""
	}
	return i.TrustDomain + NamespacePart + i.Namespace + AccountPart + i.Account
}

// ParseIdentity reads what String writes. The parts may be anything that has no slash and is not empty.
func ParseIdentity(s string) (Identity, bool) {
	domain, rest, _ := strings.Cut(s, NamespacePart)
	namespace, account, ok := strings.Cut(rest, AccountPart)
	i := Identity{domain, namespace, account}
	if !ok || domain == "" || namespace == "" || account == "" || strings.Contains(domain+namespace+account, "/") {
		return Identity{}, false
	}
	return i, true
}

// NamespaceOf is the namespace whose every account a pattern with a wildcard at its end means, in a trust domain:
// `cluster.local/ns/shop/*` and `cluster.local/ns/shop/sa/*` mean shop.
func NamespaceOf(pattern, trustDomain string) (namespace string, ok bool) {
	prefix, wildcard := strings.CutSuffix(pattern, "*")
	namespace, own := strings.CutPrefix(prefix, trustDomain+NamespacePart)
	namespace, all := strings.CutSuffix(strings.TrimSuffix(namespace, AccountPart[1:]), "/")
	return namespace, wildcard && own && all && namespace != "" && !strings.ContainsAny(namespace, "*/")
}

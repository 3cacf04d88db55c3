// Package conformance checks what meshc emits, and how meshc evaluates policies, against Istio's own code.
//
// It knows Istio: the schemas and CEL rules of its CRDs, its validation, how it derives an mTLS mode from
// PeerAuthentications, Envoy's RBAC filters from AuthorizationPolicies and its clusters from DestinationRules, and
// rules of iptables from annotations of pods. It checks bytes, read as istiod reads them, and trusts none of the
// compiler's types. It is a separate module, so that meshc does not depend on Istio.
//
// The tests generate projects and policies from fixed seeds, so every run checks the same ones; `go test -v` prints how
// many decisions were compared. The environment variable CONFORMANCE scales their number: CONFORMANCE=10 generates ten
// times as many, and needs `-timeout 2h`.
package conformance

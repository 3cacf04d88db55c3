// Package conformance judges what meshc emits by Istio's own code.
//
// It knows Istio: the schemas and rules of its CRDs, its validation, the way from PeerAuthentications to a mode and
// from AuthorizationPolicies to Envoy's filters. What is judged are bytes, read as istiod reads them; no type of
// the compiler's own is trusted. It is a module of its own, so that the product does not carry Istio.
//
// Its tests make up projects and policies from seeds, the same ones every time: `go test -v` says how many decisions
// were compared. CONFORMANCE=10 in the environment makes ten times as many, and wants `-timeout 2h`.
package conformance

// Package conformance judges what meshc emits by Istio's own code.
//
// It knows Istio: the schemas and rules of its CRDs, its validation, the way from PeerAuthentications to a mode and
// from AuthorizationPolicies to Envoy's filters. What is judged are bytes, read as istiod reads them; no type of
// the compiler's own is trusted. It is a module of its own, so that the product does not carry Istio.
package conformance

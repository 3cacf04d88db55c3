// Package envoy evaluates the RBAC filters that Istio configures in a sidecar.
//
// It implements what Envoy's filter does with the matchers that Istio's authorization builder generates, after Envoy's
// C++ (source/extensions/filters/common/rbac and source/extensions/path in envoyproxy/envoy). Reading a filter fails on
// any field that the package does not know, so no decision depends on a matcher that was skipped.
package envoy

import (
	"net/netip"
	"strings"
)

// Request is what a sidecar sees of one connection, or of one HTTP request on it.
type Request struct {
	Peer        string     // URI of the client's certificate; empty for plaintext
	Source      netip.Addr // the peer of the connection
	Remote      netip.Addr // the client; differs from Source if x-forwarded-for is trusted
	Destination netip.Addr
	Port        uint16 // the container's port
	ServerName  string // SNI

	// The rest is absent on a TCP chain.
	Method, Path, Host string
	Headers            map[string]string // by lower-case name
	Claims             map[string]any    // of its token: texts, lists and more claims; nil where it has none
}

// header returns the value of a header or pseudo-header, and reports whether the request has it.
func (r *Request) header(name string) (string, bool) {
	switch strings.ToLower(name) {
	case ":method":
		return r.Method, r.Method != ""
	case ":path":
		return r.Path, r.Path != ""
	case ":authority", "host": // as HeaderMapImpl does
		return r.Host, r.Host != ""
	}
	value, ok := r.Headers[strings.ToLower(name)] // as HeaderMatcher does
	return value, ok
}

// preflight is isCorsPreflightRequest in source/extensions/filters/http/jwt_authn/filter.cc.
func (r *Request) preflight() bool {
	return r.Method == "OPTIONS" && r.Headers["origin"] != "" && r.Headers["access-control-request-method"] != ""
}

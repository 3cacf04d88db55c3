// Package envoy decides requests by the RBAC filters that Istio hands to a sidecar.
//
// It knows what Envoy's filter does with the matchers that Istio's authorization builder makes, as its C++ reads
// (source/extensions/filters/common/rbac and source/extensions/path in envoyproxy/envoy). It refuses, when a filter is
// read, every field that it does not know, so that no decision ever rests on a matcher that was skipped.
package envoy

import "net/netip"

// Request is what a sidecar sees of one connection, or of one HTTP request on it.
type Request struct {
	Peer        string     // URI of the client's certificate; empty: plaintext
	Source      netip.Addr // the peer of the connection
	Remote      netip.Addr // the client, which a trusted x-forwarded-for may move away from Source
	Destination netip.Addr
	Port        uint16 // the container's port
	ServerName  string // SNI

	// The rest is absent on a TCP chain.
	Method, Path, Host string
	Headers            map[string]string // by lower-case name
	Token              bool              // it carries a JSON web token with whatever claim is asked for; otherwise none
}

// header is the value of a header or pseudo-header, and whether the request has it.
func (r *Request) header(name string) (string, bool) {
	switch name {
	case ":method":
		return r.Method, r.Method != ""
	case ":path":
		return r.Path, r.Path != ""
	case ":authority":
		return r.Host, r.Host != ""
	}
	value, ok := r.Headers[name]
	return value, ok
}

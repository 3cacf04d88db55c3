package eval

import (
	"net/netip"
	"strings"
)

// Request is what policies see of a request. A fact that is left zero is in no block, and no other value.
type Request struct {
	Principal string     // identity of the caller, `cluster.local/ns/shop/sa/frontend-sa`; empty: it has none
	SourceIP  netip.Addr // address of the peer
	RemoteIP  netip.Addr // address of the client as X-Forwarded-For or the PROXY protocol tell it
	DestIP    netip.Addr // address of the workload
	Port      uint16     // of the container
	HTTP      bool       // the proxy reads HTTP on the port; otherwise the rest is not there
	Method    string
	Path      string // after the proxy has normalized it; query and fragment are not looked at
	Host      string // the authority, with a port where the client sent one
}

// dimension is a fact of a request that a field looks at.
type dimension uint8

const (
	principalDim dimension = iota
	sourceDim
	remoteDim

	portDim
	methodDim
	pathDim
	hostDim
	destDim

	dimensions

	// What a Request does not tell: a token's claims and headers, of HTTP, and the server name of TLS and the
	// metadata of other filters, of any connection.
	unknownHTTP
	unknown
)

// onlyHTTP tells whether a field means nothing to a proxy that does not read HTTP.
func (d dimension) onlyHTTP() bool {
	return d == methodDim || d == pathDim || d == hostDim || d == unknownHTTP
}

// facts are a request as patterns look at it.
type facts struct {
	Request
	uri string // of the identity; empty where there is none
}

func (r *Request) facts() facts {
	f := facts{Request: *r}
	f.SourceIP, f.RemoteIP, f.DestIP = f.SourceIP.Unmap(), f.RemoteIP.Unmap(), f.DestIP.Unmap()
	if p := strings.TrimPrefix(r.Principal, scheme); p != "" {
		f.uri = scheme + p
	}
	if i := strings.IndexAny(f.Path, "?#"); i >= 0 {
		f.Path = f.Path[:i]
	}
	f.Host = lower(f.Host)
	return f
}

// matches tells whether the fact that a field looks at has the pattern.
func (f *facts) matches(d dimension, p *pattern) bool {
	switch d {
	case principalDim:
		return f.uri != "" && p.matches(d, f.uri)
	case sourceDim:
		return p.block.Contains(f.SourceIP)
	case remoteDim:
		return p.block.Contains(f.RemoteIP)
	case destDim:
		return p.block.Contains(f.DestIP)
	case portDim:
		return p.port == f.Port
	case methodDim:
		return p.matches(d, f.Method)
	case pathDim:
		return p.matches(d, f.Path)
	case hostDim:
		return p.matches(d, f.Host)
	}
	return false
}

package space

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

// Dimension is a fact of a request that a condition looks at.
type Dimension uint8

const (
	Identity Dimension = iota
	SourceAddress
	RemoteAddress

	Port
	Method
	Path
	Host
	DestinationAddress

	dimensions

	// What a Request does not reveal: a token's claims and headers, of HTTP, and the server name of TLS and the
	// metadata of other filters, of any connection.
	HiddenHTTP
	Hidden
)

// OnlyHTTP reports whether a condition means nothing to a proxy that does not read HTTP.
func (d Dimension) OnlyHTTP() bool {
	return d == Method || d == Path || d == Host || d == HiddenHTTP
}

// IsHidden reports whether a request does not reveal the fact.
func (d Dimension) IsHidden() bool { return d >= HiddenHTTP }

// Facts are a request as patterns look at it.
type Facts struct {
	Request
	URI string // of the identity; empty where there is none
}

// Facts normalizes a request.
func (r *Request) Facts() Facts {
	f := Facts{Request: *r}
	f.SourceIP, f.RemoteIP, f.DestIP = f.SourceIP.Unmap(), f.RemoteIP.Unmap(), f.DestIP.Unmap()
	if p := strings.TrimPrefix(r.Principal, scheme); p != "" {
		f.URI = scheme + p
	}
	if i := strings.IndexAny(f.Path, "?#"); i >= 0 {
		f.Path = f.Path[:i]
	}
	f.Host = lower(f.Host)
	return f
}

// matches reports whether the fact that a condition looks at has the pattern.
func (f *Facts) matches(d Dimension, p *Pattern) bool {
	switch d {
	case Identity:
		return f.URI != "" && p.Matches(d, f.URI)
	case SourceAddress:
		return p.block.Contains(f.SourceIP)
	case RemoteAddress:
		return p.block.Contains(f.RemoteIP)
	case DestinationAddress:
		return p.block.Contains(f.DestIP)
	case Port:
		return p.port == f.Port
	case Method:
		return p.Matches(d, f.Method)
	case Path:
		return p.Matches(d, f.Path)
	case Host:
		return p.Matches(d, f.Host)
	}
	return false
}

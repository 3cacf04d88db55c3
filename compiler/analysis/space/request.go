package space

import (
	"net/netip"
	"strconv"
	"strings"
)

// Value is a fact of a request: a text, an address, a port or texts by their keys, as its dimension says.
type Value struct {
	text    string // of an identity: its URI
	address netip.Addr
	port    uint16
	keys    keys
}

// IdentityValue is a principal, with a scheme or without, as a value; nil where it is empty.
func IdentityValue(principal string) *Value {
	if principal = strings.TrimPrefix(principal, scheme); principal == "" {
		return nil
	}
	return &Value{text: scheme + principal}
}

// AddressValue is an address as a value.
func AddressValue(a netip.Addr) *Value { return &Value{address: a.Unmap()} }

func (v *Value) String() string {
	switch {
	case v.address.IsValid():
		return v.address.String()
	case v.keys != nil:
		return v.keys.String()
	case v.text != "":
		return strings.TrimPrefix(v.text, scheme)
	}
	return strconv.Itoa(int(v.port))
}

// Request is what conditions see of a request: a value, or none, in each dimension. Values are shared and never
// changed; those of a representative are valid until the Builder makes its next space.
type Request struct {
	HTTP   bool // the proxy reads HTTP on the port; otherwise no value of HTTP's counts
	values [maxDimensions]*Value
}

// With is the request with another value in one dimension; nil takes it out.
func (r Request) With(d Dimension, v *Value) Request {
	r.values[d] = v
	return r
}

// Value is the fact of a dimension; nil where it is not known.
func (r *Request) Value(d Dimension) *Value { return r.values[d] }

// Identity is that of the caller, `cluster.local/ns/shop/sa/frontend`; empty where it has none.
func (r *Request) Identity() string {
	if v := r.values[Identity]; v != nil {
		return v.text[len(scheme):]
	}
	return ""
}

// Port is that of the workload; 0 where it is not known.
func (r *Request) Port() uint16 {
	if v := r.values[Port]; v != nil {
		return v.port
	}
	return 0
}

// Text is the value of a dimension of text; empty where it is not known.
func (r *Request) Text(d Dimension) string {
	if v := r.values[d]; v != nil {
		return v.text
	}
	return ""
}

// Address is the value of a dimension of addresses; not valid where it is not known.
func (r *Request) Address(d Dimension) netip.Addr {
	if v := r.values[d]; v != nil {
		return v.address
	}
	return netip.Addr{}
}

// Preflight reports whether a request is a CORS preflight. What verifies tokens lets it through whatever its token, and
// has nobody see that: isCorsPreflightRequest in source/extensions/filters/http/jwt_authn/filter.cc of
// envoyproxy/envoy.
func (r *Request) Preflight() bool {
	if !r.HTTP || r.Text(Method) != "OPTIONS" {
		return false
	}
	headers := r.Keys(Header)
	for _, name := range [...]string{"origin", "access-control-request-method"} {
		if text := headers[name]; len(text) == 0 || text[0] == "" {
			return false
		}
	}
	return true
}

func portNumber(written string) uint16 {
	n, _ := strconv.ParseUint(written, 10, 16)
	return uint16(n)
}

// Keys is the texts of a dimension by their keys: of headers by their names, of a token by its claims, of which nested
// ones have `][` between the parts of their path.
func (r *Request) Keys(d Dimension) map[string][]string {
	if v := r.values[d]; v != nil {
		return v.keys
	}
	return nil
}

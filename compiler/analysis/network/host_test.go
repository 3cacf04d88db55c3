package network

import "testing"

// The examples are those of Cilium's documentation of matchPattern: pkg/policy/api/fqdn.go.
func TestHostPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, host string
		matches       bool
	}{
		{"*.cilium.io", "www.cilium.io", true},
		{"*.cilium.io", "cilium.io", false},
		{"*.cilium.io", "test.app.cilium.io", false},
		{"*cilium.io", "cilium.io", true},
		{"*cilium.io", "sub-cilium.io", true},
		{"*cilium.io", "www.cilium.io", false},
		{"sub*.cilium.io", "sub.cilium.io", true},
		{"sub*.cilium.io", "subdomain.cilium.io", true},
		{"sub*.cilium.io", "www.cilium.io", false},
		{"**.cilium.io", "app.cilium.io", true},
		{"**.cilium.io", "test.app.cilium.io", true},
		{"**.cilium.io", "cilium.io", false},
		{"*", "cilium.io", true},
		{"cilium.io", "cilium.io", true},
		{"cilium.io", "xcilium.io", false},
		{"a*.b*.io", "ax.by.io", true},
		{"a*.b*.io", "a.x.b.io", false},
	} {
		if got := matchHost(c.pattern, c.host); got != c.matches {
			t.Errorf("%s takes %s: %t", c.pattern, c.host, got)
		}
	}
}

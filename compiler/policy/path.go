package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// CanonicalPath is what is left of a path after normalization as Istio has Envoy do it unless it is told otherwise,
// apart from dot segments: kPathCharLookup and DoPartialPath in googleurl's url_canon_path.cc, for pathNormalization
// BASE of https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ProxyPathNormalization.
func CanonicalPath(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\':
			b.WriteByte('/')
		case PercentEncoded(rune(c)):
			fmt.Fprintf(&b, "%%%02X", c)
		case c == '%' && i+2 < len(p):
			code, err := strconv.ParseUint(p[i+1:i+3], 16, 8)
			if err == nil && Unreserved(byte(code)) {
				b.WriteByte(byte(code))
				i += 2
				continue
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// PercentEncoded reports whether a character is percent-encoded in every path that policies see. Braces are left to
// templates.
func PercentEncoded(r rune) bool { return r >= 0x80 || strings.ContainsRune("\"<>^`|", r) }

// Unreserved reports whether a character needs no percent-encoding: RFC 3986, 2.3.
func Unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

package explain

import (
	"strings"
)

// Normalized is the path that policies see of a request for a path. A proxy resolves dot segments, takes a backslash
// for a slash, and decodes what need not be encoded: that is the pathNormalization BASE of a mesh, Istio's default. Of
// a pattern nothing is changed.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ProxyPathNormalization
func Normalized(path string) string {
	if strings.ContainsAny(path, "*{") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\':
			b.WriteByte('/')
		case c == '%' && i+2 < len(path):
			if decoded := unhex(path[i+1])<<4 | unhex(path[i+2]); unhex(path[i+1]) < 16 && unhex(path[i+2]) < 16 && unreserved(decoded) {
				b.WriteByte(decoded)
				i += 2
				continue
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	var segments []string
	all := strings.Split(strings.TrimPrefix(b.String(), "/"), "/")
	for i, segment := range all {
		last := i == len(all)-1
		switch segment {
		case ".":
		case "..":
			segments = segments[:max(0, len(segments)-1)]
		default:
			segments = append(segments, segment)
			continue
		}
		if last {
			segments = append(segments, "")
		}
	}
	return "/" + strings.Join(segments, "/")
}

// Literal reports whether the path of a request can be written in an operation that is about this path alone. A policy
// takes some paths for patterns.
func Literal(path string) bool {
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("*{}\"\\", c) >= 0 {
			return false
		}
	}
	return strings.HasPrefix(path, "/")
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// unhex is the value of a hexadecimal digit; 255 where it is none.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

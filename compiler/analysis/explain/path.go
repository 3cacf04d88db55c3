package explain

import (
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Normalized is the path that policies see of a request for a path. A proxy resolves dot segments, takes a backslash
// for a slash, decodes what need not be encoded and encodes what must be: that is the pathNormalization BASE of a mesh,
// Istio's default. Of a pattern nothing is changed.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ProxyPathNormalization
func Normalized(path string) string {
	if strings.ContainsAny(path, "*{") {
		return path
	}
	var segments []string
	all := strings.Split(strings.TrimPrefix(policy.CanonicalPath(path), "/"), "/")
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

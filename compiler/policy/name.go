package policy

import "strings"

// What Kubernetes takes for a name: k8s.io/apimachinery/pkg/util/validation.
const (
	MaxLabel = 63  // characters of a label of a DNS name, and of the key and the value of a pod's label
	MaxName  = 253 // characters of the name of an object
)

// NamingLabels is the labels that name a workload, in the order in which they are looked at.
var NamingLabels = []string{"app", "app.kubernetes.io/name"}

// IsLabel tells a label of a DNS name (RFC 1123), as the names of namespaces are.
func IsLabel(s string) bool { return len(s) <= MaxLabel && isPart(s) }

// IsName tells a DNS name in lower case, as the names of objects are.
func IsName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !isPart(part) {
			return false
		}
	}
	return len(s) <= MaxName
}

func isPart(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && i > 0 && i < len(s)-1) {
			return false
		}
	}
	return s != ""
}

// IsLabelKey tells the key of a pod's label: a name, after a DNS name and a slash or alone.
func IsLabelKey(s string) bool {
	prefix, name, qualified := strings.Cut(s, "/")
	if !qualified {
		return s != "" && IsLabelValue(s)
	}
	return IsName(prefix) && name != "" && IsLabelValue(name)
}

// IsLabelValue tells the value of a pod's label.
func IsLabelValue(s string) bool {
	if len(s) > MaxLabel {
		return false
	}
	for i := range len(s) {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !plain && (i == 0 || i == len(s)-1 || c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return true
}

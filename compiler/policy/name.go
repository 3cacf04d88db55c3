package policy

import "strings"

// Limits of names in Kubernetes: k8s.io/apimachinery/pkg/util/validation.
const (
	MaxLabel = 63  // characters of a label of a DNS name, and of the key and the value of a pod's label
	MaxName  = 253 // characters of the name of an object
)

// NamingLabels are the labels that name a workload; the first that is present counts.
var NamingLabels = []string{"app", "app.kubernetes.io/name"}

// IsLabel reports whether s is a label of a DNS name (RFC 1123), as names of namespaces are.
func IsLabel(s string) bool { return len(s) <= MaxLabel && isPart(s) }

// LabelLike is a label of up to most characters that reads like a text; empty if nothing of the text can be in one.
func LabelLike(text string, most int) string {
	label := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(text))
	return strings.Trim(label[:min(len(label), most)], "-")
}

// IsName reports whether s is a DNS name in lower case, as names of objects are.
func IsName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !isPart(part) {
			return false
		}
	}
	return len(s) <= MaxName
}

// InCluster reports whether the name of a host is that of a Kubernetes Service.
func InCluster(host string) bool {
	return strings.HasSuffix(host, ".svc") || strings.Contains(host, ".svc.")
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

// IsLabelKey reports whether s can be the key of a pod's label: a name, alone or after a DNS name and a slash.
func IsLabelKey(s string) bool {
	prefix, name, qualified := strings.Cut(s, "/")
	if !qualified {
		return s != "" && IsLabelValue(s)
	}
	return IsName(prefix) && name != "" && IsLabelValue(name)
}

// IsLabelValue reports whether s can be the value of a pod's label.
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

package read

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The cases are those of Istio's own tests of a bundle with these trust domains.
func TestPrincipals(t *testing.T) {
	d := &decoder{trustDomains: []string{"td2", "td1", "cluster.local"}}
	for principal, want := range map[string][]string{
		"*":                         {"*"},
		"*/ns/foo/sa/bar":           {"*/ns/foo/sa/bar"},
		"td3/ns/foo/sa/bar":         {"td3/ns/foo/sa/bar"},
		"sa/bar":                    {"sa/bar"},
		"/ns/foo/sa/bar":            {"/ns/foo/sa/bar"},
		"td1/ns/foo/sa/bar":         {"td2/ns/foo/sa/bar", "td1/ns/foo/sa/bar", "cluster.local/ns/foo/sa/bar"},
		"cluster.local/ns/foo/sa/*": {"td2/ns/foo/sa/*", "td1/ns/foo/sa/*", "cluster.local/ns/foo/sa/*"},
		"td*/ns/foo/sa/bar":         {"td2/ns/foo/sa/bar", "td1/ns/foo/sa/bar", "cluster.local/ns/foo/sa/bar"},
		"*local/ns/foo/sa/bar":      {"td2/ns/foo/sa/bar", "td1/ns/foo/sa/bar", "*local/ns/foo/sa/bar"},
	} {
		require.Equal(t, want, d.principals(principal), principal)
	}
}

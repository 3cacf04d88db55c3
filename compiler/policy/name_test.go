package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/meshc/meshc/compiler/policy"
)

// The functions accept exactly the names that Kubernetes accepts.
func TestNamesAreThoseOfKubernetes(t *testing.T) {
	words := []string{
		"", "a", "a-b", "-a", "a-", "A", "a_b", "a.b", "a..b", ".a", "a.", "a.-b", "a-.b", "9", "ä", "a b", "a\n", "_a", "a_", "*",
		"app", "app.kubernetes.io/name", "/a", "a/", "a/b/c", "A/b", "a/B", "a_b/c", "a.b-/c",
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 127) + "a",
		strings.Repeat("a", 63) + "/" + strings.Repeat("a", 63), strings.Repeat("a.", 127) + "a/a", "a/" + strings.Repeat("a", 64),
	}
	for _, w := range words {
		assert.Equal(t, len(validation.IsDNS1123Label(w)) == 0, policy.IsLabel(w), "label %q", w)
		assert.Equal(t, len(validation.IsDNS1123Subdomain(w)) == 0, policy.IsName(w), "name %q", w)
		assert.Equal(t, len(validation.IsQualifiedName(w)) == 0, policy.IsLabelKey(w), "key %q", w)
		assert.Equal(t, len(validation.IsValidLabelValue(w)) == 0, policy.IsLabelValue(w), "value %q", w)
	}
}

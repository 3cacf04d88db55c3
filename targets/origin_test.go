package targets

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/policy"
)

// TestAnnotations holds that the annotations of all targets leave room in the 256 KiB that an object's may have.
func TestAnnotations(t *testing.T) {
	rules := make([]policy.Rule, 10000)
	for i := range rules {
		rules[i].Because = fmt.Sprintf("reason %05d", 9999-i)
	}
	pairs := OfRules(rules).Annotations(13)
	require.Equal(t, Pair{"argocd.argoproj.io/sync-wave", "13"}, pairs[0])
	require.Len(t, pairs, 2)
	require.LessOrEqual(t, len(pairs[1].Value), 4<<10)
	require.True(t, strings.HasPrefix(pairs[1].Value, "reason 00000; reason 00001; "), pairs[1].Value[:40])
	require.Regexp(t, `; reason \d+; and \d+ more$`, pairs[1].Value)

	long := OfRules([]policy.Rule{{Because: strings.Repeat("ü", 9000)}, {Because: "ü"}}).Annotations(13)[1].Value
	require.LessOrEqual(t, len(long), 4<<10)
	require.True(t, utf8.ValidString(long))
}

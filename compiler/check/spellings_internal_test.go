package check

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/compiler/policy"
)

// The other spelling of a path is one that an edge admits, and that the rule does not bind.
func TestSpellingOf(t *testing.T) {
	base, merged := []string{"//", "/%2F", "%2F"}, []string{"/%2F", "%2F"}
	for _, row := range []struct {
		bound, edge, without string
		slashes              []string
		want                 string
	}{
		{"/admin", "", "", base, "//admin"},
		{"/admin", "/*", "", base, "//admin"},
		{"/cart/internal/*", "/cart/*", "", base, "/cart//internal/*"},
		{"/cart/internal/*", "/cart/*", "", merged, "/cart/%2Finternal/*"},
		{"/cart/internal/x", "/cart/internal*", "", base, "/cart/internal//x"},
		{"/cart/internal/x", "/cart/i*", "/cart/internal//*", base, "/cart/internal/%2Fx"},
		{"/admin/*", "/admin*", "", base, "/admin%2F*"},
		{"/admin", "/admin*", "", base, ""},
		{"/admin/*", "/admin/*", "", base, ""},
		{"/a/b/c", "/a/{*}/c", "", base, "/a/%2Fb/c"},
		{"/a/b/c", "/a/{**}/c", "", base, "/a//b/c"},
		{"/a/b/c", "/a/{*}", "", base, "/a/b%2Fc"},
		{"/a/{*}/c", "/a/*", "", base, "/a//{*}/c"},
		{"/x", "*/x", "", base, "//x"},
	} {
		op := policy.Operation{Methods: []string{"GET"}, Path: row.bound}
		edge := policy.Requests{Ops: []policy.Operation{{Methods: []string{"GET", "POST"}, Path: row.edge}}}
		if row.without != "" {
			edge.Without = []policy.Operation{{Path: row.without}}
		}
		found := func() string {
			return spellingOf(op, []policy.Operation{op}, []policy.Requests{edge}, row.slashes)
		}
		assert.Equal(t, row.want, found(), "%s beside %s", row.bound, row.edge)
		edge.Ops[0].Methods = []string{"POST"}
		assert.Empty(t, found(), "POST alone is let in: %s beside %s", row.bound, row.edge)
	}
}

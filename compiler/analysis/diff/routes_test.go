package diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// callersPolicy is a policy that admits some callers: accounts of the same namespace, or a source as it is written.
func callersPolicy(service string, callers ...string) string {
	var sources []string
	for _, c := range callers {
		if !strings.Contains(c, ":") {
			c = "principals: [cluster.local/ns/shop/sa/" + c + "]"
		}
		sources = append(sources, "{source: {"+c+"}}")
	}
	return fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: %s, namespace: shop}\nspec: {selector: {matchLabels: {app: %[1]s}}, rules: [{from: [%s]}]}\n---\n",
		service, strings.Join(sources, ", "))
}

// The bound on what is looked at is a number of sources: it does not depend on how many edges the graph has for them,
// and the nearest services are followed first.
func TestRoutesAreBounded(t *testing.T) {
	for _, more := range []string{"", "principals: ['*']", "namespaces: [other]"} {
		others := []string{"b"}
		if more != "" {
			others = append(others, more)
		}
		common := callersPolicy("a", others...) + callersPolicy("b", others...) +
			callersPolicy("one", "hub") + callersPolicy("two", "one") + callersPolicy("three", "two") + callersPolicy("four", "three")
		before, after := modelOf(t, common+callersPolicy("hub", "b")), modelOf(t, common+callersPolicy("hub", "b", "a"))
		d := differ{before: before, after: after, diff: &Diff{}, maxVisits: maxVisits}
		require.NoError(t, d.routes())
		all := d.diff.Reachable
		require.Zero(t, d.diff.Unfollowed)
		graph, err := after.CallGraph()
		require.NoError(t, err)

		starts, err := d.gains()
		require.NoError(t, err)
		followed := func(targets int) int {
			d.diff, d.maxVisits = &Diff{}, 2*len(graph.Sources)*(len(starts)+targets)
			require.NoError(t, d.routes())
			return d.diff.Unfollowed
		}
		assert.Equal(t, 3, followed(0)-followed(3), more)
		targets := func(routes []Route) (names []string) {
			for _, r := range routes {
				for _, s := range r.To {
					names = append(names, s.Name)
				}
			}
			return names
		}
		assert.Subset(t, targets(all), targets(d.diff.Reachable), more)
		assert.Contains(t, targets(d.diff.Reachable), "one", more)
		assert.NotContains(t, targets(d.diff.Reachable), "four", more)
	}
}

package rollout_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/rollout"
	"github.com/meshc/meshc/compiler/config"
)

// What becomes of calls while pods have one data plane and policies are of another: in one go they are refused where a
// waypoint comes or goes, and each step of the ways that are named has an order in which none is.
func TestReplacements(t *testing.T) {
	const requests, connections = "web -> api:8080 GET /v1/*\ndb -> api:9090\n", "web -> api:8080\ndb -> api:9090\n"
	sidecars, ambient := config.Dataplane{}, config.Dataplane{Ambient: true}
	waypoint := config.Dataplane{Ambient: true, Waypoint: "waypoint"}
	other := config.Dataplane{Ambient: true, Waypoint: "other"}
	moving := config.Dataplane{Ambient: true, Moving: true, Waypoint: "waypoint"}
	joining := config.Dataplane{Ambient: true, Joining: true, Waypoint: "waypoint"}
	for _, c := range []struct {
		name, statements    string
		before, after       config.Dataplane
		late, early, abrupt bool
		text                string
	}{
		{"in one go", requests, sidecars, waypoint, true, true, true, "shop: ambient mode behind shop/waypoint (was sidecars)"},
		{"and back", requests, waypoint, sidecars, true, true, true, "shop: sidecars (was ambient mode behind shop/waypoint)"},
		{"connections alone", connections, sidecars, ambient, false, false, false, "shop: ambient mode (was sidecars)"},
		{"and back", connections, ambient, sidecars, false, false, false, "shop: sidecars (was ambient mode)"},
		{"a waypoint in one go", connections, ambient, waypoint, true, true, true, "shop: ambient mode behind shop/waypoint (was ambient mode)"},
		{"and back", connections, waypoint, ambient, true, true, true, ""},
		{"another waypoint", requests, waypoint, other, true, true, true, ""},

		{"prepared", requests, sidecars, moving, false, true, false, "shop: sidecars or ambient mode behind shop/waypoint (was sidecars)"},
		{"settled", requests, moving, waypoint, true, false, false, ""},
		{"back, prepared", requests, waypoint, moving, false, false, false, ""},
		{"back, settled", requests, moving, sidecars, true, false, false, ""},
		{"joining", connections, ambient, joining, false, true, false, "shop: ambient mode, behind shop/waypoint or not (was ambient mode)"},
		{"joined", connections, joining, waypoint, true, false, false, ""},
		{"leaving", connections, waypoint, joining, false, false, false, ""},
		{"left", connections, joining, ambient, true, false, false, ""},
	} {
		before, after := behind(t, c.before, c.statements), behind(t, c.after, c.statements)
		all, err := rollout.Replacements(t.Context(), before.model, after.model)
		require.NoError(t, err, c.name)
		require.Len(t, all, 1, c.name)
		r := &all[0]
		require.Equal(t, c.late, len(r.Late) > 0, "%s: late %v", c.name, r.Late)
		require.Equal(t, c.early, len(r.Early) > 0, "%s: early %v", c.name, r.Early)
		require.Equal(t, c.abrupt, r.Abrupt(), c.name)
		if c.text != "" {
			require.Equal(t, c.text, r.String())
		}
		for _, stray := range r.Late {
			require.False(t, stray.Opens, "%s: %v", c.name, r.Late)
		}
	}
	one := behind(t, waypoint, requests)
	all, err := rollout.Replacements(t.Context(), one.model, behind(t, waypoint, requests+"db -> api:8080\n").model)
	require.NoError(t, err)
	require.Empty(t, all)
}

// Callers that nothing names are not called by the name of one who has the account that represents them.
func TestReplacementsNameNobodyElse(t *testing.T) {
	const statements = "shop/* -> api:8080\nservice spare account other\n"
	ambient, waypoint := config.Dataplane{Ambient: true}, config.Dataplane{Ambient: true, Waypoint: "waypoint"}
	all, err := rollout.Replacements(t.Context(), behind(t, ambient, statements).model, behind(t, waypoint, statements).model)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, []rollout.Stray{{Callee: "shop/api", Callers: []string{"other callers of the mesh"}}}, all[0].Late)
}

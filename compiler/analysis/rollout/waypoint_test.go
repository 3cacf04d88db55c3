package rollout_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/rollout"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/compiler/config"
)

// behind builds a namespace whose data plane is stated.
func behind(t *testing.T, d config.Dataplane, statements string) built {
	t.Helper()
	c := config.Default()
	d.WaypointNamespace = "shop"
	c.Dataplanes = map[string]config.Dataplane{"shop": d}
	text := "mesh shop strict\nissuer corp url https://login.example.com\n" + services + statements
	p, manifests := analysistest.CompileWith(t, c, compiler.Input{Name: "shop.mesh", Text: []byte(text)})
	return built{p, manifests, analysistest.Model(t, p, manifests)}
}

// The policies of waypoints, and what verifies tokens, are applied in their order too.
func TestWaypoints(t *testing.T) {
	const before = "web -> api:8080 GET /v1/* with corp\n"
	const after = before + "web -> api:8080 GET /v2/*\ndb -> api:8080 GET /v1/status\ndeny web -> api:8080 /v1/internal/*\n"
	sidecars, ambient := config.Dataplane{}, config.Dataplane{Ambient: true, Waypoint: "waypoint"}
	plain, joining := config.Dataplane{Ambient: true}, config.Dataplane{Ambient: true, Joining: true, Waypoint: "waypoint"}
	const connections = "web -> api:8080\ndb -> api:9090\ndeny web -> api:9090\n"
	moving := config.Dataplane{Ambient: true, Moving: true, Waypoint: "waypoint"}
	for _, c := range []struct {
		name          string
		before, after built
	}{
		{"other edges", behind(t, ambient, before), behind(t, ambient, after)},
		{"fewer edges", behind(t, ambient, after), behind(t, ambient, before)},
		{"sidecars", behind(t, sidecars, before), behind(t, sidecars, after)},
		{"to moving", behind(t, sidecars, after), behind(t, moving, after)},
		{"moving", behind(t, moving, before), behind(t, moving, after)},
		{"to ambient", behind(t, moving, after), behind(t, ambient, after)},
		{"back", behind(t, ambient, after), behind(t, moving, after)},
		{"to sidecars", behind(t, moving, after), behind(t, sidecars, after)},
		{"to joining", behind(t, plain, connections), behind(t, joining, connections)},
		{"joined", behind(t, joining, connections), behind(t, ambient, connections)},
		{"left", behind(t, joining, connections), behind(t, plain, connections)},
	} {
		windows, err := rollout.Windows(t.Context(), c.before.model, c.after.model)
		require.NoError(t, err)
		require.Empty(t, windows, c.name)
	}
}

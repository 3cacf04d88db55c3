package read

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// A point in the memory of others decides as one of its own.
func TestBindForgetsWhatThePointWas(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	waypoint := &policy.Waypoint{Namespace: "shop", Name: "waypoint", Account: "waypoint"}
	fronts := []policy.Front{
		{Host: "backend", Port: 80, Target: 8080, Waypoint: waypoint},
		{Host: "other", Port: 9090, Target: 9090, Waypoint: waypoint},
		{Host: "none", Port: 80, Target: 80},
	}
	var again enforce.Point
	for range 500 {
		text := randomManifests(r)
		for _, bound := range []string{"{kind: Service, name: backend}", "{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}"} {
			more := strings.ReplaceAll(randomManifests(r), "name: p", "name: "+bound[7:8]+"p")
			text += strings.ReplaceAll(more, "  action:", "  targetRefs: ["+bound+"]\n  action:")
		}
		m, _ := Files([]*source.File{source.NewFile("policies.yaml", text)}, enforce.Mesh{})
		for range 3 {
			w := backend
			w.Dataplane = []policy.Dataplane{policy.Sidecar, policy.Ambient, policy.Ambient, policy.Gateway}[r.IntN(4)]
			w.Fronts = fronts[:r.IntN(len(fronts)+1)]
			if w.Partial = r.IntN(4) == 0; w.Partial {
				w.Labels = nil
			}
			once := m.For(w)
			m.Bind(&again, w)
			require.True(t, once.Same(&again), "%s", text)
			require.True(t, slices.Equal(once.Unsent, again.Unsent), "%s", text)
			for range 10 {
				request := randomRequest(r)
				want, got := once.Decide(request), again.Decide(request)
				want.Way, got.Way = nil, nil
				require.Equal(t, want, got, "%s", text)
			}
		}
	}
}

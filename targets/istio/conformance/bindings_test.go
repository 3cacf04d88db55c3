package conformance

import (
	"strings"
	"testing"

	"github.com/meshc/meshc/compiler/policy"
)

// TestBindings has istiod bind the ServiceEntries of projects whose namespaces are in ambient mode, and name a waypoint.
// No policy of a waypoint lets in calls to externals, so none may be on the way. Without the label that keeps them from
// it, each would be.
func TestBindings(t *testing.T) {
	t.Parallel()
	externals := 0
	for seed := range size(t, 200) {
		p := newAmbientProject(seed)
		built, err := p.build()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.text())
		}
		var stream strings.Builder
		for _, m := range built.manifests {
			if m.Kind == "ServiceEntry" {
				stream.WriteString("---\n" + m.YAML)
			}
		}
		var names []string
		for _, m := range built.policy.Meshes {
			for _, s := range m.Services {
				if s.Dataplane == policy.Ambient {
					names = append(names, m.Name)
					break
				}
			}
		}
		told, err := Bindings([]byte(stream.String()), "waypoint", names...)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, stream.String())
		}
		without, err := Bindings([]byte(strings.ReplaceAll(stream.String(), "    istio.io/use-waypoint: none\n", "")), "waypoint", names...)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, n := range names {
			for entry, waypoint := range told {
				if !strings.HasPrefix(entry, n+"/") {
					continue
				}
				if externals++; waypoint != "" {
					t.Fatalf("seed %d: calls to %s pass %s\n%s", seed, entry, waypoint, stream.String())
				}
				if want := n + "/waypoint"; without[entry] != want {
					t.Fatalf("seed %d: without its label, calls to %s pass %q", seed, entry, without[entry])
				}
			}
		}
	}
	if externals == 0 {
		t.Fatal("no external was bound")
	}
	t.Logf("%d hosts of externals in ambient namespaces", externals)
}

package draft

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/meshc/meshc/targets"
)

// A fault changes one object, and every kind of fault comes.
func TestFaults(t *testing.T) {
	manifests := []targets.Manifest{
		{Name: "a", YAML: "kind: A\nmetadata:\n  name: a\nspec:\n  mode: STRICT\n  rules:\n  - ports: [\"80\"]\n  - ports: [\"90\"]\n"},
		{Name: "b", YAML: "kind: B\nmetadata:\n  name: b\nspec: {}\n"},
	}
	seen := map[string]bool{}
	r := rand.New(rand.NewPCG(1, 2))
	f := Faults{Texts: []string{"x"}, Values: map[string][]string{"mode": {"DISABLE"}}}
	for range 200 {
		changed := 0
		after := f.Put(r, manifests)
		for i := range after {
			if len(after) == len(manifests) && after[i].YAML != manifests[i].YAML {
				changed++
				seen[after[i].YAML] = true
			}
		}
		if len(after) < len(manifests) {
			seen["without one"] = true
			changed++
		}
		assert.LessOrEqual(t, changed, 1)
	}
	head := "kind: A\nmetadata:\n  name: a\nspec:\n"
	for _, want := range []string{
		"without one",
		head + "  mode: DISABLE\n  rules:\n  - ports: [\"80\"]\n  - ports: [\"90\"]\n",
		head + "  mode: STRICT\n  rules:\n  - ports: [\"90\"]\n",
		head + "  mode: STRICT\n  rules:\n  - ports: [\"90\"]\n  - ports: [\"90\"]\n",
		head + "  mode: STRICT\n  rules:\n  - ports: [\"80\"]x\n  - ports: [\"90\"]\n",
	} {
		assert.True(t, seen[want], want)
	}
	assert.Equal(t, "kind: B\nmetadata:\n  name: b\nspec: {}\n", manifests[1].YAML)
	assert.Empty(t, f.Put(r, nil))
}

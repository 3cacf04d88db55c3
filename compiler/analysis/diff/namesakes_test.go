package diff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/rollout"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/compiler/config"
)

// Callers that nothing names are represented by names that are found for them. Namespaces, accounts, services and
// labels that are called so are told from them like any others: with them a diff and a rollout say what they say with
// other names.
func TestNamesakes(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	some := func(n int, from ...string) string {
		var words []string
		for range 1 + random.IntN(n) {
			words = append(words, from[random.IntN(len(from))])
		}
		return strings.Join(words, ", ")
	}
	statements := func() (text string) {
		callers := []string{"any", "NAME/*", "NAMEa/*", "NAME/NAME", "NAMEa/NAME", "shop/NAME", "NAME/NAMEa", "shop/*"}
		for range 1 + random.IntN(3) {
			statement := some(2, callers...)
			if statement == "any" && random.IntN(2) == 0 {
				statement += " except " + some(2, callers[1:]...)
			}
			statement += " -> api:8080"
			if random.IntN(3) == 0 {
				statement = "deny " + statement
			}
			text += statement + "\n"
		}
		return text
	}
	const services = "service NAME account NAME label app=NAME port 8080 http\nservice NAMEa account NAMEa label NAME=NAME\n"
	changes := 0
	for round := range 150 {
		texts := [2]string{statements(), statements()}
		shop := config.Dataplane{Ambient: random.IntN(2) == 0}
		if shop.Ambient && random.IntN(2) == 0 {
			shop.Waypoint, shop.WaypointNamespace = "waypoint", "shop"
		}
		told := func(name string) string {
			settings := config.Default()
			settings.Dataplanes = map[string]config.Dataplane{"shop": shop, "plain": {}}
			if round%3 == 0 {
				settings.Dataplanes[name] = config.Dataplane{Ambient: true}
			}
			var sides [2]*model.Model
			for i, text := range texts {
				text = "mesh shop strict\nservice api account api port 8080 http\n" + services + text + "any -> NAME\nmesh NAME strict\n" + services + "any -> NAME\nmesh NAMEa strict\n" + services + "any -> NAME\nmesh plain strict\n" + services + "any -> NAME\n"
				p, manifests := analysistest.CompileWith(t, settings, compiler.Input{Name: "shop.mesh", Text: []byte(strings.ReplaceAll(text, "NAME", name))})
				sides[i] = analysistest.Model(t, p, manifests)
			}
			d, err := diff.Compare(t.Context(), sides[0], sides[1], diff.Options{})
			require.NoError(t, err)
			windows, err := rollout.Windows(t.Context(), sides[0], sides[1])
			require.NoError(t, err)
			text := lines(d)
			for _, w := range windows {
				slices.SortFunc(w.Callers, model.ByName)
				text += fmt.Sprintln(w)
			}
			return text
		}
		want := strings.ReplaceAll(told("lab"), "lab", "other")
		require.Equal(t, want, told("other"), "%d\n%s", round, texts)
		changes += strings.Count(want, "\n")
	}
	require.Greater(t, changes, 200)
}

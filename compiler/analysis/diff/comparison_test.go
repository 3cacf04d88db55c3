package diff

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
)

// Whatever passes on one side only is said, and with a name that means only that.
func TestWhatChangesIsSaid(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		texts := [2]string{written(random, 0).String(), written(random, 0).String()}
		models := [2]*model.Model{modelOf(t, texts[0]), modelOf(t, texts[1])}
		diff, err := Compare(t.Context(), models[0], models[1], Options{})
		require.NoError(t, err)
		d := differ{before: models[0], after: models[1], diff: &Diff{}}
		d.nameCallers()
		opens := false
		for _, w := range d.workloads() {
			for i := range 2 {
				c, err := d.compare(&w)
				require.NoError(t, err)
				groups := c.risen(1-i, i)
				opens = opens || i == 1 && len(groups) > 0
				c.nameSources(groups)
				c.nameOperations(groups)
				means := map[string]space.Set{}
				for _, name := range c.callers {
					if set, there := means[name.Text]; there {
						require.Equal(t, set, name.Set, "%s\n%s", name.Text, texts)
					}
					means[name.Text] = name.Set
				}
				for _, g := range groups {
					kind := [...]Kind{Closed, Opened}[i]
					operations := c.fittingOperations(g, kind)
					_, done := c.operations.Of(g.operations, operations)
					callers := c.fittingSources(g, done, kind)
					said := space.NewSet(len(c.classes.Sources))
					for _, name := range c.callersOf(g.sources, callers) {
						require.NotEmpty(t, name.Text)
						said.AddAll(name.Set)
					}
					require.True(t, g.sources.Within(said), "%d\n%s", round, texts)
					require.True(t, said.Within(callers), "%d\n%s", round, texts)
					require.True(t, g.operations.Within(done), "%d\n%s", round, texts)
					require.True(t, done.Within(operations), "%d\n%s", round, texts)
				}
			}
		}
		if opens {
			require.NotEmpty(t, append(diff.Opened, diff.FailOpen...), "%d\n%s", round, texts)
		} else {
			require.Empty(t, diff.Opened, "%d\n%s", round, texts)
		}
	}
}

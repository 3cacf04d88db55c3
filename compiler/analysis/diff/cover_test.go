package diff

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Whatever names there are, a cover has all that is wanted and nothing that does not fit, as it reads: a name less its
// exceptions.
func TestCover(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		n := 1 + random.IntN(70)
		some := func(share float64) space.Set {
			set := space.NewSet(n)
			for i := range n {
				if random.Float64() < share {
					set.Add(i)
				}
			}
			return set
		}
		want, fits := some(0.3), some(0.5)
		want.Add(random.IntN(n))
		fits.AddAll(want)
		var names []name[int]
		for i := range random.IntN(12) {
			names = append(names, name[int]{text: fmt.Sprint("p", i), set: some(random.Float64()), cost: plain + random.IntN(8)})
		}
		for i := range n {
			set := space.NewSet(n)
			set.Add(i)
			names = append(names, name[int]{text: fmt.Sprint("e", i), set: set, cost: sample})
		}
		widestFirst(names)
		said := space.NewSet(n)
		for _, c := range cover(want, fits, names) {
			reads := c.name.set
			for _, e := range c.except {
				require.NotEqual(t, sample, e.cost, round)
				reads = reads.Minus(e.set)
			}
			require.Equal(t, reads, c.set, round)
			said.AddAll(reads)
		}
		require.True(t, want.Within(said), round)
		require.True(t, said.Within(fits), round)
	}
}

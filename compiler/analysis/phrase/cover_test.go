package phrase

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
		var names []Name[int]
		for i := range random.IntN(12) {
			names = append(names, Name[int]{Text: fmt.Sprint("p", i), Set: some(random.Float64()), Cost: Plain + random.IntN(8)})
		}
		for i := range n {
			set := space.NewSet(n)
			set.Add(i)
			names = append(names, Name[int]{Text: fmt.Sprint("e", i), Set: set, Cost: Sample})
		}
		WidestFirst(names)
		said := space.NewSet(n)
		for _, c := range Cover(want, fits, names) {
			reads := c.Name.Set
			for _, e := range c.Except {
				require.NotEqual(t, Sample, e.Cost, round)
				reads = reads.Minus(e.Set)
			}
			require.Equal(t, reads, c.Set, round)
			said.AddAll(reads)
		}
		require.True(t, want.Within(said), round)
		require.True(t, said.Within(fits), round)
	}
}

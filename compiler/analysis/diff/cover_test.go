package diff

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Whatever pieces there are, a cover has all that is wanted and nothing that does not fit, as it reads: a piece less its
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
		var pieces []piece
		for i := range random.IntN(12) {
			pieces = append(pieces, piece{text: fmt.Sprint("p", i), set: some(random.Float64()), price: plain + random.IntN(8)})
		}
		for i := range n {
			set := space.NewSet(n)
			set.Add(i)
			pieces = append(pieces, piece{text: fmt.Sprint("e", i), set: set, price: example})
		}
		widestFirst(pieces)
		said := space.NewSet(n)
		for _, c := range cover(want, fits, pieces) {
			reads := c.piece.set
			for _, e := range c.except {
				require.NotEqual(t, example, e.price, round)
				reads = reads.Minus(e.set)
			}
			require.Equal(t, reads, c.set, round)
			said.AddAll(reads)
		}
		require.True(t, want.Within(said), round)
		require.True(t, said.Within(fits), round)
	}
}

package check

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// TestRepeats holds what is repeated of rules with few callers and with many against looking through all the rules
// before.
func TestRepeats(t *testing.T) {
	all := make([]policy.Source, 2*many)
	for i := range all {
		all[i].Service = new(policy.Service)
	}
	callees := []*service{{}, {}}
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 200 {
		seen := newRepeats(0)
		var before []*rule
		for i := range 12 {
			one := &rule{callee: callees[r.IntN(len(callees))], key: []string{"", "GET /a"}[r.IntN(2)]}
			one.At = source.Span{File: &source.File{}, Start: int32(i)}
			from := r.IntN(2)
			one.From = all[from : from+1+r.IntN(len(all)-from)]
			if r.IntN(2) == 0 {
				one.From = one.From[:1]
			}
			var first source.Span
			want := true
			for _, f := range one.From {
				has := false
				for _, b := range before {
					if !has && b.callee == one.callee && b.key == one.key {
						for _, other := range b.From {
							has = has || other == f
						}
						if has {
							first = b.At
						}
					}
				}
				want = want && has
			}
			at, got := seen.enter(one)
			require.Equal(t, want, got)
			if want {
				found++
				require.Equal(t, first, at)
			}
			before = append(before, one)
		}
	}
	require.Greater(t, found, 50)
}

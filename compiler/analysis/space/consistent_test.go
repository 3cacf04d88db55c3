package space_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// What is left of a box has the same requests, and none of the values that were taken out has any of them.
func TestConsistent(t *testing.T) {
	values := map[space.Dimension][]string{
		space.Identity: {"cluster.local/ns/shop/sa/web", "cluster.local/ns/shop/*", "*", "cluster.local/ns/pay/sa/api"},
		space.Port:     {"80", "8080", "9090"},
		space.Method:   {"GET", "POST", "P*"},
		space.Path:     {"/a", "/a/*", "/a/b", "*"},
	}
	requests := map[space.Dimension][]string{
		space.Identity: {"", "cluster.local/ns/shop/sa/web", "cluster.local/ns/shop/sa/x", "cluster.local/ns/pay/sa/api", "cluster.local/ns/x/sa/x"},
		space.Port:     {"80", "8080", "9090", "1"}, space.Method: {"GET", "POST", "PUT", "DELETE"}, space.Path: {"/a", "/a/", "/a/b", "/x"},
	}
	empty, fewer := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		pick := func(all []string) string { return all[r.IntN(len(all))] }
		patterns := func(d space.Dimension, most int) (all []space.Pattern) {
			for range r.IntN(most + 1) {
				all = append(all, space.Standard.Pattern(d, pick(values[d])))
			}
			return all
		}
		var box space.Box
		for d := range values {
			for range 1 + r.IntN(2) {
				if c := (space.Condition{Dimension: d, Is: patterns(d, 3), Not: patterns(d, 2)}); len(c.Is)+len(c.Not) > 0 {
					box = append(box, c)
				}
			}
		}
		left, void, _ := space.Standard.Consistent(box)
		if left == nil {
			empty++
		}
		fewer += len(void)
		for range 200 {
			facts := space.Facts{}
			for d, all := range requests {
				facts[d] = pick(all)
			}
			request := space.Standard.Request(true, facts)
			in := space.Standard.In(box, &request)
			require.Equal(t, in, left != nil && space.Standard.In(left, &request), "%v and %v: %v", box, left, facts)
			for _, c := range void {
				require.False(t, in && space.Standard.In(space.Box{c}, &request), "%v is not void in %v: %v", c, box, facts)
			}
		}
	}
	require.Greater(t, empty, 100)
	require.Greater(t, fewer, 100)
}

package reach

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"github.com/meshc/meshc/targets/istio/eval"
)

// piece is a set that has a name: some callers, or some of the things that they may do.
type piece struct {
	text  string
	set   eval.Set
	rough bool // the name of one example, where nothing better is known
}

// named is a piece, less some others.
type named struct {
	*piece
	except []*piece
}

// cover names want by pieces that together have all of it and nothing outside of fits, which has all of want: so
// `GET /api/*` may stand for what was opened even where some of it was open before. It takes the shortest words.
func cover(want, fits eval.Set, pieces []piece) []named {
	pieces = slices.Clone(pieces)
	slices.SortStableFunc(pieces, func(a, b piece) int {
		return cmp.Or(cmp.Compare(b.set.Len(), a.set.Len()), cmp.Compare(a.text, b.text))
	})
	var best []named
	least := -1
	offer := func(list []named) {
		cost := 0
		for _, n := range list {
			cost += n.cost(want)
		}
		if list != nil && (least < 0 || cost < least) {
			best, least = list, cost
		}
	}
	offer(greedy(want, want, pieces))
	offer(greedy(want, fits, pieces))
	for i := range slices.Backward(pieces) {
		p := &pieces[i]
		if !subset(want, p.set) {
			continue
		}
		if subset(p.set, fits) {
			offer([]named{{piece: p}})
			continue
		}
		if out := greedy(p.set.Minus(fits), p.set.Minus(want), pieces); out != nil && len(out) <= 3 {
			n := named{piece: p}
			for _, o := range out {
				n.except = append(n.except, o.piece)
			}
			offer([]named{n})
		}
	}
	return best
}

// cost is about how much a reader has to take in.
func (n named) cost(want eval.Set) int {
	cost := n.piece.cost()
	if len(n.except) > 0 {
		cost += 3
		for _, e := range n.except {
			cost += e.cost()
		}
	} else if !subset(n.set, want) {
		cost += 2 // it says more than what changed
	}
	return cost
}

func (p *piece) cost() int {
	if p.rough {
		return 6
	}
	return 1
}

// greedy covers want by pieces within fits, the largest first; nil where that cannot be done.
func greedy(want, fits eval.Set, pieces []piece) []named {
	left := slices.Clone(want)
	var chosen []*piece
	for _, rough := range []bool{false, true} {
		for i := range pieces {
			p := &pieces[i]
			if p.rough == rough && overlap(p.set, left) && subset(p.set, fits) {
				chosen = append(chosen, p)
				left = left.Minus(p.set)
			}
		}
	}
	if left.Len() > 0 {
		return nil
	}
	var list []named
	for i, p := range slices.Backward(chosen) {
		others := newSet(len(want) * 64)
		for j, o := range chosen {
			if j != i && o != nil {
				join(others, o.set)
			}
		}
		if subset(common(p.set, want), others) {
			chosen[i] = nil
		}
	}
	for _, p := range chosen {
		if p != nil {
			list = append(list, named{piece: p})
		}
	}
	slices.SortStableFunc(list, func(a, b named) int {
		return cmp.Or(cmp.Compare(btoi(a.rough), btoi(b.rough)), cmp.Compare(a.text, b.text))
	})
	return list
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// exceptions is ` except A, B`, empty where there are none. What they begin with, where it was just said, is left out.
func (n named) exceptions(said string) string {
	if len(n.except) == 0 {
		return ""
	}
	words := make([]string, len(n.except))
	for i, e := range n.except {
		words[i] = strings.TrimSpace(strings.TrimPrefix(e.text, said))
	}
	return " except " + strings.Join(words, ", ")
}

func newSet(n int) eval.Set { return make(eval.Set, (n+63)/64) }

func add(s eval.Set, i int) { s[i/64] |= 1 << (i % 64) }

func join(s, t eval.Set) {
	for i := range t {
		s[i] |= t[i]
	}
}

func common(s, t eval.Set) eval.Set {
	both := slices.Clone(s)
	for i := range both {
		both[i] &= t[i]
	}
	return both
}

func subset(s, t eval.Set) bool {
	for i := range s {
		if s[i]&^t[i] != 0 {
			return false
		}
	}
	return true
}

func overlap(s, t eval.Set) bool {
	for i := range s {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

func first(s eval.Set) int {
	for i, w := range s {
		if w != 0 {
			return i*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}

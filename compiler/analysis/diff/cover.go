package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// piece is a set with a name: some callers, or some operations.
type piece struct {
	text   string
	caller string // of callers at some addresses: the text without those
	set    space.Set
	size   int // of the set, once sorted
	price  int // the effort of reading it

	who    *policy.Source // callers as a source of the language; nil where the language has no word for them
	single bool           // callers of one identity, one piece for each
}

// The prices of names.
const (
	plain   = 1
	rough   = 8  // it says little
	example = 30 // the name of one member: it stands for others
)

// named is a piece without some others.
type named struct {
	*piece
	except []*piece
	set    space.Set // what is left
}

// cover names a set by pieces that together include all of want and nothing outside fits, a superset of want: so
// `GET /api/*` may stand for what was opened even if some of it was open before. It chooses the cheapest names. The pieces
// are in the order of widestFirst.
func cover(want, fits space.Set, pieces []piece) []named {
	var within, fitting, all []named
	for i := range pieces {
		p := &pieces[i]
		if !p.set.Meets(want) {
			continue
		}
		n := named{piece: p, set: p.set}
		switch {
		case p.set.Within(want):
			within = append(within, n)
			fallthrough
		case p.set.Within(fits):
			fitting = append(fitting, n)
		case p.price == example:
			continue
		default:
			if n.except = p.less(want, fits, pieces); n.except == nil {
				continue
			}
			n.set = slices.Clone(p.set)
			for _, e := range n.except {
				n.set = n.set.Minus(e.set)
			}
		}
		all = append(all, n)
	}
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
	offer(greedy(want, within))
	offer(greedy(want, fitting))
	offer(greedy(want, all))
	for i := range slices.Backward(all) {
		if want.Within(all[i].set) {
			offer(all[i : i+1])
		}
	}
	return best
}

// widestFirst sorts pieces.
func widestFirst(pieces []piece) {
	for i := range pieces {
		pieces[i].size = pieces[i].set.Len()
	}
	slices.SortStableFunc(pieces, func(a, b piece) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.text, b.text))
	})
}

// mostExceptions is more than anybody reads in one name.
const mostExceptions = 12

// less is pieces that include everything of p that does not fit, and as little as possible of what is wanted: an ALLOW of
// `GET /api/*` that a DENY of `/api/internal/*` narrows is the first except the second. It is nil where there are no such
// pieces.
func (p *piece) less(want, fits space.Set, pieces []piece) []*piece {
	wrong, right := p.set.Minus(fits), p.set.Common(want)
	var chosen []*piece
	for left := wrong.Len(); left > 0; left = wrong.Len() {
		var best *piece
		var lost, gained, most int
		for i := range pieces {
			e := &pieces[i]
			if e.price == example || !e.set.Meets(wrong) || right.Within(e.set) {
				continue
			}
			l, g := e.set.Shared(right), e.set.Shared(wrong)
			most = max(most, g)
			if best == nil || l < lost || l == lost && (g*best.price > gained*e.price || g*best.price == gained*e.price && p.who != nil && e.who == p.who) {
				best, lost, gained = e, l, g
			}
		}
		if best == nil || left > most*(mostExceptions-len(chosen)) {
			return nil // even the most exceptions allowed would not be enough
		}
		chosen = append(chosen, best)
		wrong, right = wrong.Minus(best.set), right.Minus(best.set)
	}
	slices.SortFunc(chosen, func(a, b *piece) int { return cmp.Compare(a.text, b.text) })
	return chosen
}

// cost is roughly the effort of reading the name.
func (n *named) cost(want space.Set) int {
	cost := n.price
	if len(n.except) > 0 {
		cost += 3
	}
	for _, e := range n.except {
		cost += e.price
	}
	if !n.set.Within(want) {
		cost += 2 // it includes more than what changed
	}
	return cost
}

// greedy covers want by the names with the best ratio of size to cost; nil where the names do not cover it.
func greedy(want space.Set, names []named) []named {
	worth := make([]float64, len(names))
	order := make([]int, len(names))
	for i := range names {
		worth[i] = float64(names[i].set.Shared(want)) / float64(names[i].cost(want))
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(worth[b], worth[a]) })
	left := slices.Clone(want)
	var chosen []named
	said := make([]int, len(want)*64) // by how many
	for _, i := range order {
		if n := names[i]; n.set.Meets(left) {
			chosen = append(chosen, n)
			left = left.Minus(n.set)
			for member := range n.set.Common(want).All() {
				said[member]++
			}
		}
	}
	if left.Len() > 0 {
		return nil
	}
	// A name chosen early may be covered by later ones.
	for i := range slices.Backward(chosen) {
		members := chosen[i].set.Common(want)
		alone := false
		for member := range members.All() {
			alone = alone || said[member] == 1
		}
		if alone {
			continue
		}
		for member := range members.All() {
			said[member]--
		}
		chosen = slices.Delete(chosen, i, i+1)
	}
	// Names with exceptions come last, so that no other name is read as an exception.
	slices.SortStableFunc(chosen, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.price, b.price),
			cmp.Compare(btoi(len(a.except) > 0), btoi(len(b.except) > 0)), cmp.Compare(a.text, b.text))
	})
	return chosen
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// exceptions is ` except A, B`; empty where there are none. A beginning that was just written is not repeated.
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

func hasOne(s space.Set, is func(i int) bool) bool {
	for i := range s.All() {
		if is(i) {
			return true
		}
	}
	return false
}

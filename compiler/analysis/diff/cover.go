package diff

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// name is a named set: of sources, or of classes of operations.
type name[T any] struct {
	value T
	text  string
	group string // of callers at some addresses: who they are
	set   space.Set
	size  int // of the set, once sorted
	cost  int // the effort of reading it
}

// The costs of names.
const (
	plain  = 1
	brief  = 2  // it has two parts
	vague  = 8  // it says little
	sample = 30 // it is the name of one member, which stands for others
)

// phrase is a name without some others.
type phrase[T any] struct {
	*name[T]
	except []*name[T]
	set    space.Set // what is left
}

// cover names a set by phrases that together include all of want and nothing outside fits, a superset of want: so
// `GET /api/*` may stand for what was opened even if some of it was open before. It chooses the cheapest. The names are in
// the order of widestFirst.
func cover[T any](want, fits space.Set, names []name[T]) []phrase[T] {
	var within, fitting, all []phrase[T]
	for i := range names {
		p := &names[i]
		if !p.set.Meets(want) {
			continue
		}
		n := phrase[T]{name: p, set: p.set}
		switch {
		case p.set.Within(want):
			within = append(within, n)
			fallthrough
		case p.set.Within(fits):
			fitting = append(fitting, n)
		case p.cost == sample:
			continue
		default:
			if n.except = p.less(want, fits, names); n.except == nil {
				continue
			}
			n.set = slices.Clone(p.set)
			for _, e := range n.except {
				n.set = n.set.Minus(e.set)
			}
		}
		all = append(all, n)
	}
	var best []phrase[T]
	least := -1
	offer := func(list []phrase[T]) {
		cost := 0
		for _, n := range list {
			cost += n.reading(want)
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

func widestFirst[T any](names []name[T]) {
	for i := range names {
		names[i].size = names[i].set.Len()
	}
	slices.SortStableFunc(names, func(a, b name[T]) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.text, b.text))
	})
}

// mostExceptions is more than anyone reads in one phrase.
const mostExceptions = 12

// less is names that include everything of p that does not fit, and as little as possible of what is wanted: an ALLOW of
// `GET /api/*` that a DENY of `/api/internal/*` narrows is the first except the second. It is nil where there are no such
// names. Of several that are as good, the same callers at some addresses come first.
func (p *name[T]) less(want, fits space.Set, names []name[T]) []*name[T] {
	wrong, right := p.set.Minus(fits), p.set.Common(want)
	useless := func(e *name[T]) bool { return e.cost == sample || !e.set.Meets(wrong) || right.Within(e.set) }
	var chosen, useful []*name[T]
	for i := range names {
		if e := &names[i]; !useless(e) {
			useful = append(useful, e)
		}
	}
	for left := wrong.Len(); left > 0; left = wrong.Len() {
		var best *name[T]
		var lost, gained, most int
		for _, e := range useful {
			l, g := e.set.Shared(right), e.set.Shared(wrong)
			most = max(most, g)
			if best == nil || l < lost || l == lost && (g*best.cost > gained*e.cost || g*best.cost == gained*e.cost && p.group != "" && e.group == p.group) {
				best, lost, gained = e, l, g
			}
		}
		if best == nil || left > most*(mostExceptions-len(chosen)) {
			return nil // even the most exceptions allowed would not be enough
		}
		chosen = append(chosen, best)
		wrong, right = wrong.Minus(best.set), right.Minus(best.set)
		useful = slices.DeleteFunc(useful, useless) // what is useless stays so
	}
	slices.SortFunc(chosen, func(a, b *name[T]) int { return cmp.Compare(a.text, b.text) })
	return chosen
}

// reading is roughly the effort of reading the phrase.
func (n *phrase[T]) reading(want space.Set) int {
	cost := n.cost
	if len(n.except) > 0 {
		cost += 3
	}
	for _, e := range n.except {
		cost += e.cost
	}
	if !n.set.Within(want) {
		cost += 2 // it includes more than what changed
	}
	return cost
}

// greedy covers want by the phrases with the best ratio of size to cost; nil where they do not cover it.
func greedy[T any](want space.Set, phrases []phrase[T]) []phrase[T] {
	worth := make([]float64, len(phrases))
	order := make([]int, len(phrases))
	for i := range phrases {
		worth[i] = float64(phrases[i].set.Shared(want)) / float64(phrases[i].reading(want))
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(worth[b], worth[a]) })
	left := slices.Clone(want)
	var chosen []phrase[T]
	times := make([]int, len(want)*64) // how often each member is named
	for _, i := range order {
		if n := phrases[i]; n.set.Meets(left) {
			chosen = append(chosen, n)
			left = left.Minus(n.set)
			for member := range n.set.Common(want).All() {
				times[member]++
			}
		}
	}
	if left.Len() > 0 {
		return nil
	}
	// A phrase chosen early may be covered by later ones.
	for i := range slices.Backward(chosen) {
		members := chosen[i].set.Common(want)
		alone := false
		for member := range members.All() {
			alone = alone || times[member] == 1
		}
		if alone {
			continue
		}
		for member := range members.All() {
			times[member]--
		}
		chosen = slices.Delete(chosen, i, i+1)
	}
	// Phrases with exceptions come last, so that no other is read as an exception.
	slices.SortStableFunc(chosen, func(a, b phrase[T]) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost),
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

func hasOne(s space.Set, is func(i int) bool) bool {
	for i := range s.All() {
		if is(i) {
			return true
		}
	}
	return false
}

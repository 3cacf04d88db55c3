package phrase

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Name is a named set: of sources, or of classes of operations.
type Name[T any] struct {
	Value T
	Text  string
	Group string // of callers at some addresses: who they are
	Set   space.Set
	size  int  // of the set, once sorted
	Cost  int  // the effort of reading it
	Bare  bool // nobody says it as it is, so that it should not stand for more than is meant
	Nests bool // as an exception it has to be told from what holds for all
}

// The costs of names.
const (
	Plain  = 1
	Brief  = 2  // it has two parts
	Vague  = 8  // it says little
	Sample = 30 // it is the name of one member, which stands for others
)

// Phrase is a name without some others.
type Phrase[T any] struct {
	*Name[T]
	Except []*Name[T]
	Set    space.Set // what is left
}

// Cover names a set by phrases that together include all of want and nothing outside fits, a superset of want: so
// `GET /api/*` may stand for what was opened even if some of it was open before. It chooses the cheapest. The names are
// in the order of WidestFirst.
func Cover[T any](want, fits space.Set, names []Name[T]) []Phrase[T] {
	var within, fitting, all []Phrase[T]
	for i := range names {
		p := &names[i]
		if !p.Set.Meets(want) {
			continue
		}
		n := Phrase[T]{Name: p, Set: p.Set}
		switch {
		case p.Set.Within(want):
			within = append(within, n)
			fallthrough
		case p.Set.Within(fits):
			fitting = append(fitting, n)
		case p.Cost == Sample:
			continue
		default:
			all = append(all, p.without(want, fits, names)...)
			continue
		}
		all = append(all, n)
	}
	var best []Phrase[T]
	least := -1
	offer := func(list []Phrase[T]) {
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
	offer(greedy(want, slices.DeleteFunc(slices.Clone(all), func(n Phrase[T]) bool { return n.nests() })))
	for i := range slices.Backward(all) {
		if want.Within(all[i].Set) {
			offer(all[i : i+1])
		}
	}
	return best
}

// WidestFirst sorts names, so that those of larger sets come first.
func WidestFirst[T any](names []Name[T]) {
	for i := range names {
		names[i].size = names[i].Set.Len()
	}
	slices.SortStableFunc(names, func(a, b Name[T]) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.Text, b.Text))
	})
}

// without is the name without what does not fit: as little as can be, and as little as can be by exceptions that do not
// nest.
func (p *Name[T]) without(want, fits space.Set, names []Name[T]) (all []Phrase[T]) {
	for _, nests := range []bool{true, false} {
		n := Phrase[T]{Name: p, Except: p.less(want, fits, names, nests)}
		if n.Except == nil {
			break
		}
		n.Set = slices.Clone(p.Set)
		for _, e := range n.Except {
			n.Set.RemoveAll(e.Set)
		}
		if all = append(all, n); !n.nests() {
			break
		}
	}
	return all
}

// nests reports whether an exception does.
func (n *Phrase[T]) nests() bool {
	return slices.ContainsFunc(n.Except, func(e *Name[T]) bool { return e.Nests })
}

// mostExceptions is more than anyone reads in one phrase.
const mostExceptions = 12

// less is names that include everything of p that does not fit, and as little as possible of what is wanted: an ALLOW
// of `GET /api/*` that a DENY of `/api/internal/*` narrows is the first except the second. It is nil where there are no
// such names. Of several that are as good, the same callers at some addresses come first.
func (p *Name[T]) less(want, fits space.Set, names []Name[T], nests bool) []*Name[T] {
	wrong, right := p.Set.Minus(fits), p.Set.Common(want)
	useless := func(e *Name[T]) bool {
		return e.Cost == Sample || e.Nests && !nests || !e.Set.Meets(wrong) || right.Within(e.Set)
	}
	var chosen, useful []*Name[T]
	for i := range names {
		if e := &names[i]; !useless(e) {
			useful = append(useful, e)
		}
	}
	for left := wrong.Len(); left > 0; left = wrong.Len() {
		var best *Name[T]
		var lost, gained, most int
		for _, e := range useful {
			l, g := e.Set.Shared(right), e.Set.Shared(wrong)
			most = max(most, g)
			if best == nil || l < lost || l == lost && (g*best.excepting() > gained*e.excepting() || g*best.excepting() == gained*e.excepting() && p.Group != "" && e.Group == p.Group) {
				best, lost, gained = e, l, g
			}
		}
		if best == nil || left > most*(mostExceptions-len(chosen)) {
			return nil // even the most exceptions allowed would not be enough
		}
		chosen = append(chosen, best)
		wrong, right = wrong.Minus(best.Set), right.Minus(best.Set)
		useful = slices.DeleteFunc(useful, useless) // what is useless stays so
	}
	chosen = p.needed(chosen, fits)
	slices.SortFunc(chosen, func(a, b *Name[T]) int { return cmp.Compare(a.Text, b.Text) })
	return chosen
}

// excepting is the effort of reading the name as an exception.
func (p *Name[T]) excepting() int {
	if p.Nests {
		return p.Cost + 6
	}
	return p.Cost
}

// needed is exceptions without those that later ones make needless.
func (p *Name[T]) needed(exceptions []*Name[T], fits space.Set) []*Name[T] {
	for i := 0; i < len(exceptions); {
		wrong := p.Set.Minus(fits)
		for j, e := range exceptions {
			if i != j {
				wrong.RemoveAll(e.Set)
			}
		}
		if wrong.Empty() {
			exceptions = slices.Delete(exceptions, i, i+1)
		} else {
			i++
		}
	}
	return exceptions
}

// reading is roughly the effort of reading the phrase.
func (n *Phrase[T]) reading(want space.Set) int {
	cost := n.Cost
	if len(n.Except) > 0 {
		cost += 3
	}
	for _, e := range n.Except {
		cost += e.excepting()
	}
	switch { // it may include more than what changed
	case n.Set.Within(want):
	case n.Bare:
		cost += 6
	default:
		cost += 2
	}
	return cost
}

// greedy covers want by the phrases with the best ratio of size to cost; nil where they do not cover it.
func greedy[T any](want space.Set, phrases []Phrase[T]) []Phrase[T] {
	worth := make([]float64, len(phrases))
	order := make([]int, len(phrases))
	for i := range phrases {
		worth[i] = float64(phrases[i].Set.Shared(want)) / float64(phrases[i].reading(want))
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(worth[b], worth[a]) })
	left := slices.Clone(want)
	var chosen []Phrase[T]
	times := make([]int, len(want)*64) // how often each member is named
	for _, i := range order {
		if n := phrases[i]; n.Set.Meets(left) {
			chosen = append(chosen, n)
			left = left.Minus(n.Set)
			for member := range n.Set.Common(want).All() {
				times[member]++
			}
		}
	}
	if left.Len() > 0 {
		return nil
	}
	// A phrase chosen early may be covered by later ones.
	for i := range slices.Backward(chosen) {
		members := chosen[i].Set.Common(want)
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
	slices.SortStableFunc(chosen, func(a, b Phrase[T]) int {
		return cmp.Or(cmp.Compare(min(1, len(a.Except)), min(1, len(b.Except))), cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.Text, b.Text))
	})
	return chosen
}

package format

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/lang"
)

// clause is one clause of a destination: where it begins, and its place in the order in which clauses are written.
type clause struct {
	start int32
	rank  int
}

// The order of the clauses after the operations of a destination.
const (
	exceptions = iota
	headers
	credentials
)

// clausesInOrder puts the clauses of each destination into their order, unless there are comments between them.
func clausesInOrder(tokens []lang.Token, s lang.Stmt) []lang.Token {
	lang.Walk(s, func(n lang.Node) bool {
		switch n := n.(type) {
		case *lang.Target:
			tokens = inOrder(tokens, &n.Requests)
		case *lang.Export:
			tokens = inOrder(tokens, &n.Requests)
		}
		return true
	})
	return tokens
}

func inOrder(tokens []lang.Token, requests *lang.Requests) []lang.Token {
	r := requests.Clauses()
	if len(r.Headers)+len(r.With) == 0 || len(r.Except)+len(r.Headers)+len(r.With) == 1 {
		return tokens
	}
	var all []clause
	last := -1 // the last word
	for i, t := range tokens {
		if t.Blank() {
			continue
		}
		if slices.ContainsFunc(r.Except, func(e lang.Exception) bool { return e.Range.Start == t.Start }) && tokens[last].Kind == lang.KindName {
			all = append(all, clause{tokens[last].Start, exceptions})
		}
		last = i
	}
	for _, h := range r.Headers {
		all = append(all, clause{h.Range.Start, headers})
	}
	for _, c := range r.With {
		all = append(all, clause{c.Range.Start, credentials})
	}
	slices.SortFunc(all, func(a, b clause) int { return cmp.Compare(a.start, b.start) })
	at := func(offset int32) int {
		return slices.IndexFunc(tokens, func(t lang.Token) bool { return t.Start >= offset })
	}
	end := at(requests.Extent().End)
	if end < 0 {
		end = len(tokens)
	}
	chunks := make([][]lang.Token, len(all))
	next := end
	for i, c := range slices.Backward(all) {
		first := at(c.start)
		chunks[i], next = tokens[first:next], first
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all[a].rank, all[b].rank) })
	comment := func(t lang.Token) bool { return t.Kind == lang.KindComment }
	if slices.IsSorted(order) || slices.ContainsFunc(tokens[next:end], comment) {
		return tokens
	}
	moved := slices.Clone(tokens[:next])
	for _, i := range order {
		moved = append(moved, chunks[i]...)
	}
	return append(moved, tokens[end:]...)
}

// exceptPorts returns where the ports begin that `except` leaves out. Their colons do not touch the word in front.
func exceptPorts(s lang.Stmt) (starts []int32) {
	lang.Walk(s, func(n lang.Node) bool {
		if e, ok := n.(*lang.Exception); ok && e.Port.Present() {
			starts = append(starts, e.Range.Start)
		}
		return true
	})
	return starts
}

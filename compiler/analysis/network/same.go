package network

import (
	"reflect"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Same reports whether two policies of one name are known to let through the same, wherever they are.
func Same(a, b *Policy) bool {
	return !a.Broken && !b.Broken && reflect.DeepEqual(a.nowhere(), b.nowhere())
}

// nowhere is the policy without its place.
func (p *Policy) nowhere() Policy {
	q := *p
	q.At = source.Span{}
	for d := range q.Rules {
		q.Rules[d] = slices.Clone(q.Rules[d])
		for i := range q.Rules[d] {
			q.Rules[d][i].At = source.Span{}
		}
	}
	return q
}

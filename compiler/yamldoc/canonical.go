package yamldoc

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxCanonical bounds, about, what Canonical writes of the large values that aliases make of short texts.
const MaxCanonical = 4 << 20

// Canonical writes a value in a form that does not depend on how it is written: with its keys sorted, and without those
// that have no value.
func Canonical(b *strings.Builder, n *yaml.Node) {
	switch n = Resolve(n); {
	case n == nil, b.Len() > MaxCanonical:
	case n.Kind == yaml.MappingNode:
		b.WriteByte('{')
		for _, p := range Sorted(n) {
			b.WriteString(strconv.Quote(p.Key.Value) + ": ")
			Canonical(b, p.Value)
			b.WriteString(", ")
		}
		b.WriteByte('}')
	case n.Kind == yaml.SequenceNode:
		b.WriteByte('[')
		for _, item := range n.Content {
			Canonical(b, item)
			b.WriteString(", ")
		}
		b.WriteByte(']')
	default:
		b.WriteString(n.ShortTag() + " " + strconv.Quote(n.Value))
	}
}

// Sorted is the pairs of a mapping that have a value, by their keys.
func Sorted(n *yaml.Node) []Pair {
	if n = Resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	pairs, _ := Pairs(n)
	pairs = slices.DeleteFunc(slices.Clone(pairs), func(p Pair) bool { return Null(Resolve(p.Value)) })
	slices.SortFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.Key.Value, b.Key.Value) })
	return pairs
}

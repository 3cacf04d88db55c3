// Package replace removes from manifests of others the objects that statements of a project say.
//
// An object is removed only if it is the one that was imported, which its digest shows, if it is in one place alone, and if
// what applies its file still works without it. What stays has a reason.
package replace

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
)

// Digest returns sha256:HEX of what an object asks for: its spec, and the labels and annotations that Istio reads. It does not
// depend on how the object is written, or on what a cluster adds to it. It is empty for what is larger than any object.
func Digest(object *yaml.Node) string {
	var b strings.Builder
	canonical(&b, yamldoc.Get(object, "spec"))
	for _, key := range []string{"labels", "annotations"} {
		pairs := sorted(yamldoc.Get(object, "metadata", key))
		for _, p := range slices.DeleteFunc(pairs, func(p yamldoc.Pair) bool { return !strings.Contains(p.Key.Value, "istio.io/") }) {
			b.WriteString("\n" + key + " " + strconv.Quote(p.Key.Value) + ": ")
			canonical(&b, p.Value)
		}
	}
	if b.Len() > maxText {
		return ""
	}
	sum := sha256.Sum256([]byte(b.String()))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// maxText bounds the large values that aliases make of short texts.
const maxText = 4 << 20

// canonical writes a value with its keys sorted, and without those that have no value.
func canonical(b *strings.Builder, n *yaml.Node) {
	switch n = yamldoc.Resolve(n); {
	case n == nil, b.Len() > maxText:
	case n.Kind == yaml.MappingNode:
		b.WriteByte('{')
		for _, p := range sorted(n) {
			b.WriteString(strconv.Quote(p.Key.Value) + ": ")
			canonical(b, p.Value)
			b.WriteString(", ")
		}
		b.WriteByte('}')
	case n.Kind == yaml.SequenceNode:
		b.WriteByte('[')
		for _, item := range n.Content {
			canonical(b, item)
			b.WriteString(", ")
		}
		b.WriteByte(']')
	default:
		b.WriteString(n.ShortTag() + " " + strconv.Quote(n.Value))
	}
}

// sorted is the pairs of a mapping that have a value, by their keys.
func sorted(n *yaml.Node) []yamldoc.Pair {
	if n = yamldoc.Resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	pairs, _ := yamldoc.Pairs(n)
	pairs = slices.DeleteFunc(slices.Clone(pairs), func(p yamldoc.Pair) bool {
		v := yamldoc.Resolve(p.Value)
		return v == nil || v.Kind == yaml.ScalarNode && v.ShortTag() == "!!null"
	})
	slices.SortFunc(pairs, func(a, b yamldoc.Pair) int { return cmp.Compare(a.Key.Value, b.Key.Value) })
	return pairs
}

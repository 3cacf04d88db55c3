package yamldoc

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// Pair is a key of a mapping with its value; neither is an alias.
type Pair struct {
	Key, Value *yaml.Node
	Merged     bool // comes from a merge key (`<<`)
}

// Repeat is a key that a mapping has twice.
type Repeat struct{ First, Again *yaml.Node }

// Resolve returns what an alias stands for, and any other node itself.
func Resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// Pairs returns the keys and values of a mapping in their order, then those from merge keys; own keys take precedence.
// A mapping is unfolded once however often it is merged, so the work is bounded by the size of the document. Of a
// repeated key the first counts, and the other is a Repeat.
func Pairs(mapping *yaml.Node) ([]Pair, []Repeat) {
	return PairsInto(make([]Pair, 0, len(mapping.Content)/2), mapping)
}

// PairsInto is Pairs in the memory of a list.
func PairsInto(pairs []Pair, mapping *yaml.Node) ([]Pair, []Repeat) {
	pairs = pairs[:0]
	var repeats []Repeat
	var merges []*yaml.Node
	seen := index{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := Resolve(mapping.Content[i]), Resolve(mapping.Content[i+1])
		if first := seen.add(key, pairs); first != nil {
			repeats = append(repeats, Repeat{first, mapping.Content[i]})
			continue
		}
		if merge(mapping.Content[i]) {
			merges = append(merges, value)
		}
		pairs = append(pairs, Pair{Key: key, Value: value})
	}
	if merges == nil {
		return pairs, repeats
	}
	own := pairs[:0:0]
	for _, p := range pairs {
		if !merge(p.Key) {
			own = append(own, p)
		}
	}
	return unfold(own, merges), repeats
}

func unfold(pairs []Pair, merges []*yaml.Node) []Pair {
	keys := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		keys[p.Key.Value] = true
	}
	visited := map[*yaml.Node]bool{}
	for len(merges) > 0 {
		from := Resolve(merges[0])
		merges = merges[1:]
		if from == nil || visited[from] {
			continue
		}
		visited[from] = true
		var deeper []*yaml.Node
		switch from.Kind {
		case yaml.SequenceNode:
			deeper = append(deeper, from.Content...)
		case yaml.MappingNode:
			for i := 0; i+1 < len(from.Content); i += 2 {
				key, value := Resolve(from.Content[i]), Resolve(from.Content[i+1])
				switch {
				case merge(key):
					deeper = append(deeper, value)
				case !keys[key.Value]:
					keys[key.Value] = true
					pairs = append(pairs, Pair{Key: key, Value: value, Merged: true})
				}
			}
		}
		merges = append(deeper, merges...)
	}
	return pairs
}

func merge(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" }

// index finds repeated keys: by comparison in small mappings, with a map in large ones.
type index struct{ keys map[string]*yaml.Node }

func (x *index) add(key *yaml.Node, before []Pair) *yaml.Node {
	const small = 12
	if key.Kind != yaml.ScalarNode {
		return nil
	}
	if x.keys == nil && len(before) < small {
		for _, p := range before {
			if p.Key.Kind == yaml.ScalarNode && p.Key.Value == key.Value {
				return p.Key
			}
		}
		return nil
	}
	if x.keys == nil {
		x.keys = make(map[string]*yaml.Node, 2*small)
		for _, p := range before {
			if p.Key.Kind == yaml.ScalarNode {
				x.keys[p.Key.Value] = p.Key
			}
		}
	}
	if first := x.keys[key.Value]; first != nil {
		return first
	}
	x.keys[key.Value] = key
	return nil
}

// Get follows keys down nested mappings to a value, nil where there is none. Of a repeated key the first counts.
func Get(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		if _, n = Find(n, key); n == nil {
			return nil
		}
	}
	return Resolve(n)
}

// Scalar follows keys as Get does, and returns the text of the scalar there: empty for null and anything else.
func Scalar(n *yaml.Node, keys ...string) string {
	if n = Get(n, keys...); n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

// Items returns the items of a sequence; none of anything else.
func Items(n *yaml.Node) []*yaml.Node {
	n = Resolve(n)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	if !slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return item.Kind == yaml.AliasNode }) {
		return slices.Clip(n.Content)
	}
	all := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		all[i] = Resolve(item)
	}
	return all
}

// Null reports whether a node is null or absent.
func Null(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// Find returns a key of a mapping and its value, nil where the mapping has no such key.
func Find(mapping *yaml.Node, key string) (at, value *yaml.Node) {
	mapping = Resolve(mapping)
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil, nil
	}
	merged := false
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		switch k := mapping.Content[i]; {
		case k.Kind == yaml.ScalarNode && k.Value == key:
			return k, Resolve(mapping.Content[i+1])
		case merge(k):
			merged = true
		}
	}
	if merged {
		pairs, _ := Pairs(mapping)
		for _, p := range pairs {
			if p.Key.Value == key {
				return p.Key, p.Value
			}
		}
	}
	return nil, nil
}

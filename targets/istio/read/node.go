package read

import (
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/source"
)

// tree is a document.
type tree struct {
	plainyaml.Tree
	file     *source.File
	document source.Span

	// Of all files:
	indexes    []string // `[0]` and so on
	scratch    []space.Pattern
	lists      map[listKey][]space.Pattern
	patterns   slab[space.Pattern]
	conditions slab[space.Condition]
	boxes      slab[space.Box]
	objects    slab[enforce.Object]
}

// listKey is what a list of patterns is looked up by.
type listKey struct {
	first, last space.Pattern
	n           int
}

// many is how long a list is of which one is kept for all objects that have it: the callers of `* -> *` are thousands
// everywhere.
const many = 32

// keep copies patterns, or gives the same patterns as they were kept before.
func (t *tree) keep(patterns []space.Pattern) []space.Pattern {
	n := len(patterns)
	if n < many {
		return t.patterns.kept(patterns)
	}
	key := listKey{patterns[0], patterns[n-1], n}
	if kept := t.lists[key]; slices.Equal(kept, patterns) {
		return kept
	}
	if t.lists == nil {
		t.lists = map[listKey][]space.Pattern{}
	}
	t.lists[key] = slices.Clone(patterns)
	return t.lists[key]
}

// length is the number of the children of a node.
func (t *tree) length(i int32) (n int) {
	for c := t.Nodes[i].First; c != 0; c = t.Nodes[c].Next {
		n++
	}
	return n
}

// index is the step of a path to an item of a list.
func (t *tree) index(i int) string {
	for n := len(t.indexes); n <= i; n++ {
		t.indexes = append(t.indexes, "["+strconv.Itoa(n)+"]")
	}
	return t.indexes[i]
}

func (t *tree) reset(f *source.File) {
	t.file = f
	t.Reset()
}

// span returns the span of a value, or of its key if the value is empty.
func (t *tree) span(i int32) source.Span {
	n := &t.Nodes[i]
	if n.Start == n.End {
		return t.keySpan(i)
	}
	return t.file.Span(int(n.Start), int(n.End))
}

func (t *tree) keySpan(i int32) source.Span {
	n := &t.Nodes[i]
	return t.file.Span(int(n.KeyStart), int(n.KeyEnd))
}

package yamldoc

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// maxDepth is far more than any Kubernetes object needs and far less than what overflows the stack of a function that
// follows every value of a document, and every alias.
const maxDepth = 500

// expansion is how many values a document may have beyond its size in bytes, by aliases: what follows them all must
// end.
const expansion = 100_000

// nestingError is the error about a document whose values do not end within these limits, once aliases are followed.
type nestingError struct {
	node *yaml.Node // the first that is beyond one, or the alias that makes it so
	kind nesting
}

type nesting uint8

const (
	tooDeep nesting = iota
	tooMany
	endless // the alias is a part of what it stands for
)

func (e *nestingError) Error() string {
	switch e.kind {
	case endless:
		return fmt.Sprintf("the alias *%s is a part of what it stands for", e.node.Value)
	case tooMany:
		return fmt.Sprintf("with what aliases stand for, this is more than %d values", expansion)
	}
	return fmt.Sprintf("nested more than %d levels deep", maxDepth)
}

func (e *nestingError) in(d *Document) *SyntaxError {
	s := &SyntaxError{Message: e.Error(), Span: d.Span(e.node)}
	if e.kind != tooDeep {
		s.Help = "write out what is meant"
	}
	return s
}

// nested returns the error about the values of a text under their root; nil if there is none.
func nested(text string, root *yaml.Node) *nestingError {
	m := measure{most: len(text) + expansion}
	m.of(root, 0)
	return m.wrong
}

type measure struct {
	most    int
	extents map[*yaml.Node]extent // of the nodes with an anchor; what contains an alias of itself has none yet
	wrong   *nestingError
}

// extent is how deep a value is and how many it has, with itself, once aliases are followed.
type extent struct{ height, values int }

// of returns the extent of a node at a depth.
func (m *measure) of(n *yaml.Node, depth int) extent {
	e := extent{values: 1}
	if n.Kind == yaml.AliasNode {
		known, ended := m.extents[n.Alias]
		if !ended {
			m.wrong = &nestingError{n, endless}
			return e
		}
		e = known
	}
	if depth+e.height > maxDepth {
		m.wrong = &nestingError{n, tooDeep}
		return e
	}
	for _, inner := range n.Content {
		i := m.of(inner, depth+1)
		e.height, e.values = max(e.height, 1+i.height), e.values+i.values
		if m.wrong == nil && e.values > m.most {
			m.wrong = &nestingError{inner, tooMany}
		}
		if m.wrong != nil {
			return e
		}
	}
	if n.Anchor != "" {
		if m.extents == nil {
			m.extents = map[*yaml.Node]extent{}
		}
		m.extents[n] = e
	}
	return e
}

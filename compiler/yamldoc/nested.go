package yamldoc

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// maxDepth is far more than any Kubernetes object needs and far less than what overflows the stack of a function that follows
// every value of a document, and every alias.
const maxDepth = 500

// nestingError is the error about a document whose values do not end within maxDepth, once aliases are followed.
type nestingError struct {
	node    *yaml.Node // the first that is too deep, or the alias that makes it so
	endless bool       // the alias is a part of what it stands for
}

func (e *nestingError) Error() string {
	if e.endless {
		return fmt.Sprintf("the alias *%s is a part of what it stands for", e.node.Value)
	}
	return fmt.Sprintf("nested more than %d levels deep", maxDepth)
}

func (e *nestingError) in(d *Document) *SyntaxError {
	s := &SyntaxError{Message: e.Error(), Span: d.Span(e.node)}
	if e.endless {
		s.Help = "write out what is meant"
	}
	return s
}

// nested returns the error about the values under a root; nil if there is none.
func nested(root *yaml.Node) *nestingError {
	m := measure{}
	m.height(root, 0)
	return m.wrong
}

type measure struct {
	heights map[*yaml.Node]int // of the nodes with an anchor; what contains an alias of itself has none yet
	wrong   *nestingError
}

// height returns the height of a node at a depth.
func (m *measure) height(n *yaml.Node, depth int) int {
	height := 0
	if n.Kind == yaml.AliasNode {
		known, ended := m.heights[n.Alias]
		if !ended {
			m.wrong = &nestingError{node: n, endless: true}
			return 0
		}
		height = known
	}
	if depth+height > maxDepth {
		m.wrong = &nestingError{node: n}
		return 0
	}
	for _, inner := range n.Content {
		height = max(height, 1+m.height(inner, depth+1))
		if m.wrong != nil {
			return 0
		}
	}
	if n.Anchor != "" {
		if m.heights == nil {
			m.heights = map[*yaml.Node]int{}
		}
		m.heights[n] = height
	}
	return height
}

package yamldoc

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
)

// written returns the root that the library would make of a document, if it is one as programs write them; nil
// otherwise. A document with comments is left to the library, which keeps them.
func (m *Memory) written(text string) *yaml.Node {
	if strings.IndexByte(text, '#') >= 0 {
		return nil
	}
	m.tree.Nodes = slices.Grow(m.tree.Nodes[:0], 1+strings.Count(text, "\n"))
	m.tree.Reset()
	if !m.tree.Read(text, 0) || len(m.tree.Nodes) < 2 {
		return nil
	}
	keys := 0
	for i := range m.tree.Nodes[1:] {
		switch n := &m.tree.Nodes[i+1]; {
		case n.Start == n.End: // a value that is left out has no place of its own
			return nil
		case n.KeyEnd > 0:
			keys++
		}
	}
	all := len(m.tree.Nodes) - 1 + keys
	m.nodes, m.lists = slices.Grow(m.nodes[:0], all)[:all], slices.Grow(m.lists[:0], all)[:all]
	clear(m.nodes)
	c := nodes{text: text, from: m.tree.Nodes, free: m.nodes, lists: m.lists, line: 1}
	return c.value(1)
}

// nodes makes nodes of the library from those of a tree, in the order of the text.
type nodes struct {
	text      string
	from      []plainyaml.Node
	free      []yaml.Node
	lists     []*yaml.Node // what is left for contents
	line      int
	lineStart int
}

// at returns a node that begins at an offset, which is not before the one of the call before.
func (c *nodes) at(offset int32) *yaml.Node {
	line := c.text[c.lineStart:offset]
	if n := strings.Count(line, "\n"); n > 0 {
		c.line += n
		c.lineStart += strings.LastIndexByte(line, '\n') + 1
	}
	n := &c.free[0]
	c.free = c.free[1:]
	n.Line, n.Column = c.line, int(offset)-c.lineStart+1
	return n
}

func (c *nodes) value(i int32) *yaml.Node {
	from := &c.from[i]
	n := c.at(from.Start)
	opening := c.text[from.Start]
	switch from.Kind {
	case plainyaml.Mapping:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	case plainyaml.Sequence:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	default:
		n.Kind, n.Value, n.Tag = yaml.ScalarNode, from.Text, "!!str"
		switch opening {
		case '\'':
			n.Style = yaml.SingleQuotedStyle
		case '"':
			n.Style = yaml.DoubleQuotedStyle
		default:
			n.Tag = plainTag(from.Text)
		}
		return n
	}
	if from.First == 0 {
		n.Style = yaml.FlowStyle
		return n
	}
	children := 0
	for child := from.First; child != 0; child = c.from[child].Next {
		children++
	}
	if from.Kind == plainyaml.Mapping {
		children *= 2
	}
	n.Content, c.lists = c.lists[:0:children], c.lists[children:]
	for child := from.First; child != 0; child = c.from[child].Next {
		if of := &c.from[child]; from.Kind == plainyaml.Mapping {
			key := c.at(of.KeyStart)
			key.Kind, key.Value, key.Tag = yaml.ScalarNode, of.Key, plainTag(of.Key)
			n.Content = append(n.Content, key)
		}
		n.Content = append(n.Content, c.value(child))
	}
	return n
}

// plainTag is the tag that the library gives a plain scalar.
func plainTag(value string) string {
	switch {
	case isWord(value):
		return "!!str"
	case isSmallNumber(value):
		return "!!int"
	}
	n := yaml.Node{Kind: yaml.ScalarNode, Value: value}
	return n.ShortTag()
}

// isWord reports whether a text begins with a letter and is not one of the words that are no text: resolve.go of the
// library.
func isWord(value string) bool {
	if value == "" || value[0]|0x20 < 'a' || value[0]|0x20 > 'z' {
		return false
	}
	switch value {
	case "true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL":
		return false
	}
	return true
}

// isSmallNumber reports whether a text is a number without a sign, a leading zero or more than nine digits.
func isSmallNumber(value string) bool {
	if value == "" || value[0] == '0' || len(value) > 9 {
		return false
	}
	for i := range len(value) {
		if value[i] < '0' || value[i] > '9' {
			return false
		}
	}
	return true
}

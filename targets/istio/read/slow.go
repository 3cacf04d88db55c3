package read

import (
	"cmp"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/source"
)

// expansion is how many values a document may have beyond its size in bytes, by aliases and merge keys.
const expansion = 100_000

// fault is why a document cannot be read at all.
type fault struct {
	message string
	at      source.Span
	help    string
}

// readSlow reads a document of any YAML into the tree.
func (t *tree) readSlow(d *yamldoc.Document) *fault {
	t.reset(d.File)
	if err := d.Parse(); err != nil {
		var bad *yamldoc.SyntaxError
		if errors.As(err, &bad) {
			return &fault{bad.Message, bad.Span, cmp.Or(templateHelp(d.Text), bad.Help)}
		}
		return &fault{err.Error(), d.Start(), ""}
	}
	if d.Root == nil {
		return nil
	}
	c := converter{tree: t, doc: d, budget: len(d.Text) + expansion}
	c.value(d.Root, 0)
	switch {
	case c.fault == nil:
	case isSettings(yamldoc.Resolve(d.Root)):
		t.reset(d.File)
		return nil
	default:
		c.fault.help = templateHelp(d.Text)
	}
	return c.fault
}

// isSettings reports a document of another tool, whose keys may be of any kind: `on:` of a workflow is a boolean.
func isSettings(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && yamldoc.Get(n, "kind") == nil && yamldoc.Get(n, "apiVersion") == nil
}

func templateHelp(text string) string {
	if !strings.Contains(text, "{{") {
		return ""
	}
	return "this looks like a template: read what it makes, such as the output of `helm template`"
}

type converter struct {
	*tree
	doc    *yamldoc.Document
	budget int
	fault  *fault
}

func (c *converter) fail(n *yaml.Node, message string) {
	if c.fault == nil {
		c.fault = &fault{message: message, at: c.doc.Span(n)}
	}
}

// value adds a node and everything in it.
func (c *converter) value(n *yaml.Node, depth int) int32 {
	at := c.doc.Span(n)
	n = yamldoc.Resolve(n)
	i := c.Add(plainyaml.Node{Start: at.Start, End: at.End})
	if c.budget--; c.budget < 0 {
		c.fail(n, "the document has too many aliases")
	}
	if depth > 1000 {
		c.fail(n, "the document is nested too deeply")
	}
	if c.fault != nil {
		return i
	}
	last := int32(0)
	link := func(child int32) {
		if last == 0 {
			c.Nodes[i].First = child
		} else {
			c.Nodes[last].Next = child
		}
		last = child
	}
	switch n.Kind {
	case yaml.MappingNode:
		c.Nodes[i].Kind = plainyaml.Mapping
		pairs, repeats := yamldoc.Pairs(n)
		for _, p := range pairs {
			if key, ok := c.key(p.Key); ok {
				at := c.doc.Span(p.Key) // before the value, since places are cheapest in their order
				child := c.value(p.Value, depth+1)
				k := &c.Nodes[child]
				k.Key, k.KeyStart, k.KeyEnd = key, at.Start, at.End
				link(child)
			}
		}
		for _, r := range repeats {
			c.fail(r.Again, "the key `"+r.Again.Value+"` occurs twice in one mapping")
		}
	case yaml.SequenceNode:
		c.Nodes[i].Kind = plainyaml.Sequence
		for _, item := range n.Content {
			child := c.value(item, depth+1)
			if k := &c.Nodes[child]; k.Start == k.End { // an item without a value has no place of its own
				k.Start, k.End = at.Start, at.End
			}
			link(child)
		}
	case yaml.ScalarNode:
		k := scalarKind(n)
		c.Nodes[i].Kind, c.Nodes[i].Text = k, n.Value
	}
	return i
}

func (c *converter) key(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && plainyaml.IsKey(n.Value, scalarKind(n)) {
		return n.Value, true
	}
	c.fail(n, "a key that is not a string")
	return "", false
}

func scalarKind(n *yaml.Node) plainyaml.Kind {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 && n.Style&yaml.TaggedStyle == 0 {
		return plainyaml.Text
	}
	if n.Style&yaml.TaggedStyle == 0 {
		return plainyaml.KindOf(n.Value)
	}
	switch n.ShortTag() {
	case "!!null":
		return plainyaml.Null
	case "!!bool":
		return plainyaml.Boolean
	case "!!int", "!!float":
		return plainyaml.Number
	}
	return plainyaml.Text
}

package yamldoc

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseJSON sets Root of a document that Split found to be a JSON object. Every JSON object is YAML, except that YAML
// has no escapes of surrogates. The result is as if yaml.v3 had read it, but for the positions of nodes, in a tenth of
// the time.
func (d *Document) parseJSON() error {
	r := &jsonReader{text: d.Text}
	root := r.value()
	if r.values > maxValues {
		return ErrTooLarge
	}
	if deep := nested(d.Text, root); deep != nil {
		return deep.in(d)
	}
	d.Root = root
	return nil
}

// jsonReader reads text that is known to be valid JSON.
type jsonReader struct {
	text   string
	at     int
	values int
	free   []yaml.Node // allocated together, as most documents have many
}

// value reads a value. It stops early if there are too many.
func (r *jsonReader) value() *yaml.Node {
	start := r.skip()
	n := r.node(start)
	switch r.text[start] {
	case '{':
		n.Kind, n.Tag, n.Style = yaml.MappingNode, "!!map", yaml.FlowStyle
		r.items(n, '}')
	case '[':
		n.Kind, n.Tag, n.Style = yaml.SequenceNode, "!!seq", yaml.FlowStyle
		r.items(n, ']')
	case '"':
		n.Kind, n.Tag, n.Style = yaml.ScalarNode, "!!str", yaml.DoubleQuotedStyle
		n.Value = r.quoted()
	default:
		n.Kind = yaml.ScalarNode
		end := strings.IndexAny(r.text[start:], ",]} \t\r\n")
		if end < 0 {
			end = len(r.text) - start
		}
		n.Value = r.text[start : start+end]
		r.at = start + end
		n.Tag = n.ShortTag()
	}
	return n
}

// items reads the values of an object or array, to the bracket that closes it. Keys are values too.
func (r *jsonReader) items(n *yaml.Node, closing byte) {
	r.at++
	for r.values <= maxValues {
		switch r.text[r.skip()] {
		case closing:
			r.at++
			return
		case ',', ':':
			r.at++
		default:
			n.Content = append(n.Content, r.value())
		}
	}
}

// quoted reads a string.
func (r *jsonReader) quoted() string {
	start, escaped := r.at, false
	for r.at++; r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] == '\\' {
			escaped = true
			r.at++
		}
	}
	r.at++
	if !escaped {
		return r.text[start+1 : r.at-1]
	}
	var s string
	if json.Unmarshal([]byte(r.text[start:r.at]), &s) != nil { // never: the text is valid
		return r.text[start+1 : r.at-1]
	}
	return s
}

// skip skips white space, and returns the offset after it.
func (r *jsonReader) skip() int {
	for strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
	return r.at
}

func (r *jsonReader) node(at int) *yaml.Node {
	if len(r.free) == 0 {
		r.free = make([]yaml.Node, min(1024, 8+len(r.text)/16))
	}
	n := &r.free[0]
	r.free = r.free[1:]
	r.values++
	n.Line, n.Column = 1, at+1
	return n
}

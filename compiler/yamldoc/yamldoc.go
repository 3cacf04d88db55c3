// Package yamldoc reads YAML streams so that everything in them has a span: documents, nodes, and errors in the text.
//
// It does not know what the documents mean. A stream is split into documents before any is parsed, so that a broken
// one leaves the others readable. Nodes are those of yaml.v3, with their positions converted to spans of the file. A
// document that is a JSON object is read as JSON, as kubectl does. Reading takes time proportional to the size of a
// file, no matter how it is divided into documents and lines.
package yamldoc

import (
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/source"
)

// maxValues bounds a document: a node of yaml.v3 takes about 170 bytes, so this is some 350 MB at worst.
const maxValues = 2_000_000

// ErrTooLarge is the error about a document with more than maxValues values.
var ErrTooLarge = errors.New("the document has too many values")

// Document is one document of a stream.
type Document struct {
	File *source.File
	Text string     // with the `---` that opens it
	Root *yaml.Node // set by Parse; nil where the document has no content

	start int   // byte offset of Text in File
	line  int   // line of File in which Text begins, counted from 0
	lines []int // byte offsets in Text of the lines of YAML; nil if they are lines of File
	json  bool  // a JSON object: the column of each node is its byte offset in Text, from 1
}

// Offset returns where Text begins in File, in bytes.
func (d *Document) Offset() int { return d.start }

// Memory is what one document after another is parsed into. The zero value is ready.
type Memory struct {
	tree  plainyaml.Tree
	nodes []yaml.Node
	lists []*yaml.Node // of nodes
}

// Parse sets Root. The error is ErrTooLarge or a *SyntaxError.
func (d *Document) Parse() error { return d.ParseInto(new(Memory)) }

// ParseInto is Parse of a document whose nodes are not looked at any more once another one is parsed into the memory.
func (d *Document) ParseInto(memory *Memory) error {
	if d.json {
		return d.parseJSON()
	}
	if len(d.Text) > maxValues && values(d.Text) > maxValues {
		return ErrTooLarge
	}
	root, err := memory.parse(d.Text)
	var unbounded *nestingError
	switch {
	case errors.As(err, &unbounded):
		d.lines = linesOf(d.Text)
		return unbounded.in(d)
	case err != nil:
		return d.syntaxError(err)
	}
	d.Root = root
	d.lines = linesOf(d.Text)
	return nil
}

// values estimates the nodes in a text, from the characters before them. It is rarely too low, and never by much.
func values(text string) int {
	n := 1
	last := byte(0) // the last character that is not a space
	for i := range len(text) {
		c := text[i]
		switch c {
		case ' ', '\t':
			continue
		case ',', '[', '{':
			n++
		case ':', '-', '?':
			if i+1 == len(text) || strings.IndexByte(" \t\r\n", text[i+1]) >= 0 || c == ':' && (last == '"' || last == '\'') {
				n++
			}
		case '\n', '\r':
			if strings.IndexByte(",[{\r\n", last) < 0 {
				n++
			}
		}
		last = c
	}
	return n
}

// errTrailing is the error about a root that ends before its document does: yaml.v3 would leave the rest unread.
var errTrailing = errors.New("this comes after the end of the document")

func (m *Memory) parse(text string) (*yaml.Node, error) {
	if root := m.written(text); root != nil {
		return root, nil
	}
	return parseAny(text)
}

// parseAny is parse with the library alone.
func parseAny(text string) (*yaml.Node, error) {
	var doc, rest yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&doc); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	switch err := decoder.Decode(&rest); {
	case err == nil, err != io.EOF && strings.Contains(err.Error(), "<document start>"):
		return nil, errTrailing
	case err != io.EOF:
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, nil
	}
	if deep := nested(text, doc.Content[0]); deep != nil {
		return nil, deep
	}
	return doc.Content[0], nil
}

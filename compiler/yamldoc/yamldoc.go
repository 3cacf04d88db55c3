// Package yamldoc reads YAML streams so that everything in them has a span: documents, nodes, and errors in the text.
//
// It does not know what the documents mean. A stream is cut into documents before any is parsed, so that a broken one
// leaves the others readable, and nodes are those of yaml.v3, whose positions are turned into spans of the file.
package yamldoc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/lang/source"
)

// MaxValues bounds a document: a node of yaml.v3 takes about 170 bytes, so this is some 350 MB at worst.
const MaxValues = 2_000_000

// ErrTooLarge is the error about a document with more than MaxValues values.
var ErrTooLarge = errors.New("the document has too many values")

// Document is one document of a stream.
type Document struct {
	File *source.File
	Text string     // with the `---` that opens it
	Root *yaml.Node // set by Parse; nil where the document has no content

	start int // byte offset of Text in File
	line  int // line of File in which Text begins, counted from 0

	seen mark // the last position that was looked up
}

// mark is a column of a line of the document in bytes, so that the many positions of a long line need not be counted from
// its start each time: a minified List is a single line.
type mark struct{ line, column, bytes int }

// Offset returns where Text begins in File, in bytes.
func (d *Document) Offset() int { return d.start }

// SyntaxError is text that is not YAML. Span is the line that breaks it.
type SyntaxError struct {
	Message string
	Span    source.Span
	Help    string
}

func (e *SyntaxError) Error() string { return e.Message }

// Text returns what keeps a file from being UTF-8 text without control characters; nil if it can be read as YAML.
func Text(f *source.File) *SyntaxError {
	if !utf8.ValidString(f.Text) {
		i := 0
		for i < len(f.Text) {
			r, n := utf8.DecodeRuneInString(f.Text[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		return &SyntaxError{Message: fmt.Sprintf("not UTF-8 text: byte 0x%02x", f.Text[i]), Span: f.Span(i, i+1)}
	}
	for i := range len(f.Text) {
		if c := f.Text[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return &SyntaxError{Message: fmt.Sprintf("not text: control character 0x%02x", c), Span: f.Span(i, i+1)}
		}
	}
	return nil
}

// Split cuts a stream into its documents without parsing them, so that a broken one leaves the others readable. `---` and
// `...` at the start of a line are markers everywhere, in block scalars and quotes too (YAML 1.2, c-forbidden). JSON
// objects that follow one another without markers are documents too, as in kubectl. Documents without content are omitted.
func Split(f *source.File) iter.Seq[*Document] {
	return func(yield func(*Document) bool) {
		begin := 0
		if strings.HasPrefix(f.Text, "\ufeff") {
			begin = len("\ufeff")
		}
		start, startLine := begin, 0
		opened, directives, content := false, false, false // has its `---`, has `%` lines, has more than these and comments
		cut := func(end int) bool {
			if !content && !directives {
				return true
			}
			return (&Document{File: f, Text: f.Text[start:end], start: start, line: startLine}).objects(yield)
		}
		for i, line := begin, 0; i < len(f.Text); line++ {
			end := len(f.Text)
			if n := strings.IndexByte(f.Text[i:], '\n'); n >= 0 {
				end = i + n + 1
			}
			switch text := f.Text[i:end]; {
			case marker(text, "---"):
				if opened || content || !directives {
					if !cut(i) {
						return
					}
					start, startLine, directives = i, line, false
				}
				rest := strings.TrimSpace(text[3:])
				opened, content = true, rest != "" && rest[0] != '#'
			case marker(text, "..."):
				if !cut(i) {
					return
				}
				start, startLine, opened, directives, content = end, line+1, false, false, false
				if rest := strings.TrimSpace(text[3:]); rest != "" && rest[0] != '#' { // YAML has nothing here: Parse says so
					start, startLine, content = i, line, true
				}
			case !opened && !content && text[0] == '%':
				directives = true
			case !content:
				rest := strings.TrimSpace(text)
				content = rest != "" && rest[0] != '#'
			}
			i = end
		}
		cut(len(f.Text))
	}
}

// objects cuts a document that begins with a JSON object before each further one.
func (d *Document) objects(yield func(*Document) bool) bool {
	for {
		text := strings.TrimLeft(d.Text, " \t\r\n")
		if text == "" || text[0] != '{' {
			return yield(d)
		}
		var object json.RawMessage
		decoder := json.NewDecoder(strings.NewReader(text))
		if decoder.Decode(&object) != nil {
			return yield(d)
		}
		end := len(d.Text) - len(text) + int(decoder.InputOffset())
		end += len(d.Text[end:]) - len(strings.TrimLeft(d.Text[end:], " \t\r\n"))
		if end == len(d.Text) || d.Text[end] != '{' {
			return yield(d)
		}
		if !yield(&Document{File: d.File, Text: d.Text[:end], start: d.start, line: d.line}) {
			return false
		}
		d = &Document{File: d.File, Text: d.Text[end:], start: d.start + end, line: d.line + strings.Count(d.Text[:end], "\n")}
	}
}

func marker(line, mark string) bool {
	return strings.HasPrefix(line, mark) && (len(line) == len(mark) || strings.IndexByte(" \t\r\n", line[len(mark)]) >= 0)
}

// Parse sets Root. The error is ErrTooLarge or a *SyntaxError.
func (d *Document) Parse() error {
	if len(d.Text) > MaxValues && values(d.Text) > MaxValues {
		return ErrTooLarge
	}
	root, err := parse(d.Text)
	if err != nil {
		return d.syntaxError(err)
	}
	d.Root = root
	return nil
}

// values returns an upper bound of the nodes in a text: every node but the first needs one of these characters before it.
func values(text string) int {
	n := 1
	for i := range len(text) {
		switch text[i] {
		case ',', '[', '{', ':', '-', '?', '\n', '\r':
			n++
		}
	}
	return n
}

// errTrailing is the error about a root that ends before its document does: yaml.v3 would leave the rest unread.
var errTrailing = errors.New("this comes after the end of the document")

func parse(text string) (*yaml.Node, error) {
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
	return doc.Content[0], nil
}

// Start returns the first line of the document that is neither marker nor comment.
func (d *Document) Start() source.Span {
	for i := 0; i < len(d.Text); {
		end := len(d.Text)
		if n := strings.IndexByte(d.Text[i:], '\n'); n >= 0 {
			end = i + n + 1
		}
		text := strings.TrimSpace(d.Text[i:end])
		if text != "" && text[0] != '#' && text[0] != '%' && text != "---" {
			return d.trimmed(i, end)
		}
		i = end
	}
	return d.File.Span(d.start, d.start)
}

// trimmed returns the span of Text[from:to] without the white space around it.
func (d *Document) trimmed(from, to int) source.Span {
	text := d.Text[from:to]
	left := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	right := len(strings.TrimRight(text, " \t\r\n"))
	return d.File.Span(d.start+from+left, d.start+from+max(left, right))
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError gives an error of yaml.v3 its line. yaml.v3 often names the line where the broken collection begins, or none,
// so the line is the first that no valid beginning of the document includes.
func (d *Document) syntaxError(err error) *SyntaxError {
	named, message := 1, err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		if n, err := strconv.Atoi(m[1]); err == nil {
			named = n
		}
	}
	from, to := d.brokenLine(named)
	e := &SyntaxError{Message: "not valid YAML: " + message, Span: d.trimmed(from, to)}
	if err == errTrailing {
		e.Help = "indent it like the lines above, or begin another document with a line `---`"
	}
	line := d.Text[from:to]
	if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
		e.Help = "YAML indents with spaces, not with tabs"
	}
	return e
}

// maxSearched bounds the documents whose broken line is searched, which parses about twenty beginnings of the text. In larger
// ones it is the line that yaml.v3 names.
const maxSearched = 64 << 10

func (d *Document) brokenLine(named int) (from, to int) {
	ends := []int{0}
	for i := range len(d.Text) {
		if d.Text[i] == '\n' {
			ends = append(ends, i+1)
		}
	}
	if ends[len(ends)-1] < len(d.Text) {
		ends = append(ends, len(d.Text))
	}
	readable := func(n int) bool {
		_, err := parse(d.Text[:ends[n]])
		return err == nil
	}
	if len(d.Text) > maxSearched {
		named = max(1, min(named, len(ends)-1))
		if named < len(ends)-1 && readable(named) { // it counts the lines of some errors from 0
			named++
		}
		return ends[named-1], ends[named]
	}
	lo, hi := 0, len(ends)-1
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; readable(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	// A beginning that ends within quotes or brackets is invalid although a longer one is valid.
	const reach = 8
	for n := lo + 1; n < len(ends)-1 && n <= lo+reach; n++ {
		if readable(n) {
			lo = n
		}
	}
	return ends[lo], ends[lo+1]
}

// Span returns the span of a node: a scalar or a flow collection as written, up to the end of its first line; the first line
// of a block collection; an alias itself. Of a very long flow collection it is the opening bracket.
func (d *Document) Span(n *yaml.Node) source.Span {
	if n == nil || n.Line == 0 {
		return d.Start()
	}
	base := d.start
	if n.Line > 1 {
		base = d.File.Offset(d.line + n.Line)
	}
	base += d.bytes(d.File.Text[min(base, len(d.File.Text)):], n.Line, n.Column-1)
	rest := line(d.File.Text[min(base, len(d.File.Text)):])
	for len(rest) > 0 && (rest[0] == '&' || rest[0] == '!') && n.Kind != yaml.AliasNode { // anchor and tag precede the value
		gap := strings.IndexAny(rest, " \t")
		if gap < 0 {
			break
		}
		gap += len(rest[gap:]) - len(strings.TrimLeft(rest[gap:], " \t"))
		base, rest = base+gap, rest[gap:]
	}
	return d.File.Span(base, base+width(n, rest))
}

// bytes returns the length of the first runes of a line, the first line of text.
func (d *Document) bytes(text string, line, runes int) int {
	m := mark{line: line}
	if d.seen.line == line && d.seen.column <= runes {
		m = d.seen
	}
	for m.column < runes && m.bytes < len(text) {
		size := 1
		if text[m.bytes] >= utf8.RuneSelf {
			_, size = utf8.DecodeRuneInString(text[m.bytes:])
		}
		m.column++
		m.bytes += size
	}
	d.seen = m
	return m.bytes
}

// longest bounds the part of a line that a span includes.
const longest = 512

// line returns the first line of text, cut to longest.
func line(text string) string {
	if len(text) > longest {
		end := longest
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	if eol := strings.IndexByte(text, '\n'); eol >= 0 {
		text = text[:eol]
	}
	return text
}

// width returns the length of a node at the beginning of the line rest.
func width(n *yaml.Node, rest string) int {
	whole := len(strings.TrimRight(rest, " \t\r"))
	switch {
	case n.Kind == yaml.AliasNode:
		return min(whole, 1+len(n.Value))
	case n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0:
		return whole
	case n.Kind != yaml.ScalarNode:
		switch closed := flow(rest[:whole]); {
		case closed > 0:
			return closed
		case len(rest) > longest-utf8.UTFMax:
			return 1
		}
		return whole
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 == len(rest) || rest[i+1] != '\'' {
				return i + 1
			}
			i++
		}
	case strings.HasPrefix(rest, n.Value):
		return len(n.Value)
	}
	return whole
}

// flow returns the length of the flow collection at the beginning of a line, 0 if it does not end in the line.
func flow(line string) int {
	depth := 0
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == '\\' && quote == '"' {
				i++
			} else if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && i > 0 && strings.IndexByte(" ,[{:", line[i-1]) >= 0:
			quote = c
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

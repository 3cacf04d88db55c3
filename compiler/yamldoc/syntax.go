package yamldoc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meshc/meshc/lang/source"
)

// SyntaxError is text that is not YAML, or values without an end. Span is the line, or the value, that breaks it.
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
		if c := f.Text[i]; isControl[c] {
			return &SyntaxError{Message: fmt.Sprintf("not text: control character 0x%02x", c), Span: f.Span(i, i+1)}
		}
	}
	return nil
}

var isControl = func() (t [256]bool) {
	for c := range 0x80 {
		t[c] = (c < ' ' || c == 0x7f) && c != '\t' && c != '\n' && c != '\r'
	}
	return t
}()

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError gives an error of yaml.v3 its line. yaml.v3 often names the line where the broken collection begins, or
// none, so the line is the first that no valid beginning of the document includes.
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

// maxSearched bounds the documents whose broken line is searched, which parses about twenty beginnings of the text. In
// larger ones it is the line that yaml.v3 names.
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
		_, err := new(Memory).parse(d.Text[:ends[n]])
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

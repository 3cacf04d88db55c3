// Package print writes statements that were built rather than read: trees without spans, as an importer makes them.
//
// It has no layout of its own. It writes the words of the statements, reads them back and formats what it read. Its
// output is therefore what the formatter would produce, and is known to mean the trees that it was given.
package print

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/format"
)

// Line is a statement and what surrounds it.
type Line struct {
	Gap     bool      // leave an empty line above
	Above   []string  // comments on lines of their own, without the #
	Stmt    lang.Stmt // nil for comments alone
	Comment string    // a comment at the end of the line, without the #
}

// Lines formats statements as a source file. Names that need quotes get them. It is an error if no text has the meaning
// of a statement, for example because a name contains a newline or a list is empty.
//
// What an empty line separates is laid out independently, so that each part is read back on its own, several at a time.
func Lines(lines []Line) ([]byte, error) {
	var parts []*part
	for start, i := 0, 1; i <= len(lines); i++ {
		if i == len(lines) || lines[i].Gap {
			parts = append(parts, &part{lines: lines[start:i]})
			start = i
		}
	}
	var wait sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(parts)); i = next.Add(1) - 1 {
				parts[i].text, parts[i].err = parts[i].format()
			}
		})
	}
	wait.Wait()
	var out []byte
	for _, p := range parts {
		if p.err != nil {
			return nil, p.err
		}
		if len(out) > 0 && len(p.text) > 0 {
			out = append(out, '\n')
		}
		out = append(out, p.text...)
	}
	return out, nil
}

// part is lines without an empty one between them.
type part struct {
	lines []Line
	text  []byte
	err   error
}

func (p *part) format() ([]byte, error) {
	var b bytes.Buffer
	var stmts []lang.Stmt
	for _, l := range p.lines {
		for _, c := range l.Above {
			b.WriteString(comment(c))
			b.WriteByte('\n')
		}
		if l.Stmt == nil {
			continue
		}
		stmts = append(stmts, l.Stmt)
		b.WriteString(format.Statement(l.Stmt))
		if l.Comment != "" {
			b.WriteString("  ")
			b.WriteString(comment(l.Comment))
		}
		b.WriteByte('\n')
	}
	file, list := lang.Parse("", b.Bytes())
	if len(list) > 0 {
		return nil, fmt.Errorf("cannot write %q: %s", list[0].Primary.Text(), list[0].Message)
	}
	var meant, read []byte
	for i, s := range stmts {
		if i < len(file.Stmts) {
			meant, read = meaning(meant[:0], s), meaning(read[:0], file.Stmts[i])
		}
		if i >= len(file.Stmts) || !bytes.Equal(meant, read) {
			return nil, fmt.Errorf("cannot write %q: it would mean something else", format.Statement(s))
		}
	}
	return format.Format(file)
}

// comment writes a comment on one line. A character that would mislead a reader is spelled out.
func comment(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if strings.ContainsFunc(text, diag.Misleads) {
		text = diag.PrintableLine(text)
	}
	return strings.TrimRight("# "+text, " ")
}

// meaning appends the parts of a statement and the values of its names.
func meaning(b []byte, s lang.Stmt) []byte {
	lang.Walk(s, func(n lang.Node) bool {
		b = append(b, reflect.TypeOf(n).String()...)
		switch n := n.(type) {
		case *lang.Name:
			b = strconv.AppendQuote(b, n.Text)
		case *lang.Condition:
			b = strconv.AppendBool(b, n.No)
		}
		return true
	})
	return b
}

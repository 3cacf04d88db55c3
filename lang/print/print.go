// Package print writes statements that were built rather than read: trees without spans, such as an importer makes.
//
// It has no layout of its own. It writes the words of the statements, reads them back and formats what it read, so its
// output is what the formatter would leave, and what it returns is known to mean the trees that it was given.
package print

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

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

// Lines formats statements as a source file. Names that need quotes get them. It is an error if no text has the meaning of
// a statement, for example because a name contains a newline or a list is empty.
func Lines(lines []Line) ([]byte, error) {
	var b strings.Builder
	var stmts []lang.Stmt
	for _, l := range lines {
		if l.Gap && b.Len() > 0 {
			b.WriteByte('\n')
		}
		for _, c := range l.Above {
			b.WriteString(comment(c) + "\n")
		}
		if l.Stmt == nil {
			continue
		}
		stmts = append(stmts, l.Stmt)
		b.WriteString(format.Statement(l.Stmt))
		if l.Comment != "" {
			b.WriteString("  " + comment(l.Comment))
		}
		b.WriteByte('\n')
	}
	file, list := lang.Parse("", []byte(b.String()))
	if len(list) > 0 {
		return nil, fmt.Errorf("cannot write %q: %s", list[0].Primary.Text(), list[0].Message)
	}
	for i, s := range stmts {
		if i >= len(file.Stmts) || meaning(file.Stmts[i]) != meaning(s) {
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

// meaning lists the parts of a statement and the values of its names.
func meaning(s lang.Stmt) string {
	var b []byte
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
	return string(b)
}

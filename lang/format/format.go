// Package format lays out intents in their one canonical style.
//
// It moves words and never changes them: its output has the same tree as its input, and every comment stays with its
// statement. It knows the form of statements but not their meaning. There are no options.
//
// Services, externals and issuers are written from their trees, because their clauses have a fixed order and are
// aligned in columns. All other statements keep the order of their words, and with it the comments and line breaks
// between them.
package format

import (
	"fmt"
	"strings"

	"github.com/meshc/meshc/lang"
)

// Format formats a file: no trailing white space, at most one empty line in a row, the clauses of a statement in a
// fixed order, and the clauses of consecutive services in columns. Formatting is idempotent. A file with syntax errors
// is rejected.
func Format(f *lang.File) ([]byte, error) {
	if f.Broken {
		return nil, fmt.Errorf("%s has syntax errors and stays as it is", f.Source.Name)
	}
	p := printer{text: f.Source.Text, tokens: f.Tokens}
	comments := lang.Attach(f)
	lines := make([]line, len(f.Stmts))
	for i, s := range f.Stmts {
		lines[i] = line{stmt: s, Comments: comments[i]}
		if i > 0 && len(lines[i-1].After) == 0 && len(lines[i].Before) == 0 {
			lines[i].joined = !strings.Contains(p.text[f.Stmts[i-1].Span().End:s.Span().Start], "\n")
		}
	}
	p.columns(lines)
	for i := range lines {
		p.line(&lines[i])
	}
	for _, c := range comments[len(lines)].Before {
		p.ownLine(int(c.Start), p.comment(c), int(c.End))
	}
	if p.out.Len() > 0 {
		p.out.WriteByte('\n')
	}
	return []byte(p.out.String()), nil
}

// line is a statement with its comments.
type line struct {
	stmt lang.Stmt
	lang.Comments
	joined bool   // on the same line as the statement before it
	text   string // if it is already known
}

type printer struct {
	text   string // the source
	tokens []lang.Token
	next   int // the first token that may belong to the current statement
	out    strings.Builder
	end    int // how much of the source has been written
}

func (p *printer) comment(t lang.Token) string {
	return strings.TrimRight(p.text[t.Start:t.End], " \t\r")
}

func (p *printer) line(l *line) {
	for _, c := range l.Before {
		p.ownLine(int(c.Start), p.comment(c), int(c.End))
	}
	text := l.text
	if text == "" {
		text = p.statement(l.stmt)
	}
	span := l.stmt.Span()
	if l.joined {
		p.out.WriteString("; ")
		p.out.WriteString(text)
		p.end = int(span.End)
	} else {
		p.ownLine(int(span.Start), text, int(span.End))
	}
	for _, c := range l.After {
		p.out.WriteString("  ")
		p.out.WriteString(p.comment(c))
		p.end = int(c.End)
	}
}

// ownLine starts a line with a text that comes from start to end of the source.
func (p *printer) ownLine(start int, text string, end int) {
	if p.out.Len() > 0 {
		p.out.WriteByte('\n')
		if p.emptyLine(start) {
			p.out.WriteByte('\n')
		}
	}
	p.out.WriteString(text)
	p.end = end
}

// emptyLine reports whether there is an empty line between what has been written and start.
func (p *printer) emptyLine(start int) bool {
	return strings.Count(p.text[p.end:start], "\n") > 1
}

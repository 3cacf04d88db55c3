// Package format writes intents the one way that they are written.
//
// It moves words and never changes them: the tree of what it writes is the tree that it was given, and
// every comment stays with its statement. It knows the shape of statements and not what they mean. There
// are no options.
package format

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/meshc/meshc/lang"
)

// Format writes a file anew: lines end with a newline and have no blanks at their end, at most one empty
// line stands between two others, the clauses of a statement come in one order, and services below each
// other stand in columns. Formatting twice is formatting once. A file with syntax errors is refused.
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

// line is a statement and what goes with it.
type line struct {
	stmt lang.Stmt
	lang.Comments
	joined bool   // stands behind the one before it on the same line
	text   string // where it is known already
}

type printer struct {
	text   string // the source
	tokens []lang.Token
	next   int // the first token that is not behind the statement in hand
	out    strings.Builder
	end    int // how far of the source is written
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

// ownLine begins a line with what stands in the source from start to end.
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

// emptyLine tells whether an empty line stands between what is written and a place behind it.
func (p *printer) emptyLine(start int) bool {
	return strings.Count(p.text[p.end:start], "\n") > 1
}

// cells are the parts of a service or an external that stand in columns; none for other statements.
func cells(s lang.Stmt) []string {
	switch s := s.(type) {
	case *lang.Service:
		var who, where, ports []string
		who = clauses(who, "account", s.Accounts)
		if s.Outside.Present() {
			who = append(who, "outside")
		}
		where = clauses(where, "address", s.Addresses)
		for _, l := range s.Labels {
			where = append(where, "label "+l.Key.Range.Text()+"="+l.Value.Range.Text())
		}
		return row("service "+s.Name.Range.Text(), who, where, portClauses(ports, s.Ports))
	case *lang.External:
		return row("external "+s.Name.Range.Text(), clauses(nil, "host", s.Hosts), portClauses(nil, s.Ports))
	}
	return nil
}

func row(name string, cells ...[]string) []string {
	row := []string{name}
	for _, c := range cells {
		row = append(row, strings.Join(c, " "))
	}
	return row
}

func clauses(list []string, keyword string, values []lang.Name) []string {
	for _, v := range values {
		list = append(list, keyword+" "+v.Range.Text())
	}
	return list
}

func portClauses(list []string, ports []lang.Port) []string {
	for _, p := range ports {
		text := "port " + p.Number.Range.Text()
		if p.Protocol.Present() {
			text += " " + p.Protocol.Range.Text()
		}
		if p.TLS.Present() {
			text += " tls"
		}
		list = append(list, text)
	}
	return list
}

// widest is the widest cell that others are set off by. One with many labels would push the rest of its
// column out of sight.
const widest = 40

// columns sets services, and externals, that stand below each other in columns.
func (p *printer) columns(lines []line) {
	for i := 0; i < len(lines); {
		n := p.block(lines[i:])
		rows := make([][]string, n)
		var widths []int
		for j := range rows {
			rows[j] = cells(lines[i+j].stmt)
			for c, cell := range rows[j] {
				if c == len(widths) {
					widths = append(widths, 0)
				}
				if w := utf8.RuneCountInString(cell); w <= widest || n == 1 {
					widths[c] = max(widths[c], w)
				}
			}
		}
		for j, row := range rows {
			lines[i+j].text = padded(row, widths, n > 1)
		}
		i += max(n, 1)
	}
}

// block is how many of the first lines belong in common columns: one alone makes no column.
func (p *printer) block(lines []line) int {
	if cells(lines[0].stmt) == nil {
		return 0
	}
	if lines[0].joined {
		return 1
	}
	n := 1
	for n < len(lines) && sameKind(lines[0].stmt, lines[n].stmt) && !lines[n].joined && !p.apart(&lines[n-1], &lines[n]) {
		n++
	}
	return n
}

func sameKind(a, b lang.Stmt) bool {
	switch a.(type) {
	case *lang.Service:
		_, ok := b.(*lang.Service)
		return ok
	case *lang.External:
		_, ok := b.(*lang.External)
		return ok
	}
	return false
}

// apart tells whether an empty line stands between two lines.
func (p *printer) apart(above, below *line) bool {
	end := int(above.stmt.Span().End)
	for _, c := range append(above.After, below.Before...) {
		if strings.Count(p.text[end:c.Start], "\n") > 1 {
			return true
		}
		end = int(c.End)
	}
	return strings.Count(p.text[end:below.stmt.Span().Start], "\n") > 1
}

func padded(row []string, widths []int, align bool) string {
	var b strings.Builder
	pad := 0
	for c, cell := range row {
		if cell != "" {
			if b.Len() > 0 {
				b.WriteString(strings.Repeat(" ", pad+1))
			}
			b.WriteString(cell)
			pad = 0
		}
		switch {
		case !align || widths[c] == 0:
		case cell != "":
			pad = max(0, widths[c]-utf8.RuneCountInString(cell))
		default:
			pad += widths[c] + 1
		}
	}
	return b.String()
}

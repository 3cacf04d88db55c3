package format

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/lang"
)

// indent is the indentation of continuation lines and of operations in braces.
const indent = 4

// statement formats a statement whose words keep their order. Line breaks after a comma or an arrow are kept, and
// braces that span several lines get one operation per line.
func (p *printer) statement(s lang.Stmt) string {
	span := s.Span()
	for p.next < len(p.tokens) && p.tokens[p.next].Start < span.Start {
		p.next++
	}
	first := p.next
	for p.next < len(p.tokens) && p.tokens[p.next].Start < span.End {
		p.next++
	}
	w := writer{printer: p, exceptPorts: exceptPorts(s)}
	_, w.group = s.(*lang.Group)
	tokens := clausesInOrder(tailInOrder(p.tokens[first:p.next], s), s)
	for i, t := range tokens {
		switch t.Kind {
		case lang.KindSpace:
			w.broken = w.broken || strings.Contains(p.text[t.Start:t.End], "\n")
		case lang.KindComment:
			w.pending = append(w.pending, note{p.comment(t), w.broken})
			w.broken = false
		case lang.KindComma, lang.KindPipe:
			w.sign = p.text[t.Start:t.End]
		case lang.KindOpen:
			w.word(t)
			w.spread, w.open = p.overLines(tokens[i:]), w.column
		default:
			w.word(t)
		}
	}
	return w.b.String()
}

// tailInOrder moves `until` before `because`. The two clauses are the last four words of their statement.
func tailInOrder(tokens []lang.Token, s lang.Stmt) []lang.Token {
	t := lang.TailOf(s)
	if t == nil || !t.Until.Present() || !t.Because.Present() || t.Until.Range.Start < t.Because.Range.Start {
		return tokens
	}
	var words []int
	for i, t := range tokens {
		if !t.Blank() {
			words = append(words, i)
		}
	}
	because, until := words[len(words)-4], words[len(words)-2]
	moved := append([]lang.Token{}, tokens[:because]...)
	moved = append(moved, tokens[until:]...)
	moved = append(moved, tokens[because:until]...)
	return moved
}

// overLines reports whether a line ends between an opening brace and its closing brace.
func (p *printer) overLines(tokens []lang.Token) bool {
	for _, t := range tokens {
		switch t.Kind {
		case lang.KindClose:
			return false
		case lang.KindSpace:
			if strings.Contains(p.text[t.Start:t.End], "\n") {
				return true
			}
		}
	}
	return false
}

// note is a comment inside a statement.
type note struct {
	text    string
	ownLine bool
}

// writer writes the words of a statement.
type writer struct {
	*printer
	b       strings.Builder
	last    lang.Kind // of the last word; zero at the start
	lastEnd int32
	column  int    // indentation of the current line
	spread  bool   // inside braces that span several lines
	open    int    // indentation of the line with the opening brace
	sign    string // a comma or `|` that follows the last word
	broken  bool   // a line ended after the last word or comment
	pending []note // comments after the last word

	group       bool    // the statement is a group
	exceptPorts []int32 // where the ports begin that `except` leaves out
}

func (w *writer) word(t lang.Token) {
	split := w.broken
	switch {
	case w.spread && t.Kind == lang.KindClose:
		w.sign = ","
		split = true
	case w.spread:
		split = w.sign == "," || w.last == lang.KindOpen
	case t.Kind == lang.KindClose:
		w.sign = ""
		split = false
	case w.sign == "|":
		split = false
	case w.last == lang.KindOpen:
		split = false
	}
	w.b.WriteString(w.sign)
	split = w.comments() || split

	switch {
	case w.last == 0:
	case split:
		w.newline(t.Kind == lang.KindClose)
	case w.sign != "|" && !w.glued(t):
		w.b.WriteByte(' ')
	}
	w.b.WriteString(w.text[t.Start:t.End])
	if t.Kind == lang.KindClose {
		w.spread = false
	}
	w.last, w.lastEnd, w.sign, w.broken = t.Kind, t.End, "", false
}

// comments writes the pending comments and reports whether there were any.
func (w *writer) comments() bool {
	for i, n := range w.pending {
		if n.ownLine || i > 0 {
			w.newline(false)
		} else {
			w.b.WriteString("  ")
		}
		w.b.WriteString(n.text)
	}
	some := len(w.pending) > 0
	w.pending = w.pending[:0]
	return some
}

func (w *writer) newline(closing bool) {
	switch {
	case closing:
		w.column = w.open
	case w.spread:
		w.column = w.open + indent
	default:
		w.column = indent
	}
	w.b.WriteByte('\n')
	w.b.WriteString(strings.Repeat(" ", w.column))
}

// glued reports whether there is no space between the last word and the next one.
func (w *writer) glued(next lang.Token) bool {
	either := func(k lang.Kind) bool { return w.last == k || next.Kind == k }
	switch {
	case next.Kind == lang.KindColon && slices.Contains(w.exceptPorts, next.Start):
		return false
	case w.last == lang.KindStar && next.Kind == lang.KindName && next.Start == w.lastEnd:
		return w.text[next.Start] == '.' // a wildcard host
	}
	return either(lang.KindSlash) || either(lang.KindColon) || either(lang.KindEquals) && !w.group
}

package format

import (
	"strings"

	"github.com/meshc/meshc/lang"
)

// indent is how many columns the further lines of a statement, and the operations inside braces, stand in.
const indent = 4

// statement writes a statement whose words stay in their order: line breaks stay where the writer made
// them behind a comma or an arrow, and braces over several lines have one operation on each.
func (p *printer) statement(s lang.Stmt) string {
	span := s.Span()
	for p.next < len(p.tokens) && p.tokens[p.next].Start < span.Start {
		p.next++
	}
	first := p.next
	for p.next < len(p.tokens) && p.tokens[p.next].Start < span.End {
		p.next++
	}
	w := writer{printer: p}
	tokens := tailInOrder(p.tokens[first:p.next], s)
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

// tailInOrder moves `until` in front of `because`. They are the last four words of their statement, with
// nothing but blanks between them.
func tailInOrder(tokens []lang.Token, s lang.Stmt) []lang.Token {
	var t *lang.Tail
	switch s := s.(type) {
	case *lang.Edge:
		t = &s.Tail
	case *lang.Deny:
		t = &s.Tail
	case *lang.Export:
		t = &s.Tail
	case *lang.Guard:
		t = &s.Tail
	default:
		return tokens
	}
	if !t.Until.Present() || !t.Because.Present() || t.Until.Range.Start < t.Because.Range.Start {
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

// overLines tells whether a line ends between an opening brace and the closing one.
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

// writer writes the words of one statement.
type writer struct {
	*printer
	b       strings.Builder
	last    lang.Kind // of the word that was written last; zero at the start
	column  int       // how far the line in hand stands in
	spread  bool      // inside braces over several lines
	open    int       // how far the line with the opening brace stands in
	sign    string    // a comma or `|` that belongs right behind the last word
	broken  bool      // a line ended since the last word or comment
	pending []note    // comments since the last word
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
	case w.sign != "|" && !glued(w.last, t.Kind):
		w.b.WriteByte(' ')
	}
	w.b.WriteString(w.text[t.Start:t.End])
	if t.Kind == lang.KindClose {
		w.spread = false
	}
	w.last, w.sign, w.broken = t.Kind, "", false
}

// comments writes those that stand in front of a word, and tells whether there were any.
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

// glued tells whether two words touch.
func glued(a, b lang.Kind) bool {
	return a == lang.KindSlash || b == lang.KindSlash || a == lang.KindColon || b == lang.KindColon
}

package lang

import "strings"

// Comments are those of one statement.
type Comments struct {
	Before []Token // whole lines above it
	Within []Token // between its first and its last word
	After  []Token // behind its last word on the same line: one at most
}

// Attach gives each statement its comments: a comment on a line of its own belongs to the statement below
// it, one at the end of a line to the statement in front of it. There is one entry for each statement, and
// a last one whose Before is what stands below them all.
func Attach(f *File) []Comments {
	all := make([]Comments, len(f.Stmts)+1)
	at, newline := 0, true // newline: only blanks since the last line began
	for _, t := range f.Tokens {
		for at < len(f.Stmts) && t.Start >= f.Stmts[at].Span().End {
			at++
			newline = false
		}
		switch t.Kind {
		case KindComment:
			switch {
			case at < len(f.Stmts) && t.Start > f.Stmts[at].Span().Start:
				all[at].Within = append(all[at].Within, t)
			case newline || at == 0:
				all[at].Before = append(all[at].Before, t)
			default:
				all[at-1].After = append(all[at-1].After, t)
			}
		case KindEnd:
			if f.Source.Text[t.Start] != ';' {
				newline = true
			}
		}
	}
	return all
}

// OneLine is a statement, or a piece of one, on one line: without its comments, and with one blank where there were any
// between two words.
func OneLine(text string) string {
	var b strings.Builder
	blank := false
	for _, t := range lex(text) {
		word := text[t.Start:t.End]
		if t.as == KindSpace || t.as == KindComment || strings.Trim(word, "\r\n") == "" {
			blank = b.Len() > 0
			continue
		}
		if blank {
			b.WriteByte(' ')
		}
		b.WriteString(word)
		blank = false
	}
	return b.String()
}

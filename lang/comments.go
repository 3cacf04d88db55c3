package lang

import "strings"

// Comments are the comments of a statement.
type Comments struct {
	Before []Token // on the lines above it
	Within []Token // between its first and its last word
	After  []Token // after its last word on the same line; at most one
}

// Attach assigns the comments of a file to its statements. A comment on a line of its own belongs to the statement
// below it, and a comment at the end of a line to the statement before it. The result has an entry for each statement
// and a final one, whose Before are the comments after the last statement.
func Attach(f *File) []Comments {
	all := make([]Comments, len(f.Stmts)+1)
	at, newline := 0, true // newline: nothing but white space since the start of the line
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

// OneLine puts the text of a statement, or of part of one, on one line. It drops comments and separates words by one
// space where there was any white space between them.
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

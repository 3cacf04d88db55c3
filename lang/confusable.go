package lang

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// A confusable is a character that editors, chat programs and keyboards produce in place of one that the language has.
type confusable struct {
	as    Kind
	plain string
}

var confusables = map[rune]confusable{
	'→': {KindArrow, "->"}, '⇒': {KindArrow, "->"}, '⟶': {KindArrow, "->"}, '⟹': {KindArrow, "->"},
	'➔': {KindArrow, "->"}, '➜': {KindArrow, "->"}, '➝': {KindArrow, "->"}, '➞': {KindArrow, "->"},
	'↠': {KindReach, "->>"}, '⇉': {KindReach, "->>"},
	'，': {KindComma, ","}, '、': {KindComma, ","}, '：': {KindColon, ":"}, '；': {KindEnd, ";"},
	'＊': {KindStar, "*"}, '∗': {KindStar, "*"}, '＝': {KindEquals, "="}, '｜': {KindPipe, "|"},
	'｛': {KindOpen, "{"}, '｝': {KindClose, "}"},
	'\u00a0': {KindSpace, " "}, '\u202f': {KindSpace, " "}, '\u2009': {KindSpace, " "}, '\u3000': {KindSpace, " "},
	'\u200b': {KindSpace, ""}, '\u2060': {KindSpace, ""}, '\ufeff': {KindSpace, ""},
}

// dashes are characters that stand in for `-`.
const dashes = "‐‑‒–—―−"

// misread returns the length of the first thing in the text and the kind of token that it was obviously meant to be. If
// there is no such kind, as is zero, and the next call need not look at these bytes again.
func misread(text string) (size int, as Kind) {
	r, size := utf8.DecodeRuneInString(text)
	if c, ok := confusables[r]; ok {
		return size, c.as
	}
	switch {
	case r == '~', strings.ContainsRune(dashes, r):
		for i, c := range text[size:] {
			switch {
			case c == '>' || c == '›':
				return size + i + utf8.RuneLen(c), KindArrow
			case c != '-' && !strings.ContainsRune(dashes, c):
				return size + i, 0
			}
		}
		return len(text), 0
	case strings.ContainsRune(singleQuotes, r):
		return wrongQuotes(text, size, singleQuotes)
	case strings.ContainsRune(doubleQuotes, r):
		return wrongQuotes(text, size, doubleQuotes+`"`)
	}
	return size, 0
}

const (
	singleQuotes = "'‘’`"
	doubleQuotes = "“”„«»"
)

// wrongQuotes looks for the end of a string that begins with a wrong quote of this size.
func wrongQuotes(text string, size int, closing string) (int, Kind) {
	end := strings.IndexAny(text[size:], closing+"\n")
	if end < 0 || text[size+end] == '\n' {
		return size, 0
	}
	_, last := utf8.DecodeRuneInString(text[size+end:])
	return size + end + last, KindString
}

// invalid reports an Invalid token.
func (p *parser) invalid(t Token) {
	at := p.file.span(t)
	if len(p.list) == maxFindings {
		p.report(diag.Diagnostic{Primary: at})
		return
	}
	text := at.Text()
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case t.as == KindInvalid && (nameRune(r) || r == '/'):
		what := "name"
		if r == '/' {
			what = "path"
		}
		p.report(diag.New(diag.SourceTooLarge, at, "the %s has %d characters", what, utf8.RuneCountInString(text))).
			WithHelp("a %s has at most %d characters; this one starts with %s", what, maxName, quoted(text))
	case t.as == KindString && r == '"':
		p.invalidString(at, text)
	case t.as == KindString:
		_, last := utf8.DecodeLastRuneInString(text)
		value := text[size : len(text)-last]
		d := p.report(diag.New(diag.InvalidCharacter, at, "strings are written in double quotes, not in %c", r))
		if method, path, _ := strings.Cut(value, " "); isMethod(method) && method == strings.ToUpper(method) && (path == "" || path[0] == '/') {
			d.Message = "methods are written without quotes"
			d.WithFix(true, at, value, "remove the quotes")
			return
		}
		value = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
		d.WithFix(true, at, `"`+value+`"`, "use double quotes")
	case t.as != KindInvalid:
		p.confusable(at, text, t.as)
	default:
		p.stray(at, text, r)
	}
}

func (p *parser) invalidString(at source.Span, text string) {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
		case text[i] == '\\' && i+1 < len(text):
			start := int(at.Start) + i
			p.report(diag.New(diag.InvalidCharacter, p.file.Source.Span(start, start+1), "unknown escape sequence")).
				WithHelp(`the escape sequences are \" and \\; write a backslash as \\`).
				WithFix(false, p.file.Source.Span(start, start+1), `\\`, "double the backslash")
			if text[len(text)-1] == '"' {
				return
			}
		}
	}
	end := p.file.Source.Span(int(at.End), int(at.End))
	p.report(diag.New(diag.UnterminatedString, at, "the string has no closing quote")).
		WithHelp("a string ends with a double quote on the line where it begins").
		WithFix(false, end, `"`, "close it at the end of the line")
}

func (p *parser) confusable(at source.Span, text string, as Kind) {
	r, _ := utf8.DecodeRuneInString(text)
	plain := canonical[as]
	if c, ok := confusables[r]; ok {
		plain = c.plain
	}
	switch {
	case plain == "":
		p.report(diag.New(diag.InvalidCharacter, at, "invisible character %U", r)).
			WithFix(true, at, "", "remove it")
	case plain == " ":
		p.report(diag.New(diag.InvalidCharacter, at, "%U is not an ordinary space", r)).
			WithFix(true, at, " ", "replace it with an ordinary space")
	default:
		p.report(diag.New(diag.InvalidCharacter, at, "write `%s` instead of %s", plain, quoted(text))).
			WithFix(true, at, plain, fmt.Sprintf("write `%s`", plain))
	}
}

// remedies say how to express what these characters mean in other languages.
var remedies = map[rune]string{
	'(': "write operations on several lines in { }",
	')': "write operations on several lines in { }",
	'[': "lists have no brackets: write `a, b`",
	']': "lists have no brackets: write `a, b`",
	'&': "separate services by commas: `a, b -> c`",
	'+': "separate services by commas: `a, b -> c`",
	'<': "write the caller first: `caller -> destination`",
	'!': "to forbid a call, write `deny a -> b` or `never a -> b`",
	'%': "quote text with special characters",
	'$': "there are no variables; quote text with special characters",
	'@': "quote text with special characters",
	'?': "quote text with special characters",
}

func (p *parser) stray(at source.Span, text string, r rune) {
	switch {
	case r == '\r':
		p.report(diag.New(diag.InvalidCharacter, at, "carriage return without a newline")).
			WithHelp("a line ends with a newline, or with a carriage return and a newline")
		return
	case strings.ContainsRune(singleQuotes+doubleQuotes, r):
		p.report(diag.New(diag.UnterminatedString, at, "this quote is not closed on its line")).
			WithHelp("a string is written in double quotes and ends on the line where it begins")
		return
	}
	if text == ">" {
		p.report(diag.New(diag.InvalidCharacter, at, "an arrow is written `->`")).WithFix(false, at, "->", "write `->`")
		return
	}
	what := quoted(text)
	if !unicode.IsGraphic(r) {
		what = fmt.Sprintf("%U", r)
	}
	d := p.report(diag.New(diag.InvalidCharacter, at, "unexpected character %s", what))
	if help := remedies[r]; help != "" {
		d.WithHelp("%s", help)
	} else {
		d.WithHelp("quote text with special characters")
	}
}

// quoted formats a piece of source for a message: shortened and in backquotes.
func quoted(s string) string { return "`" + shortened(s) + "`" }

// shortened limits a text to 60 characters.
func shortened(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == most {
			return s[:i] + "..."
		}
	}
	return s
}

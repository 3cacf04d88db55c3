package lang

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// twin is a character that editors, chat programs and other keyboards put where the language has another.
type twin struct {
	as    Kind
	plain string
}

var twins = map[rune]twin{
	'→': {KindArrow, "->"}, '⇒': {KindArrow, "->"}, '⟶': {KindArrow, "->"}, '⟹': {KindArrow, "->"},
	'➔': {KindArrow, "->"}, '➜': {KindArrow, "->"}, '➝': {KindArrow, "->"}, '➞': {KindArrow, "->"},
	'↠': {KindReach, "->>"}, '⇉': {KindReach, "->>"},
	'，': {KindComma, ","}, '、': {KindComma, ","}, '：': {KindColon, ":"}, '；': {KindEnd, ";"},
	'＊': {KindStar, "*"}, '∗': {KindStar, "*"}, '＝': {KindEquals, "="}, '｜': {KindPipe, "|"},
	'｛': {KindOpen, "{"}, '｝': {KindClose, "}"},
	'\u00a0': {KindSpace, " "}, '\u202f': {KindSpace, " "}, '\u2009': {KindSpace, " "}, '\u3000': {KindSpace, " "},
	'\u200b': {KindSpace, ""}, '\u2060': {KindSpace, ""}, '\ufeff': {KindSpace, ""},
}

// dashes are drawn where `-` was typed.
const dashes = "‐‑‒–—―−"

// lookalike is the size of what begins the text and what it plainly stands for. Where it stands for
// nothing, as is no kind and size is how far one need not look again.
func lookalike(text string) (size int, as Kind) {
	r, size := utf8.DecodeRuneInString(text)
	if t, ok := twins[r]; ok {
		return size, t.as
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

// wrongQuotes looks for the other end of a string that a wrong quote of some bytes began.
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
		p.report(diag.New(diag.SourceTooLarge, at, "a %s of %d characters", what, utf8.RuneCountInString(text))).
			WithHelp("a %s has at most %d characters; this one begins with %s", what, maxName, quoted(text))
	case t.as == KindString && r == '"':
		p.invalidString(at, text)
	case t.as == KindString:
		_, last := utf8.DecodeLastRuneInString(text)
		value := text[size : len(text)-last]
		d := p.report(diag.New(diag.InvalidCharacter, at, "a string stands in double quotes, not in %c", r))
		if isMethod(value) && value == strings.ToUpper(value) {
			d.Message = "a method stands without quotes"
			d.WithFix(true, at, value, "take the quotes out")
			return
		}
		value = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
		d.WithFix(true, at, `"`+value+`"`, "put it in double quotes")
	case t.as != KindInvalid:
		p.twin(at, text, t.as)
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
			p.report(diag.New(diag.InvalidCharacter, p.file.Source.Span(start, start+1), "a string has no such escape")).
				WithHelp(`only \" and \\ are escapes; for a backslash write \\`).
				WithFix(false, p.file.Source.Span(start, start+1), `\\`, "double the backslash")
			if text[len(text)-1] == '"' {
				return
			}
		}
	}
	end := p.file.Source.Span(int(at.End), int(at.End))
	p.report(diag.New(diag.UnterminatedString, at, "this string has no closing quote")).
		WithHelp("a string ends on the line that it begins on, with a double quote").
		WithFix(false, end, `"`, "close it at the end of the line")
}

func (p *parser) twin(at source.Span, text string, as Kind) {
	r, _ := utf8.DecodeRuneInString(text)
	plain := canonical[as]
	if t, ok := twins[r]; ok {
		plain = t.plain
	}
	switch {
	case plain == "":
		p.report(diag.New(diag.InvalidCharacter, at, "an invisible character (%U)", r)).
			WithFix(true, at, "", "take it out")
	case plain == " ":
		p.report(diag.New(diag.InvalidCharacter, at, "a blank that is no plain one (%U)", r)).
			WithFix(true, at, " ", "write a plain blank")
	default:
		p.report(diag.New(diag.InvalidCharacter, at, "this is written `%s`, not %s", plain, quoted(text))).
			WithFix(true, at, plain, fmt.Sprintf("write `%s`", plain))
	}
}

// remedies are signs of other languages, and how this one says the same.
var remedies = map[rune]string{
	'(': "operations over several lines stand in { }",
	')': "operations over several lines stand in { }",
	'[': "lists have no brackets: write `a, b`",
	']': "lists have no brackets: write `a, b`",
	'&': "several services are separated by commas: `a, b -> c`",
	'+': "several services are separated by commas: `a, b -> c`",
	'<': "the caller stands first: `caller -> callee`",
	'!': "what must not happen is written `deny a -> b` or `never a -> b`",
	'%': "put text with other characters in double quotes",
	'$': "there are no variables; put text with other characters in double quotes",
	'@': "put text with other characters in double quotes",
	'?': "put text with other characters in double quotes",
}

func (p *parser) stray(at source.Span, text string, r rune) {
	switch {
	case r == '\r':
		p.report(diag.New(diag.InvalidCharacter, at, "a carriage return without a newline")).
			WithHelp("lines end with a newline, or with a carriage return and a newline")
		return
	case strings.ContainsRune(singleQuotes+doubleQuotes, r):
		p.report(diag.New(diag.UnterminatedString, at, "this quote has no partner on its line")).
			WithHelp("a string stands in double quotes and ends on the line that it begins on")
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
	d := p.report(diag.New(diag.InvalidCharacter, at, "the language has no %s", what))
	if help := remedies[r]; help != "" {
		d.WithHelp("%s", help)
	} else {
		d.WithHelp("put text with other characters in double quotes")
	}
}

// quoted is a piece of source as a message shows it: in backquotes, and shortened.
func quoted(s string) string { return "`" + shortened(s) + "`" }

// shortened leaves out what nobody would read.
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

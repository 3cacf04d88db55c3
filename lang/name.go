package lang

import (
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The parts that all statements consist of read their tokens themselves. Their take methods return what they expected
// but did not find. Spans have no file yet: see locate.

const nameProductions = `
Name = <name> | <method> | <string> | "*" .
Ref = Name ("/" Name)? .
Target = Ref (":" (<name> | <string> | "*"))? .
Number = <name> | <string> .
Operation = (<method> ("|" <method>)* (<path> | <string> | "*")?) | <path> | <string> .
`

func kindOf(t *lexer.Token) Kind {
	if t.Type == lexer.EOF {
		return KindEnd
	}
	return Kind(t.Type)
}

// word reports whether the next token is this word, without quotes.
func word(lex *lexer.PeekingLexer, text string) bool {
	t := lex.Peek()
	return kindOf(t) == KindName && t.Value == text
}

// Parse reads a name for participle. It reads anything that resembles a name; check rejects what is not a valid one.
func (n *Name) Parse(lex *lexer.PeekingLexer) error {
	if !n.take(lex) {
		return participle.NextMatch
	}
	return nil
}

func (n *Name) take(lex *lexer.PeekingLexer) bool {
	switch t := lex.Peek(); kindOf(t) {
	case KindName, KindMethod, KindStar, KindString:
		n.set(t)
		lex.Next()
		return true
	}
	return false
}

// number reads a name that begins with a digit or is quoted.
func (n *Name) number(lex *lexer.PeekingLexer) bool {
	switch t := lex.Peek(); kindOf(t) {
	case KindName:
		return classes[t.Value[0]] == digit && n.take(lex)
	case KindString:
		return n.take(lex)
	}
	return false
}

// port reads the number of a port after a colon that ends at an offset. The name of a port must touch the colon; it is
// read so that check can say which number it has.
func (n *Name) port(lex *lexer.PeekingLexer, colon int32) bool {
	t := lex.Peek()
	return n.number(lex) || kindOf(t) == KindName && int32(t.Pos.Offset) == colon && n.take(lex)
}

func (n *Name) set(t *lexer.Token) {
	n.Text = t.Value
	n.Range.Start = int32(t.Pos.Offset)
	n.Range.End = int32(t.Pos.Offset + len(t.Value))
	switch kindOf(t) {
	case KindString:
		n.Text, n.Quoted = unquote(t.Value), true
	case KindStar:
		n.Text = "*"
	}
}

// join adds a token that touches the name.
func (n *Name) join(t *lexer.Token) {
	n.Text += t.Value
	n.Range.End = int32(t.Pos.Offset + len(t.Value))
}

var unescape = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

// unquote returns the value of a string. The string may have the wrong quotes or no closing quote, which is reported
// elsewhere.
func unquote(s string) string {
	if n := len(s); n >= 2 && s[0] == '"' && s[n-1] == '"' && strings.IndexByte(s, '\\') < 0 {
		return s[1 : n-1]
	}
	first, size := utf8.DecodeRuneInString(s)
	s = s[size:]
	last, size := utf8.DecodeLastRuneInString(s)
	if last == '"' || first != '"' {
		s = s[:len(s)-size]
	}
	return unescape.Replace(s)
}

// Parse reads a reference for participle.
func (r *Ref) Parse(lex *lexer.PeekingLexer) error {
	if !r.Name.take(lex) {
		return participle.NextMatch
	}
	return refuse(lex, r.rest(lex))
}

// rest reads what follows the first name.
func (r *Ref) rest(lex *lexer.PeekingLexer) expectation {
	r.Range = r.Name.Range
	if t := lex.Peek(); kindOf(t) == KindSlash {
		slash := int32(t.Pos.Offset)
		lex.Next()
		r.Namespace = r.Name
		r.Name = Name{}
		if int32(lex.Peek().Pos.Offset) != slash+1 || !r.Name.take(lex) {
			return aQualifiedService
		}
		r.Range.End = r.Name.Range.End
	}
	return satisfied
}

// Parse reads a reference with its port for participle.
func (t *Target) Parse(lex *lexer.PeekingLexer) error {
	if !t.Name.take(lex) {
		return participle.NextMatch
	}
	return refuse(lex, t.rest(lex))
}

func (t *Target) rest(lex *lexer.PeekingLexer) expectation {
	if want := t.Ref.rest(lex); want != satisfied {
		return want
	}
	if colon := lex.Peek(); kindOf(colon) == KindColon {
		lex.Next()
		if star := lex.Peek(); kindOf(star) == KindStar {
			t.Port.take(lex)
		} else if !t.Port.port(lex, int32(colon.Pos.Offset+len(colon.Value))) {
			return aPort
		}
	}
	return satisfied
}

// operationStarts reports whether an operation can begin with this token.
func operationStarts(t *lexer.Token) bool {
	switch kindOf(t) {
	case KindMethod, KindPath:
		return true
	case KindString:
		s := unquote(t.Value)
		return s != "" && (s[0] == '/' || s[0] == '*')
	}
	return false
}

// Parse reads an operation for participle.
func (o *Operation) Parse(lex *lexer.PeekingLexer) error {
	if !operationStarts(lex.Peek()) {
		return participle.NextMatch
	}
	return refuse(lex, o.take(lex))
}

// take reads an operation. Its first token must satisfy operationStarts.
func (o *Operation) take(lex *lexer.PeekingLexer) expectation {
	t := lex.Peek()
	if kindOf(t) == KindMethod {
		var m Name
		m.set(t)
		lex.Next()
		o.Methods = append(o.Methods, m)
		o.Range = m.Range
		for kindOf(lex.Peek()) == KindPipe {
			lex.Next()
			if t = lex.Peek(); kindOf(t) != KindMethod {
				return aMethod
			}
			m = Name{}
			m.set(t)
			lex.Next()
			o.Methods = append(o.Methods, m)
			o.Range.End = m.Range.End
		}
		if t = lex.Peek(); kindOf(t) != KindStar && (kindOf(t) == KindMethod || !operationStarts(t)) {
			return satisfied
		}
	}
	o.Path.set(t)
	lex.Next()
	if len(o.Methods) == 0 {
		o.Range = o.Path.Range
	}
	o.Range.End = o.Path.Range.End
	return satisfied
}

package lang

import (
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The smallest parts of all statements read their tokens themselves. What take gives back is what it
// expected and did not find; empty where it is content. Places have no file yet: see place.

const nameProductions = `
Name = <name> | <method> | <string> | "*" .
Ref = Name ("/" Name)? .
Target = Ref (":" Number)? .
Number = <name> | <string> .
Operation = (<method> ("|" <method>)* (<path> | <string> | "*")?) | <path> | <string> .
`

func kindOf(t *lexer.Token) Kind {
	if t.Type == lexer.EOF {
		return KindEnd
	}
	return Kind(t.Type)
}

// word tells whether the next token is a bare word of this text.
func word(lex *lexer.PeekingLexer, text string) bool {
	t := lex.Peek()
	return kindOf(t) == KindName && t.Value == text
}

// refuse is the error of a Parseable that stands inside another rule.
func refuse(lex *lexer.PeekingLexer, expected string) error {
	if expected == "" {
		return nil
	}
	return &participle.UnexpectedTokenError{Unexpected: *lex.Peek(), Expect: expected}
}

// Parse reads a name for participle. Anything that could be one is read; check refuses it where it is none.
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

// number reads what begins with a digit, or is quoted.
func (n *Name) number(lex *lexer.PeekingLexer) bool {
	switch t := lex.Peek(); kindOf(t) {
	case KindName:
		return classes[t.Value[0]] == digit && n.take(lex)
	case KindString:
		return n.take(lex)
	}
	return false
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

// unquote is the text of a string. It may have wrong quotes, or none at its end: that is reported elsewhere.
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
func (r *Ref) rest(lex *lexer.PeekingLexer) string {
	r.Range = r.Name.Range
	if t := lex.Peek(); kindOf(t) == KindSlash {
		slash := int32(t.Pos.Offset)
		lex.Next()
		r.Namespace = r.Name
		r.Name = Name{}
		if int32(lex.Peek().Pos.Offset) != slash+1 || !r.Name.take(lex) {
			return "a service right behind " + quoted(r.Namespace.Text+"/")
		}
		r.Range.End = r.Name.Range.End
	}
	return ""
}

// Parse reads a reference with its port for participle.
func (t *Target) Parse(lex *lexer.PeekingLexer) error {
	if !t.Name.take(lex) {
		return participle.NextMatch
	}
	return refuse(lex, t.rest(lex))
}

func (t *Target) rest(lex *lexer.PeekingLexer) string {
	if expected := t.Ref.rest(lex); expected != "" {
		return expected
	}
	if kindOf(lex.Peek()) == KindColon {
		lex.Next()
		if !t.Port.number(lex) {
			return "a port behind " + quoted(t.String()+":")
		}
	}
	return ""
}

// operationStarts tells whether an operation begins with this token.
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

// take reads an operation whose first token is known to begin one.
func (o *Operation) take(lex *lexer.PeekingLexer) string {
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
				return "a method behind `|`"
			}
			m = Name{}
			m.set(t)
			lex.Next()
			o.Methods = append(o.Methods, m)
			o.Range.End = m.Range.End
		}
		if t = lex.Peek(); kindOf(t) != KindStar && (kindOf(t) == KindMethod || !operationStarts(t)) {
			return ""
		}
	}
	o.Path.set(t)
	lex.Next()
	if len(o.Methods) == 0 {
		o.Range = o.Path.Range
	}
	o.Range.End = o.Path.Range.End
	return ""
}

package lang

import "github.com/alecthomas/participle/v2/lexer"

func (*Issuer) productions() string {
	return `
Issuer = "issuer" Name (("url" URL) | ("keys" URL) | ("audience" Name ("|" Name)*) | ("from" Carrier) | "forward")* .
URL = <string> | (<name> (":" <path>)?) .
Carrier = ("header" Name ("prefix" Name)?) | ("query" Name) .
`
}

func (i *Issuer) take(lex *lexer.PeekingLexer) expectation {
	lex.Next()
	if !i.Name.take(lex) {
		return anIssuerName
	}
	for {
		t := lex.Peek()
		if kindOf(t) != KindName {
			return satisfied
		}
		want := satisfied
		switch t.Value {
		case "url":
			lex.Next()
			want = i.url(lex, &i.URLs)
		case "keys":
			lex.Next()
			want = i.url(lex, &i.Keys)
		case "audience":
			lex.Next()
			want = alternatives(lex, &i.Audiences, (*Name).take, anAudience)
		case "from":
			lex.Next()
			i.From = append(i.From, Carrier{})
			want = i.From[len(i.From)-1].take(lex)
		case "forward":
			i.Forward.set(t)
			lex.Next()
		default:
			return satisfied
		}
		if want != satisfied {
			return want
		}
	}
}

// url reads a URL, which is several tokens that touch, or a string.
func (*Issuer) url(lex *lexer.PeekingLexer, all *[]Name) expectation {
	var n Name
	switch kindOf(lex.Peek()) {
	case KindString:
		n.take(lex)
	case KindName:
		n.touching(lex)
	default:
		return aURL
	}
	*all = append(*all, n)
	return satisfied
}

func (c *Carrier) take(lex *lexer.PeekingLexer) expectation {
	switch {
	case word(lex, "header"):
		lex.Next()
		if !c.Header.take(lex) {
			return aHeaderName
		}
		if word(lex, "prefix") {
			lex.Next()
			if !c.Prefix.take(lex) {
				return aPrefix
			}
		}
	case word(lex, "query"):
		lex.Next()
		if !c.Query.take(lex) {
			return aQueryParameter
		}
	default:
		return aCarrier
	}
	return satisfied
}

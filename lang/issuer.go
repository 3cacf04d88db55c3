package lang

import "github.com/alecthomas/participle/v2/lexer"

func (*Issuer) productions() string {
	return `
Issuer = "issuer" Name (("url" URL) | ("keys" URL) | ("audience" Name ("|" Name)*) | ("from" Carrier) | "forward" | Passed)* .
URL = <string> | (<name> (":" <path>)?) .
Carrier = ("header" Name ("prefix" Name)?) | ("query" Name) | ("cookie" Name) .
Passed = (("claim" Name) | "payload") "to" "header" Name .
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
		case "claim", "payload":
			i.Passed = append(i.Passed, Passed{})
			want = i.Passed[len(i.Passed)-1].take(lex)
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
	case word(lex, "cookie"):
		lex.Next()
		if !c.Cookie.take(lex) {
			return aCookie
		}
	default:
		return aCarrier
	}
	return satisfied
}

func (p *Passed) take(lex *lexer.PeekingLexer) expectation {
	if word(lex, "payload") {
		p.Payload.set(lex.Next())
	} else if lex.Next(); !p.Claim.take(lex) {
		return aClaim
	}
	for _, part := range []string{"to", "header"} {
		if !word(lex, part) {
			return aPassedHeader
		}
		lex.Next()
	}
	if !p.Header.take(lex) {
		return aHeaderName
	}
	return satisfied
}

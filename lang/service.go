package lang

import (
	"slices"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// Services are the second most frequent statements and are read by hand for the same reason as edges.

func (*Service) productions() string {
	return `
Service = "service" Name (("account" Name) | ("was" Name) | "outside" | "gateway" | ("address" Address) | ("label" Label) | ("port" Port))* .
Address = <string> | ((<name> | <method> | ":") (<name> | <method> | <path> | ":" | "/")*) .
Label = Name ("/" Name)? "=" Name .
Port = Number (<name> "tls"?)? .
`
}

// clauses are the words that begin a clause of a service or an external. None of them can be a protocol.
var clauses = []string{"account", "was", "outside", "gateway", "address", "label", "port", "host"}

func (s *Service) take(lex *lexer.PeekingLexer) expectation {
	lex.Next()
	if !s.Name.take(lex) {
		return aServiceName
	}
	for {
		t := lex.Peek()
		if kindOf(t) != KindName {
			return satisfied
		}
		want := satisfied
		switch t.Value {
		case "account":
			lex.Next()
			var n Name
			if !n.take(lex) {
				return anAccount
			}
			s.Accounts = append(s.Accounts, n)
		case "was":
			lex.Next()
			var n Name
			if !n.take(lex) {
				return anAccount
			}
			s.Was = append(s.Was, n)
		case "outside":
			s.Outside.set(t)
			lex.Next()
		case "gateway":
			s.Gateway.set(t)
			lex.Next()
		case "address":
			lex.Next()
			var n Name
			want = n.address(lex)
			s.Addresses = append(s.Addresses, n)
		case "label":
			lex.Next()
			s.Labels = append(s.Labels, Label{})
			want = s.Labels[len(s.Labels)-1].take(lex)
		case "port":
			lex.Next()
			s.Ports = append(s.Ports, Port{})
			want = s.Ports[len(s.Ports)-1].take(lex)
		default:
			return satisfied
		}
		if want != satisfied {
			return want
		}
	}
}

// Parse reads a port for participle.
func (p *Port) Parse(lex *lexer.PeekingLexer) error { return refuse(lex, p.take(lex)) }

var _ participle.Parseable = (*Port)(nil)

func (p *Port) take(lex *lexer.PeekingLexer) expectation {
	if !p.Number.number(lex) {
		return aPortNumber
	}
	if t := lex.Peek(); kindOf(t) == KindName && !clause(lex) {
		p.Protocol.set(t)
		lex.Next()
		if t := lex.Peek(); word(lex, "tls") {
			p.TLS.set(t)
			lex.Next()
		}
	}
	return satisfied
}

func clause(lex *lexer.PeekingLexer) bool {
	t := lex.Peek()
	return kindOf(t) == KindName && slices.Contains(clauses, t.Value)
}

func (l *Label) take(lex *lexer.PeekingLexer) expectation {
	if !l.Key.take(lex) {
		return aLabel
	}
	if t := lex.Peek(); kindOf(t) == KindSlash {
		l.Key.join(t)
		lex.Next()
		var n Name
		if int32(lex.Peek().Pos.Offset) != l.Key.Range.End || !n.take(lex) {
			return aLabel
		}
		l.Key.Text += n.Text
		l.Key.Range.End = n.Range.End
	}
	if kindOf(lex.Peek()) != KindEquals {
		return aLabelSign
	}
	lex.Next()
	if !l.Value.take(lex) {
		return aLabelValue
	}
	return satisfied
}

// address reads tokens that touch: 10.0.3.0/24 and 2001:db8::/32 are several tokens each.
func (n *Name) address(lex *lexer.PeekingLexer) expectation {
	t := lex.Peek()
	switch kindOf(t) {
	case KindString:
		n.take(lex)
		return satisfied
	case KindName, KindMethod, KindColon:
	default:
		return anAddress
	}
	n.touching(lex)
	return satisfied
}

// touching reads the next token and those that touch it.
func (n *Name) touching(lex *lexer.PeekingLexer) {
	n.set(lex.Peek())
	for range 40 { // an IPv6 prefix has at most 17
		lex.Next()
		t := lex.Peek()
		switch kindOf(t) {
		case KindName, KindMethod, KindColon, KindSlash, KindPath:
			if int32(t.Pos.Offset) == n.Range.End {
				n.join(t)
				continue
			}
		}
		break
	}
}

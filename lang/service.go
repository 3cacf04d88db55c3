package lang

import (
	"slices"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// Services come second in number to edges and read their tokens themselves for the same reason.

func (*Service) productions() string { return serviceProductions }

const serviceProductions = `
Service = "service" Name (("account" Name) | "outside" | ("address" Address) | ("label" Label) | ("port" Port))* .
Address = <string> | ((<name> | <method> | ":") (<name> | <method> | <path> | ":" | "/")*) .
Label = Name ("/" Name)? "=" Name .
Port = Number (<name> "tls"?)? .
`

// clauses are the words that begin a clause of a service or an external. None of them is taken for a
// protocol.
var clauses = []string{"account", "outside", "address", "label", "port", "host"}

// Parse reads a service for participle.
func (s *Service) Parse(lex *lexer.PeekingLexer) error {
	lex.Next()
	if !s.Name.take(lex) {
		return expected("the name of the service")
	}
	for {
		t := lex.Peek()
		if kindOf(t) != KindName {
			return nil
		}
		missing := ""
		switch t.Value {
		case "account":
			lex.Next()
			var n Name
			if !n.take(lex) {
				return expected("the name of an account behind `account`")
			}
			s.Accounts = append(s.Accounts, n)
		case "outside":
			s.Outside.set(t)
			lex.Next()
		case "address":
			lex.Next()
			var n Name
			missing = n.address(lex)
			s.Addresses = append(s.Addresses, n)
		case "label":
			lex.Next()
			s.Labels = append(s.Labels, Label{})
			missing = s.Labels[len(s.Labels)-1].take(lex)
		case "port":
			lex.Next()
			s.Ports = append(s.Ports, Port{})
			missing = s.Ports[len(s.Ports)-1].take(lex)
		default:
			return nil
		}
		if missing != "" {
			return expected(missing)
		}
	}
}

// Parse reads a port for participle.
func (p *Port) Parse(lex *lexer.PeekingLexer) error { return refuse(lex, p.take(lex)) }

var _ participle.Parseable = (*Port)(nil)

func (p *Port) take(lex *lexer.PeekingLexer) string {
	if !p.Number.number(lex) {
		return "a number behind `port`"
	}
	if t := lex.Peek(); kindOf(t) == KindName && !clause(lex) {
		p.Protocol.set(t)
		lex.Next()
		if t := lex.Peek(); word(lex, "tls") {
			p.TLS.set(t)
			lex.Next()
		}
	}
	return ""
}

func clause(lex *lexer.PeekingLexer) bool {
	t := lex.Peek()
	return kindOf(t) == KindName && slices.Contains(clauses, t.Value)
}

func (l *Label) take(lex *lexer.PeekingLexer) string {
	const missing = "a label behind `label`, such as app=db"
	if !l.Key.take(lex) {
		return missing
	}
	if t := lex.Peek(); kindOf(t) == KindSlash {
		l.Key.join(t)
		lex.Next()
		var n Name
		if int32(lex.Peek().Pos.Offset) != l.Key.Range.End || !n.take(lex) {
			return missing
		}
		l.Key.Text += n.Text
		l.Key.Range.End = n.Range.End
	}
	if kindOf(lex.Peek()) != KindEquals {
		return "`=` and a value behind " + quoted("label "+l.Key.Text)
	}
	lex.Next()
	if !l.Value.take(lex) {
		return "a value behind " + quoted(l.Key.Text+"=")
	}
	return ""
}

// address reads whatever touches: 10.0.3.0/24 and 2001:db8::/32 are several tokens each.
func (n *Name) address(lex *lexer.PeekingLexer) string {
	t := lex.Peek()
	switch kindOf(t) {
	case KindString:
		n.take(lex)
		return ""
	case KindName, KindMethod, KindColon:
	default:
		return "an address behind `address`, such as 10.0.3.0/24"
	}
	n.set(t)
	for range 40 { // an IPv6 prefix has at most 17
		lex.Next()
		t = lex.Peek()
		switch kindOf(t) {
		case KindName, KindMethod, KindColon, KindSlash, KindPath:
			if int32(t.Pos.Offset) == n.Range.End {
				n.join(t)
				continue
			}
		}
		break
	}
	return ""
}

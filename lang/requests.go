package lang

import (
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/meshc/meshc/lang/source"
)

// Requests says which requests to a destination are meant. The zero Requests are all of them.
type Requests struct {
	Ops    []Operation
	Braces bool     // the operations are in braces
	More   *Clauses // nil if there are none
}

// Clauses are what is written less often than operations.
type Clauses struct {
	Hosts   []Name // any of them; `*.example.com` is a wildcard
	Except  []Exception
	Headers []Condition
	With    []Credential // check rejects more than one
}

// Clauses returns the clauses, which may be none.
func (r *Requests) Clauses() Clauses {
	if r.More == nil {
		return Clauses{}
	}
	return *r.More
}

// more returns the clauses to add to.
func (r *Requests) more() *Clauses {
	if r.More == nil {
		r.More = new(Clauses)
	}
	return r.More
}

// Extent returns the span from the first host or operation to the end of the last clause, without braces.
func (r *Requests) Extent() (s source.Span) {
	if n := len(r.Ops); n > 0 {
		s = r.Ops[0].Range.To(r.Ops[n-1].Range)
	}
	if r.More == nil {
		return s
	}
	for _, h := range r.More.Hosts {
		s = s.To(h.Range)
	}
	for _, e := range r.More.Except {
		s = s.To(e.Range)
	}
	for _, h := range r.More.Headers {
		s = s.To(h.Range)
	}
	for _, c := range r.More.With {
		s = s.To(c.Range)
	}
	return s
}

// Operation is `GET|HEAD /api/*`. Either part may be absent, but not both.
type Operation struct {
	Methods []Name
	Path    Name
	Range   source.Span
}

// Span returns the span from the first method to the path.
func (o *Operation) Span() source.Span { return o.Range }

// Exception is an operation, or a port as in `except :9090`, that is left out.
type Exception struct {
	Op    Operation
	Port  Name // present where it is a port
	Range source.Span
}

// Span returns the span of the operation, or that of the colon and the port.
func (e *Exception) Span() source.Span { return e.Range }

// Condition is `header x-tenant=acme|beta`, `no header x-debug`, or a claim of a token: `groups=admin`.
type Condition struct {
	No     bool
	Name   Name
	Values []Name // none: whatever the value
	Range  source.Span
}

// Span returns the span from the first keyword, if any, to the last value.
func (c *Condition) Span() source.Span { return c.Range }

// Credential is `with corp|partner groups=admin`: a token of one of the issuers that has all of the claims; or `with no
// token`.
type Credential struct {
	None    Name   // the keyword `token` after `no`, or absent: there is nothing else then
	Issuers []Name // `any` stands for all issuers
	Claims  []Condition
	Range   source.Span
}

// Span returns the span from `with` to the last claim.
func (c *Credential) Span() source.Span { return c.Range }

const requestProductions = `
Hosts = "host" Host ("|" Host)* .
Host = ("*" <name>) | Name .
Operations = Operation ("," Operation)* .
Clause = ("except" Exception ("," Exception)*) | Header | Credential .
Exception = Operation | (":" Number) .
Header = "no"? "header" Name ("=" Name ("|" Name)*)? .
Credential = "with" (("no" "token") | (Name ("|" Name)* Claim*)) .
Claim = "no"? Name "=" Name ("|" Name)* .
`

// follow is what comes after the requests of a destination.
type follow uint8

const (
	nothing            follow = iota
	anotherDestination        // the comma in front of it has been read
	exemptCallers             // the `except` in front of them has been read
)

// clauseWords begin what may follow a destination.
var clauseWords = []string{"host", "except", "header", "no", "with"}

// take reads the requests, if any.
func (r *Requests) take(lex *lexer.PeekingLexer, braces bool) (follow, expectation) {
	if word(lex, "host") {
		lex.Next()
		if want := alternatives(lex, &r.more().Hosts, (*Name).host, aHost); want != satisfied {
			return nothing, want
		}
	}
	next := lex.Peek()
	switch {
	case braces && kindOf(next) == KindOpen:
		lex.Next()
		if want := r.braced(lex); want != satisfied {
			return nothing, want
		}
	case operationStarts(next):
		for {
			r.Ops = append(r.Ops, Operation{})
			if want := r.Ops[len(r.Ops)-1].take(lex); want != satisfied {
				return nothing, want
			}
			if kindOf(lex.Peek()) != KindComma {
				break
			}
			lex.Next()
			if !operationStarts(lex.Peek()) {
				return anotherDestination, satisfied
			}
		}
	}
	return r.clauses(lex)
}

// braced reads the operations after an opening brace, and the closing brace.
func (r *Requests) braced(lex *lexer.PeekingLexer) expectation {
	r.Braces = true
	for {
		if !operationStarts(lex.Peek()) {
			return anOperation
		}
		r.Ops = append(r.Ops, Operation{})
		if want := r.Ops[len(r.Ops)-1].take(lex); want != satisfied {
			return want
		}
		comma := kindOf(lex.Peek()) == KindComma
		if comma {
			lex.Next()
		}
		switch {
		case kindOf(lex.Peek()) == KindClose:
			lex.Next()
			return satisfied
		case !comma:
			return aCommaOrBrace
		}
	}
}

func (r *Requests) clauses(lex *lexer.PeekingLexer) (follow, expectation) {
	for {
		t := lex.Peek()
		switch kindOf(t) {
		case KindComma:
			lex.Next()
			return anotherDestination, satisfied
		case KindName:
		default:
			return nothing, satisfied
		}
		switch t.Value {
		case "except":
			lex.Next()
			if !exceptionStarts(lex.Peek()) {
				return exemptCallers, satisfied
			}
			more, want := r.more().exceptions(lex)
			if want != satisfied || more {
				return anotherDestination, want
			}
		case "header", "no":
			var h Condition
			if want := h.header(lex); want != satisfied {
				return nothing, want
			}
			r.more().Headers = append(r.more().Headers, h)
		case "with":
			var c Credential
			if want := c.take(lex); want != satisfied {
				return nothing, want
			}
			r.more().With = append(r.more().With, c)
		default:
			return nothing, satisfied
		}
	}
}

func exceptionStarts(t *lexer.Token) bool { return kindOf(t) == KindColon || operationStarts(t) }

// exceptions reads a list whose first token must satisfy exceptionStarts. If more is true it has also read the comma in
// front of the next destination.
func (c *Clauses) exceptions(lex *lexer.PeekingLexer) (more bool, want expectation) {
	for {
		c.Except = append(c.Except, Exception{})
		if want := c.Except[len(c.Except)-1].take(lex); want != satisfied {
			return false, want
		}
		if kindOf(lex.Peek()) != KindComma {
			return false, satisfied
		}
		lex.Next()
		if !exceptionStarts(lex.Peek()) {
			return true, satisfied
		}
	}
}

func (e *Exception) take(lex *lexer.PeekingLexer) expectation {
	colon := lex.Peek()
	if kindOf(colon) != KindColon {
		want := e.Op.take(lex)
		e.Range = e.Op.Range
		return want
	}
	start := int32(colon.Pos.Offset)
	lex.Next()
	if !e.Port.port(lex, start+1) {
		return aPort
	}
	e.Range = source.Span{Start: start, End: e.Port.Range.End}
	return satisfied
}

// header reads a condition on a header, which begins with `header` or `no`.
func (c *Condition) header(lex *lexer.PeekingLexer) expectation {
	c.Range.Start = int32(lex.Peek().Pos.Offset)
	if word(lex, "no") {
		c.No = true
		lex.Next()
		if !word(lex, "header") {
			return aHeader
		}
	}
	lex.Next()
	if !c.Name.take(lex) {
		return aHeaderName
	}
	return c.values(lex)
}

// values reads the values of a condition, if any.
func (c *Condition) values(lex *lexer.PeekingLexer) expectation {
	c.Range.End = c.Name.Range.End
	if kindOf(lex.Peek()) != KindEquals {
		return satisfied
	}
	lex.Next()
	if want := alternatives(lex, &c.Values, (*Name).take, aValue); want != satisfied {
		return want
	}
	c.Range.End = c.Values[len(c.Values)-1].Range.End
	return satisfied
}

func (c *Credential) take(lex *lexer.PeekingLexer) expectation {
	c.Range.Start = int32(lex.Peek().Pos.Offset)
	lex.Next()
	if c.none(lex) {
		c.Range.End = c.None.Range.End
		return satisfied
	}
	if want := alternatives(lex, &c.Issuers, (*Name).take, anIssuer); want != satisfied {
		return want
	}
	c.Range.End = c.Issuers[len(c.Issuers)-1].Range.End
	for {
		var claim Condition
		is, want := claim.claim(lex)
		if !is || want != satisfied {
			return want
		}
		c.Claims = append(c.Claims, claim)
		c.Range.End = claim.Range.End
	}
}

// none reads `no token`, if that is not an issuer `no` with a claim `token`.
func (c *Credential) none(lex *lexer.PeekingLexer) bool {
	before := lex.MakeCheckpoint()
	if word(lex, "no") {
		lex.Next()
		if word(lex, "token") && c.None.take(lex) && kindOf(lex.Peek()) != KindEquals {
			return true
		}
	}
	c.None = Name{}
	lex.LoadCheckpoint(before)
	return false
}

// claim reads a claim if the next tokens are a name, which may have `no` in front, and `=`.
func (c *Condition) claim(lex *lexer.PeekingLexer) (is bool, want expectation) {
	before := lex.MakeCheckpoint()
	c.Range.Start = int32(lex.Peek().Pos.Offset)
	no := word(lex, "no")
	if !c.Name.take(lex) {
		return false, satisfied
	}
	if no && kindOf(lex.Peek()) != KindEquals {
		c.No, c.Name = true, Name{}
		if !c.Name.take(lex) {
			lex.LoadCheckpoint(before)
			return false, satisfied
		}
	}
	if kindOf(lex.Peek()) != KindEquals {
		lex.LoadCheckpoint(before)
		return false, satisfied
	}
	return true, c.values(lex)
}

// alternatives reads names that are separated by `|`.
func alternatives(lex *lexer.PeekingLexer, names *[]Name, take func(*Name, *lexer.PeekingLexer) bool, want expectation) expectation {
	for {
		var n Name
		if !take(&n, lex) {
			return want
		}
		*names = append(*names, n)
		if kindOf(lex.Peek()) != KindPipe {
			return satisfied
		}
		lex.Next()
	}
}

// host reads the name of a host. A `*` and the name that touches it are a wildcard.
func (n *Name) host(lex *lexer.PeekingLexer) bool {
	star := kindOf(lex.Peek()) == KindStar
	if !n.take(lex) {
		return false
	}
	if t := lex.Peek(); star && kindOf(t) == KindName && t.Value[0] == '.' && int32(t.Pos.Offset) == n.Range.End {
		n.join(t)
		lex.Next()
	}
	return true
}

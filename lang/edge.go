package lang

import (
	"github.com/alecthomas/participle/v2/lexer"
)

// Edges are most of what there is to read, so they read their tokens themselves: with participle's
// reflection the parser would take several times as long.

func (*Edge) productions() string {
	return `Edge = Hop ("->" Hop)+ (("until" Name) | ("because" Name))* .`
}

const hopProductions = `
Hop = Destination ("," Destination)* .
Destination = Target (("{" Operation ("," Operation)* ","? "}") | (Operation ("," Operation)*))? .
`

// expected is the error of a Parseable that is a whole statement: what should have stood where the lexer
// stands.
type expected string

func (e expected) Error() string { return string(e) }

// pair is room for the hops of most edges: one caller and one callee.
type pair struct {
	hops    [2][]Target
	targets [2]Target
}

// Parse reads an edge for participle.
func (e *Edge) Parse(lex *lexer.PeekingLexer) error {
	room := new(pair)
	e.Hops = room.hops[:0]
	for missing := "a caller"; ; missing = "a service behind `->`" {
		var h hop
		if n := len(e.Hops); n < len(room.targets) {
			h.targets = room.targets[n : n : n+1]
		}
		if missing = h.take(lex, missing); missing != "" {
			return expected(missing)
		}
		e.Hops = append(e.Hops, h.targets)
		if kindOf(lex.Peek()) != KindArrow {
			break
		}
		lex.Next()
	}
	if len(e.Hops) == 1 {
		return expected("`->` and who is called")
	}
	if missing := e.Tail.take(lex); missing != "" {
		return expected(missing)
	}
	return nil
}

// hop is one side of an arrow.
type hop struct{ targets []Target }

// Parse reads one side of an arrow for participle.
func (h *hop) Parse(lex *lexer.PeekingLexer) error {
	return refuse(lex, h.take(lex, "a service"))
}

// take reads the hop; missing says what it is that must stand here.
func (h *hop) take(lex *lexer.PeekingLexer, missing string) string {
	for {
		if n := len(h.targets); n > 0 && h.targets[n-1].Port.Range.End > 0 && kindOf(lex.Peek()) == KindName && digits(lex.Peek().Value) {
			return "a service behind `,`, as each port has its own: `db:5432, db:9187`"
		}
		h.targets = append(h.targets, Target{})
		t := &h.targets[len(h.targets)-1]
		if !t.Name.take(lex) {
			return missing
		}
		if e := t.rest(lex); e != "" {
			return e
		}
		more, e := t.operations(lex)
		if e != "" || !more {
			return e
		}
		missing = "another service behind `,`"
	}
}

// operations reads what may be done at a destination. More tells that a comma was read which leads to
// the next destination.
func (t *Target) operations(lex *lexer.PeekingLexer) (more bool, missing string) {
	next := lex.Peek()
	switch {
	case kindOf(next) == KindOpen:
		lex.Next()
		if missing := t.braced(lex); missing != "" {
			return false, missing
		}
	case operationStarts(next):
		for {
			t.Ops = append(t.Ops, Operation{})
			if missing := t.Ops[len(t.Ops)-1].take(lex); missing != "" {
				return false, missing
			}
			if kindOf(lex.Peek()) != KindComma {
				return false, ""
			}
			lex.Next()
			if !operationStarts(lex.Peek()) {
				return true, ""
			}
		}
	}
	if kindOf(lex.Peek()) != KindComma {
		return false, ""
	}
	lex.Next()
	return true, ""
}

// braced reads operations behind an opening brace, and the closing one.
func (t *Target) braced(lex *lexer.PeekingLexer) (missing string) {
	t.Braces = true
	for {
		if !operationStarts(lex.Peek()) {
			return "an operation, such as `GET /api/*`"
		}
		t.Ops = append(t.Ops, Operation{})
		if missing := t.Ops[len(t.Ops)-1].take(lex); missing != "" {
			return missing
		}
		comma := kindOf(lex.Peek()) == KindComma
		if comma {
			lex.Next()
		}
		switch {
		case kindOf(lex.Peek()) == KindClose:
			lex.Next()
			return ""
		case !comma:
			return "`,` or `}` behind the operation"
		}
	}
}

func (t *Tail) take(lex *lexer.PeekingLexer) string {
	for {
		switch {
		case word(lex, "until"):
			lex.Next()
			if !t.Until.take(lex) {
				return untilMissing
			}
		case word(lex, "because"):
			lex.Next()
			if !t.Because.take(lex) {
				return becauseMissing
			}
		default:
			return ""
		}
	}
}

const (
	untilMissing   = "a date behind `until`, such as 2027-03-31"
	becauseMissing = "a reason in double quotes behind `because`"
)

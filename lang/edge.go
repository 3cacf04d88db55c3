package lang

import (
	"github.com/alecthomas/participle/v2/lexer"
)

// Most statements are edges, so they are read by hand: participle's reflection would take several times as long.

func (*Edge) productions() string {
	return `Edge = Hop ("->" Hop)+ (("until" Name) | ("because" Name))* .`
}

const hopProductions = `
Hop = Destination ("," Destination)* .
Destination = Target (("{" Operation ("," Operation)* ","? "}") | (Operation ("," Operation)*))? .
`

// pair is room for the hops of most edges: one caller and one destination.
type pair struct {
	hops    [2][]Target
	targets [2]Target
}

func (e *Edge) take(lex *lexer.PeekingLexer) expectation {
	room := new(pair)
	e.Hops = room.hops[:0]
	for want := aCaller; ; want = aDestination {
		var h hop
		if n := len(e.Hops); n < len(room.targets) {
			h.targets = room.targets[n : n : n+1]
		}
		if want = h.take(lex, want); want != satisfied {
			return want
		}
		e.Hops = append(e.Hops, h.targets)
		if kindOf(lex.Peek()) != KindArrow {
			break
		}
		lex.Next()
	}
	if len(e.Hops) == 1 {
		return anArrow
	}
	return e.Tail.take(lex)
}

// hop is one side of an arrow.
type hop struct{ targets []Target }

// Parse reads one side of an arrow for participle.
func (h *hop) Parse(lex *lexer.PeekingLexer) error {
	return refuse(lex, h.take(lex, aService))
}

// take reads the hop; first is what is expected at its start.
func (h *hop) take(lex *lexer.PeekingLexer, first expectation) expectation {
	for {
		if n := len(h.targets); n > 0 && h.targets[n-1].Port.Range.End > 0 && kindOf(lex.Peek()) == KindName && digits(lex.Peek().Value) {
			return aServicePerPort
		}
		h.targets = append(h.targets, Target{})
		t := &h.targets[len(h.targets)-1]
		if !t.Name.take(lex) {
			return first
		}
		if want := t.rest(lex); want != satisfied {
			return want
		}
		more, want := t.operations(lex)
		if want != satisfied || !more {
			return want
		}
		first = anotherService
	}
}

// operations reads the operations of a destination, if any. If more is true it has also read the comma in front of the
// next destination.
func (t *Target) operations(lex *lexer.PeekingLexer) (more bool, want expectation) {
	next := lex.Peek()
	switch {
	case kindOf(next) == KindOpen:
		lex.Next()
		if want := t.braced(lex); want != satisfied {
			return false, want
		}
	case operationStarts(next):
		for {
			t.Ops = append(t.Ops, Operation{})
			if want := t.Ops[len(t.Ops)-1].take(lex); want != satisfied {
				return false, want
			}
			if kindOf(lex.Peek()) != KindComma {
				return false, satisfied
			}
			lex.Next()
			if !operationStarts(lex.Peek()) {
				return true, satisfied
			}
		}
	}
	if kindOf(lex.Peek()) != KindComma {
		return false, satisfied
	}
	lex.Next()
	return true, satisfied
}

// braced reads the operations after an opening brace, and the closing brace.
func (t *Target) braced(lex *lexer.PeekingLexer) expectation {
	t.Braces = true
	for {
		if !operationStarts(lex.Peek()) {
			return anOperation
		}
		t.Ops = append(t.Ops, Operation{})
		if want := t.Ops[len(t.Ops)-1].take(lex); want != satisfied {
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

func (t *Tail) take(lex *lexer.PeekingLexer) expectation {
	for {
		switch {
		case word(lex, "until"):
			lex.Next()
			if !t.Until.take(lex) {
				return aDate
			}
		case word(lex, "because"):
			lex.Next()
			if !t.Because.take(lex) {
				return aReason
			}
		default:
			return satisfied
		}
	}
}

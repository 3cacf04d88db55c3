package lang

import (
	"slices"

	"github.com/alecthomas/participle/v2/lexer"
)

// Most statements are edges, so they are read by hand: participle's reflection would take several times as long.

func (*Edge) productions() string {
	return `Edge = Hop ("->" Hop)+ (("until" Name) | ("because" Name))* .`
}

const hopProductions = `
Hop = Destination ("," Destination)* ("except" Ref ("," Ref)*)? .
Destination = Target Hosts? (("{" Operation ("," Operation)* ","? "}") | Operations)? Clause* .
`

// pair is room for the hops of most edges: one caller and one destination.
type pair struct {
	hops    [2]Hop
	targets [2]Target
}

func (e *Edge) take(lex *lexer.PeekingLexer) expectation {
	room := new(pair)
	e.Hops = room.hops[:0]
	for want := aCaller; ; want = aDestination {
		n := len(e.Hops)
		e.Hops = append(e.Hops, Hop{})
		if n < len(room.targets) {
			e.Hops[n].Targets = room.targets[n : n : n+1]
		}
		if want = e.Hops[n].take(lex, want); want != satisfied {
			return want
		}
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

// Parse reads one side of an arrow for participle.
func (h *Hop) Parse(lex *lexer.PeekingLexer) error {
	return refuse(lex, h.take(lex, aService))
}

// take reads the hop; first is what is expected at its start.
func (h *Hop) take(lex *lexer.PeekingLexer, first expectation) expectation {
	for {
		if n := len(h.Targets); n > 0 && kindOf(lex.Peek()) == KindName && digits(lex.Peek().Value) {
			switch last := &h.Targets[n-1]; {
			case slices.ContainsFunc(last.Clauses().Except, func(e Exception) bool { return e.Port.Range.End > 0 }):
				return anExceptPort
			case last.Port.Range.End > 0:
				return aServicePerPort
			}
		}
		h.Targets = append(h.Targets, Target{})
		t := &h.Targets[len(h.Targets)-1]
		if !t.Name.take(lex) {
			return first
		}
		if want := t.rest(lex); want != satisfied {
			return want
		}
		next, want := t.Requests.take(lex, true)
		switch {
		case want != satisfied || next == nothing:
			return want
		case next == exemptCallers:
			return h.exempt(lex)
		}
		first = anotherService
	}
}

// exempt reads the callers after `except`.
func (h *Hop) exempt(lex *lexer.PeekingLexer) expectation {
	for {
		h.Except = append(h.Except, Ref{})
		if kindOf(lex.Peek()) == KindName && digits(lex.Peek().Value) {
			return anExceptPort
		}
		r := &h.Except[len(h.Except)-1]
		if !r.Name.take(lex) {
			return anException
		}
		if want := r.rest(lex); want != satisfied {
			return want
		}
		if kindOf(lex.Peek()) != KindComma {
			return satisfied
		}
		lex.Next()
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

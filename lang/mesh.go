package lang

import "github.com/alecthomas/participle/v2/lexer"

func (*Mesh) productions() string {
	return `Mesh = "mesh" Name Name? ("open" | "closed")? .`
}

func (m *Mesh) take(lex *lexer.PeekingLexer) expectation {
	lex.Next()
	if !m.Name.take(lex) {
		return aMeshName
	}
	if !m.defaults(lex) {
		m.Mode.take(lex)
		m.defaults(lex)
	}
	return satisfied
}

func (m *Mesh) defaults(lex *lexer.PeekingLexer) bool {
	if !word(lex, "open") && !word(lex, "closed") {
		return false
	}
	m.Default.set(lex.Peek())
	lex.Next()
	return true
}

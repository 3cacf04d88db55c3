package lang

import (
	"strings"
	"testing"

	"github.com/alecthomas/participle/v2/lexer"
	"github.com/stretchr/testify/require"
)

// TestLexerLosesNothing reads a text through participle's interface: including the tokens that the parser skips, all of
// it is there.
func TestLexerLosesNothing(t *testing.T) {
	const text = "\ufeffmesh\tshop # a comment\r\n\na, # b\n c->\"d e\" GET|HEAD /x/{*} ! until\n"
	lex, err := definition{}.Lex("", strings.NewReader(text))
	require.NoError(t, err)
	tokens, err := lexer.ConsumeAll(lex)
	require.NoError(t, err)

	names := lexer.SymbolsByRune(definition{})
	var all strings.Builder
	var kinds []string
	for _, token := range tokens {
		require.Equal(t, all.Len(), token.Pos.Offset)
		all.WriteString(token.Value)
		if name := names[token.Type]; name != "Space" {
			kinds = append(kinds, name)
		}
	}
	require.Equal(t, text, all.String())
	require.Equal(t, "Name Name Comment End End Name Comma Comment Name Arrow String Method Pipe Method Path Invalid Name End EOF",
		strings.Join(kinds, " "))
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"never a -> b":                             "never a -> b",
		"only a,  # who\r\n\t b\t->c# may":         "only a, b ->c",
		`a -> b because "the \"card # 7\" says" #`: `a -> b because "the \"card # 7\" says"`,
		"a -> b {\n  GET /x#y, # no comment\n}":    "a -> b { GET /x#y, }",
		"":                                         "",
	} {
		require.Equal(t, want, OneLine(text))
	}
}

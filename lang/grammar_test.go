package lang_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/participle/v2/ebnf"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/testdata/golden"
)

const grammarFile = "../grammar/mesh.ebnf"

// TestGrammar checks that the published grammar is that of the parsers.
func TestGrammar(t *testing.T) {
	golden.Equal(t, grammarFile, []byte(lang.Grammar()))
}

// TestGrammarIsWhole checks that every production is defined and used.
func TestGrammarIsWhole(t *testing.T) {
	productions := parseGrammar(t)
	used := map[string]bool{"File": true}
	for _, p := range productions {
		walk(p.Expression, func(term *ebnf.Term) {
			if term.Name != "" {
				require.Contains(t, productions, term.Name, "in %s", p.Production)
				used[term.Name] = true
			}
		})
	}
	for name := range productions {
		require.True(t, used[name], "%s is not used", name)
	}
}

// TestGrammarIsWhatIsRead checks that the parser accepts random sentences of the published grammar, so that the
// productions next to the hand-written code are true.
func TestGrammarIsWhatIsRead(t *testing.T) {
	g := generator{productions: parseGrammar(t), random: rand.New(rand.NewPCG(1, 2))}
	for name := range g.productions["Statement"].names() {
		t.Run(name, func(t *testing.T) {
			for range 300 {
				g.words = g.words[:0]
				g.expression(g.productions[name].Expression)
				sentence := strings.NewReplacer(" / ", "/", " : ", ":").Replace(strings.Join(g.words, " "))
				file, list := lang.Parse("sentence.mesh", []byte(sentence))
				list = slices.DeleteFunc(list, func(d diag.Diagnostic) bool { return d.Code == diag.RepeatedClause })
				require.Empty(t, list, sentence)
				require.Len(t, file.Stmts, 1, sentence)
				require.Equal(t, sentence, file.Stmts[0].Span().Text())
			}
		})
	}
}

type production struct{ *ebnf.Production }

func (p production) names() map[string]bool {
	names := map[string]bool{}
	walk(p.Expression, func(t *ebnf.Term) { names[t.Name] = true })
	return names
}

func parseGrammar(t *testing.T) map[string]production {
	tree, err := ebnf.ParseString(lang.Grammar())
	require.NoError(t, err)
	productions := map[string]production{}
	for _, p := range tree.Productions {
		require.NotContains(t, productions, p.Production)
		productions[p.Production] = production{p}
	}
	return productions
}

func walk(e *ebnf.Expression, visit func(*ebnf.Term)) {
	for _, s := range e.Alternatives {
		for _, t := range s.Terms {
			visit(t)
			if t.Group != nil {
				walk(t.Group.Expr, visit)
			}
		}
	}
}

// samples are words for the productions that say less than their words must be: see the notes at the head
// of the grammar.
var samples = map[string][]string{
	"Name":     {"frontend", "10.0.3.0", "a-b_c", `"odd name"`, "*"},
	"Number":   {"8080", `"9090"`},
	"Host":     {"shop.example.com", "*.example.com", `"*.example.com"`, "*"},
	"URL":      {"https://auth.example.com", "https://auth.example.com:8443/keys?a=b", `"https://auth.example.com"`},
	"Address":  {"10.0.3.0/24", "2001:db8::/32", "::1", `"10.0.3.1"`},
	"<name>":   {"http"},
	"<method>": {"GET", "M-SEARCH"},
	"<path>":   {"/api/*", "/users/{*}/x"},
	"<string>": {`"/quoted path"`, `"*.png"`},
}

type generator struct {
	productions map[string]production
	random      *rand.Rand
	words       []string
}

func (g *generator) expression(e *ebnf.Expression) {
	for _, t := range e.Alternatives[g.random.IntN(len(e.Alternatives))].Terms {
		least, most := 1, 1
		switch t.Repetition {
		case "?":
			least = 0
		case "*":
			least, most = 0, 3
		case "+":
			most = 3
		}
		for range least + g.random.IntN(most-least+1) {
			g.term(t)
		}
	}
}

func (g *generator) term(t *ebnf.Term) {
	words := samples[t.Name]
	if t.Token != "" {
		words = samples["<"+t.Token+">"]
	}
	switch {
	case t.Literal != "":
		g.words = append(g.words, strings.Trim(t.Literal, `"`))
	case words != nil:
		g.words = append(g.words, words[g.random.IntN(len(words))])
	case t.Name != "":
		g.expression(g.productions[t.Name].Expression)
	default:
		g.expression(t.Group.Expr)
	}
}

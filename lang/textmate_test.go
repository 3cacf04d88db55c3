package lang

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// textMate is the grammar that editors colour intents by. Every rule is one match, so that this test can read them.
type textMate struct {
	Patterns []struct {
		Name, Match string
		Captures    map[string]struct{ Name string }
	}
}

func readTextMate(t *testing.T) (g textMate) {
	data, err := os.ReadFile("../grammar/editors/vscode/syntaxes/mesh.tmLanguage.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &g))
	return g
}

// scopes returns the first words of the scope of each byte of a text, by the rule that matches first in what is left of its line.
func (g *textMate) scopes(text string) []string {
	all := make([]string, len(text))
	type rule struct {
		match, not *regexp.Regexp // not may not follow
	}
	rules := make([]rule, len(g.Patterns))
	for i, p := range g.Patterns {
		match, not, ahead := strings.Cut(p.Match, "(?!")
		rules[i].match = regexp.MustCompile("^(?:" + match + ")")
		if ahead {
			rules[i].not = regexp.MustCompile("^(?:" + strings.TrimSuffix(not, ")") + ")")
		}
	}
	start := 0
	for line := range strings.Lines(text) {
		for at := 0; at < len(line); {
			next := at + 1
			for i, r := range rules {
				m := r.match.FindStringSubmatchIndex(line[at:])
				if m == nil || m[1] == 0 || r.not != nil && r.not.MatchString(line[at+m[1]:]) {
					continue
				}
				for b := range m[1] {
					all[start+at+b] = g.Patterns[i].Name
				}
				for n, c := range g.Patterns[i].Captures {
					k := int(n[0] - '0')
					for b := m[2*k]; b < m[2*k+1]; b++ {
						all[start+at+b] = c.Name
					}
				}
				next = at + m[1]
				break
			}
			at = next
		}
		start += len(line)
	}
	return all
}

// What the lexer says, the colours say too, in every example and in every example of a finding that can be read.
func TestTextMateAgreesWithTheLexer(t *testing.T) {
	g := readTextMate(t)
	want := map[Kind][]string{
		KindComment: {"comment"}, KindString: {"string.quoted"}, KindPath: {"string.unquoted"}, KindArrow: {"keyword.operator"},
		KindReach: {"keyword.operator"}, KindMethod: {"constant.other", "variable", "entity"}, KindName: {"keyword.other", "constant.numeric", "variable", "entity"},
		KindStar: {"keyword.operator", "variable"},
	}
	seen := map[Kind]int{}
	err := filepath.WalkDir("../examples", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".mesh" {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		scopes := g.scopes(string(text))
		for _, token := range lex(string(text)) {
			scope, known := want[token.Kind]
			if !known {
				continue
			}
			seen[token.Kind]++
			for at := token.Start; at < token.End; at++ {
				ok := false
				for _, s := range scope {
					ok = ok || strings.HasPrefix(scopes[at], s)
				}
				if !ok {
					t.Errorf("%s: %s %q has the scope %q", path, token.Kind, text[token.Start:token.End], scopes[at])
					break
				}
			}
		}
		return nil
	})
	require.NoError(t, err)
	for kind := range want {
		assert.NotZero(t, seen[kind], "no example has a %s", kind)
	}
}

// Every word of the grammar has its colour.
func TestTextMateKnowsEveryKeyword(t *testing.T) {
	g := readTextMate(t)
	ebnf, err := os.ReadFile("../grammar/mesh.ebnf")
	require.NoError(t, err)
	_, rules, found := strings.Cut(string(ebnf), "\nFile =")
	require.True(t, found)
	for _, word := range regexp.MustCompile(`"([a-z][a-z0-9]*)"`).FindAllStringSubmatch(rules, -1) {
		assert.Equal(t, "keyword.other.mesh", g.scopes(word[1] + " x")[0], word[1])
	}
}

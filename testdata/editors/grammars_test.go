package editors

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang"
)

const (
	root = "../.."
	npm  = root + "/build/editors" // where `make editors` installs the libraries
)

// reading is what the grammars of editors make of a text, by UTF-16 units.
type reading struct {
	Tokens, Scopes []piece
}

type piece struct {
	from, to int
	kind     string
}

func (p *piece) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&p.from, &p.to, &p.kind})
}

func readings(t *testing.T, texts []string) (all []reading) {
	in, err := json.Marshal(texts)
	require.NoError(t, err)
	editors, err := filepath.Abs(root + "/grammar/editors")
	require.NoError(t, err)
	cmd := exec.Command("node", "tokens.js", editors+"/codemirror/mesh.grammar", editors+"/codemirror/tokens.js", editors+"/vscode/syntaxes/mesh.tmLanguage.json")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = npm, bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\nmake editors installs what this needs", stderr.String())
	require.NoError(t, json.Unmarshal(out, &all))
	require.Len(t, all, len(texts))
	return all
}

// kinds is what each grammar calls a token of the lexer; a scope is given by its start. What the lexer calls invalid or
// a space is left to each grammar.
var kinds = map[lang.Kind]struct{ tokens, scopes []string }{
	lang.KindComment: {[]string{"Comment"}, []string{"comment"}},
	lang.KindString:  {[]string{"String"}, []string{"string.quoted"}},
	lang.KindPath:    {[]string{"Path"}, []string{"string.unquoted"}},
	lang.KindArrow:   {[]string{"Operator"}, []string{"keyword.operator"}},
	lang.KindReach:   {[]string{"Operator"}, []string{"keyword.operator"}},
	lang.KindStar:    {[]string{"Operator"}, []string{"keyword.operator", "variable"}},
	lang.KindMethod:  {[]string{"Method", "Namespace"}, []string{"constant.other", "variable", "entity"}},
	lang.KindName:    {[]string{"Name", "Namespace", "Keyword", "Number"}, []string{"keyword.other", "constant.numeric", "variable", "entity"}},
	lang.KindSlash:   {[]string{"Slash"}, []string{"punctuation", "source"}},
	lang.KindComma:   {[]string{"Punctuation"}, []string{"source"}},
	lang.KindColon:   {[]string{"Punctuation"}, []string{"source"}},
	lang.KindPipe:    {[]string{"Punctuation"}, []string{"source"}},
	lang.KindEquals:  {[]string{"Punctuation"}, []string{"source"}},
	lang.KindOpen:    {[]string{"Brace"}, []string{"source"}},
	lang.KindClose:   {[]string{"Brace"}, []string{"source"}},
}

// compare fails where a grammar reads a text otherwise than the lexer.
func compare(t *testing.T, name, text string, got reading, seen map[lang.Kind]int) {
	tree, _ := lang.Parse(name, []byte(text))
	at := offsets(text)
	for _, token := range tree.Tokens {
		want, known := kinds[token.Kind]
		if !known {
			continue
		}
		seen[token.Kind]++
		from, to := at[token.Start], at[token.End]
		written := text[token.Start:token.End]
		if p := got.at(got.Tokens, from); p.from != from || p.to != to || !slices.Contains(want.tokens, p.kind) {
			t.Errorf("%s: %s %q at %d is %+v for Lezer:\n%q", name, token.Kind, written, from, p, text)
			return
		}
		for unit := from; unit < to; unit++ {
			p := got.at(got.Scopes, unit)
			if !slices.ContainsFunc(want.scopes, func(s string) bool { return strings.HasPrefix(p.kind, s) }) {
				t.Errorf("%s: %s %q at %d has the scope %+v:\n%q", name, token.Kind, written, from, p, text)
				return
			}
		}
	}
}

// at returns the piece that covers a place.
func (reading) at(all []piece, unit int) piece {
	i, found := slices.BinarySearchFunc(all, unit, func(p piece, unit int) int { return p.from - unit })
	if !found {
		i--
	}
	if i < 0 || all[i].to <= unit {
		return piece{}
	}
	return all[i]
}

// offsets returns the UTF-16 units before each byte of a text, and before its end.
func offsets(text string) []int {
	all := make([]int, len(text)+1)
	units := 0
	for i, r := range text {
		all[i] = units
		units += utf16.RuneLen(r)
	}
	all[len(text)] = units
	return all
}

func examples(t *testing.T) (names, texts []string) {
	require.NoError(t, filepath.WalkDir(root+"/examples", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".mesh" {
			return err
		}
		text, err := os.ReadFile(path)
		names, texts = append(names, path), append(texts, string(text))
		return err
	}))
	return names, texts
}

// Both grammars read what the lexer reads: in every example, and in random texts made of pieces of them.
func TestGrammarsAgreeWithTheLexer(t *testing.T) {
	names, texts := examples(t)
	var words []string
	for i, text := range texts {
		tree, _ := lang.Parse(names[i], []byte(text))
		for _, token := range tree.Tokens {
			words = append(words, text[token.Start:token.End])
		}
	}
	signs := []string{"/", "-", "->", "->>", "-->", "--", "{", "}", ",", ":", "|", "=", "=>", "*", ";", "\n", "\r\n", " ", "\t", `"`, `\`, `\"`, "#", "/a{b}/c", "é", "注文", "😀", "_", ".", "0", "A", "GET", "()", "to"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		var b strings.Builder
		for range 1 + random.IntN(14) {
			if random.IntN(2) == 0 {
				b.WriteString(signs[random.IntN(len(signs))])
			} else {
				b.WriteString(words[random.IntN(len(words))])
			}
		}
		names, texts = append(names, "random.mesh"), append(texts, b.String())
	}
	seen := map[lang.Kind]int{}
	for i, got := range readings(t, texts) {
		compare(t, names[i], texts[i], got, seen)
		if t.Failed() {
			break
		}
	}
	if !t.Failed() {
		for kind := range kinds {
			assert.NotZero(t, seen[kind], "no text has a %s", kind)
		}
	}
}

// Every word of the grammar of the language is a keyword to both.
func TestGrammarsKnowEveryKeyword(t *testing.T) {
	ebnf, err := os.ReadFile(root + "/grammar/mesh.ebnf")
	require.NoError(t, err)
	_, rules, found := strings.Cut(string(ebnf), "\nFile =")
	require.True(t, found)
	var texts []string
	for _, word := range regexp.MustCompile(`"([a-z][a-z0-9]*)"`).FindAllStringSubmatch(rules, -1) {
		texts = append(texts, word[1]+" x")
	}
	require.NotEmpty(t, texts)
	for i, got := range readings(t, texts) {
		assert.Equal(t, "Keyword", got.Tokens[0].kind, texts[i])
		assert.Equal(t, "keyword.other.mesh", got.Scopes[0].kind, texts[i])
	}
}

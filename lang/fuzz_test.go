package lang_test

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// FuzzParse checks for any text that no byte is lost, that every span is inside the file, and that every mistake is
// reported.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".mesh") {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) { parseSoundly(t, src) })
}

// TestParseAnyWords does the same for random sequences of the language's own words and signs, which fuzzing hardly
// combines.
func TestParseAnyWords(t *testing.T) {
	words := strings.Fields("mesh meshh shop strict open closed permissive -> ->> , { } | ; * /x GET a/b : = $ “ \" \"b\" # service never deny ask " +
		"allow export group pods issuer verify at with from to until because b")
	words = append(words, "\n", "\n", "\n", "\n  ", "\u00a0")
	for seed := range uint64(20_000) {
		random := rand.New(rand.NewPCG(seed, 0))
		var text strings.Builder
		for range 2 + random.IntN(14) {
			text.WriteString(words[random.IntN(len(words))] + []string{" ", " ", ""}[random.IntN(3)])
		}
		if !t.Run("", func(t *testing.T) { parseSoundly(t, []byte(text.String())) }) {
			t.Fatalf("%q", text.String())
		}
	}
}

func parseSoundly(t *testing.T, src []byte) {
	file, list := lang.Parse("fuzz.mesh", src)
	require.NotNil(t, file)
	require.Equal(t, len(list) > 0, file.Broken)

	end := int32(0)
	for _, token := range file.Tokens {
		require.Equal(t, end, token.Start)
		require.Greater(t, token.End, token.Start)
		end = token.End
	}
	require.Equal(t, len(src), int(end))

	last := int32(0)
	for _, s := range file.Stmts {
		span := s.Span()
		require.GreaterOrEqual(t, span.Start, last, "statements overlap")
		last = span.End
		places(t, reflect.ValueOf(s).Elem(), span)
	}
	for _, d := range list {
		inside(t, d.Primary, file.Source.Span(0, len(src)))
		require.NotEmpty(t, d.Message)
		for _, fix := range d.Fixes {
			for _, e := range fix.Edits {
				inside(t, e.Span, file.Source.Span(0, len(src)))
			}
		}
	}
	require.LessOrEqual(t, len(list), 101)
	require.True(t, slices.IsSortedFunc(list, func(a, b diag.Diagnostic) int { return a.Primary.Compare(b.Primary) }))
}

func inside(t *testing.T, s, whole source.Span) {
	require.True(t, whole.File == s.File)
	require.True(t, whole.Start <= s.Start && s.Start <= s.End && s.End <= whole.End, "%d-%d is not in %d-%d", s.Start, s.End, whole.Start, whole.End)
}

// places checks that every span is inside its statement, and that every name is the text of its span.
func places(t *testing.T, v reflect.Value, whole source.Span) {
	switch n := v.Interface().(type) {
	case source.Span:
		if !n.IsZero() {
			inside(t, n, whole)
		}
		return
	case lang.Name:
		if n.Present() {
			inside(t, n.Range, whole)
			if text := n.Range.Text(); !n.Quoted && n.Text != "*" {
				require.Equal(t, text, n.Text)
			}
		} else {
			require.Zero(t, n)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			places(t, v.Field(i), whole)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			places(t, v.Elem(), whole)
		}
	case reflect.Slice:
		for i := range v.Len() {
			places(t, v.Index(i), whole)
		}
	}
}

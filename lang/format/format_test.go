package format_test

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/golden"
	"github.com/meshc/meshc/testdata/synth/mesh"
)

// TestFormat formats each NAME.mesh of the archives in testdata and compares the result with the NAME.want after it.
func TestFormat(t *testing.T) {
	for path, archive := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			got := &txtar.Archive{Comment: archive.Comment}
			for _, f := range archive.Files {
				if name, ok := strings.CutSuffix(f.Name, ".mesh"); ok {
					file, list := lang.Parse(f.Name, f.Data)
					require.Empty(t, list)
					out, err := format.Format(file)
					require.NoError(t, err)
					keepsAll(t, file, out)
					got.Files = append(got.Files, f, txtar.File{Name: name + ".want", Data: out})
				}
			}
			golden.Equal(t, path, txtar.Format(got))
		})
	}
}

func TestFormatRefusesMistakes(t *testing.T) {
	file, _ := lang.Parse("shop.mesh", []byte("mesh shop\nfrontend -> \n"))
	out, err := format.Format(file)
	require.Nil(t, out)
	require.EqualError(t, err, "shop.mesh has syntax errors and stays as it is")
}

// FuzzFormat checks for any text without mistakes that formatting keeps its tree and its comments and is idempotent.
func FuzzFormat(f *testing.F) {
	for _, archive := range archives(f) {
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, list := lang.Parse("fuzz.mesh", src)
		if len(list) > 0 {
			return
		}
		out, err := format.Format(file)
		require.NoError(t, err)
		keepsAll(t, file, out)
	})
}

// TestFormatRespaced varies the white space, line ends and comments of the cases and checks each variant.
func TestFormatRespaced(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	blanks := []string{"", " ", "\t", "  "}
	breaks := []string{"", " ", "\n", "\n\n\n", " # one\n", "\n  # two  \n", "# three\n\n# four\n#\n "}
	ends := []string{";", "\n", " # five\n", "\n\n\n", "; # six\r\n", "\r\n#seven\n\n"}
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	for _, archive := range archives(t) {
		for _, f := range archive.Files {
			file, list := lang.Parse(f.Name, f.Data)
			require.Empty(t, list)
			for range 50 {
				var b strings.Builder
				braces, last := false, lang.KindEnd
				for _, token := range file.Tokens {
					text := file.Source.Text[token.Start:token.End]
					switch token.Kind {
					case lang.KindSpace:
						b.WriteString(text + pick(blanks))
					case lang.KindEnd:
						if last == lang.KindComment {
							b.WriteByte('\n')
						}
						b.WriteString(pick(ends))
					case lang.KindClose:
						braces = false
						b.WriteString(pick(breaks) + text)
					case lang.KindPath:
						b.WriteString(text)
						if braces {
							b.WriteString(" " + pick(breaks))
						}
					case lang.KindComma, lang.KindArrow, lang.KindReach, lang.KindPipe, lang.KindOpen:
						braces = braces || token.Kind == lang.KindOpen
						b.WriteString(pick(blanks) + text + pick(breaks))
					default:
						b.WriteString(text)
					}
					last = token.Kind
				}
				variant, list := lang.Parse(f.Name, []byte(b.String()))
				if len(list) > 0 && list[0].Code == diag.JoinedEdges {
					continue // the one place where a line must not end with a comma
				}
				require.Empty(t, list, b.String())
				require.Len(t, variant.Stmts, len(file.Stmts), b.String())
				out, err := format.Format(variant)
				require.NoError(t, err)
				keepsAll(t, variant, out)
			}
		}
	}
}

func BenchmarkFormat(b *testing.B) {
	var text []byte
	for _, f := range mesh.Generate(mesh.Config{Services: 1000}) {
		text = append(text, f.Data...)
	}
	file, list := lang.Parse("all.mesh", text)
	require.Empty(b, list)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := format.Format(file); err != nil {
			b.Fatal(err)
		}
	}
}

func archives(t testing.TB) map[string]*txtar.Archive {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	all := map[string]*txtar.Archive{}
	for _, path := range paths {
		all[path], err = txtar.ParseFile(path)
		require.NoError(t, err)
	}
	return all
}

// keepsAll checks the guarantees of Format.
func keepsAll(t *testing.T, before *lang.File, out []byte) {
	after, list := lang.Parse(before.Source.Name, out)
	require.Empty(t, list, "%s", out)
	require.Equal(t, comments(before), comments(after), "%s", out)
	again, err := format.Format(after)
	require.NoError(t, err)
	require.Equal(t, string(out), string(again))

	require.Len(t, after.Stmts, len(before.Stmts), "%s", out)
	for i := range before.Stmts {
		a, b := withoutPlaces(before.Stmts[i]), withoutPlaces(after.Stmts[i])
		require.Equal(t, a, b, "%s", out)
	}

	for line := range strings.Lines(string(out)) {
		require.Equal(t, strings.TrimRight(line, " \t\r\n")+"\n", line, "blanks at the end of a line")
	}
	require.NotContains(t, string(out), "\n\n\n")
	require.False(t, strings.HasPrefix(string(out), "\n") || strings.HasSuffix(string(out), "\n\n"))
}

// comments returns the comments of each statement, without trailing white space.
func comments(f *lang.File) [][]string {
	var all [][]string
	for _, c := range lang.Attach(f) {
		var texts []string
		for _, list := range [][]lang.Token{c.Before, c.Within, c.After} {
			texts = append(texts, "|")
			for _, t := range list {
				texts = append(texts, strings.TrimRight(f.Source.Text[t.Start:t.End], " \t\r"))
			}
		}
		all = append(all, texts)
	}
	return all
}

// withoutPlaces removes all spans from a statement, so that it can be compared with another.
func withoutPlaces(s lang.Stmt) lang.Stmt {
	var clear func(v reflect.Value)
	clear = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[source.Span]() {
				v.SetZero()
				return
			}
			for i := range v.NumField() {
				clear(v.Field(i))
			}
		case reflect.Pointer:
			if !v.IsNil() {
				clear(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				clear(v.Index(i))
			}
		}
	}
	clear(reflect.ValueOf(s).Elem())
	return s
}

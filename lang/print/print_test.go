package print_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/print"
	"github.com/meshc/meshc/lang/source"
)

// Every example, built anew without spans and tokens, prints as the formatter leaves it, including its comments and
// empty lines. Only a semicolon becomes the end of a line.
func TestExamples(t *testing.T) {
	examples := 0
	require.NoError(t, filepath.WalkDir("../../examples", func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".mesh" {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		file, list := lang.Parse(path, text)
		require.Empty(t, list)
		want, err := format.Format(file)
		require.NoError(t, err)
		got, err := print.Lines(lines(file))
		require.NoError(t, err)
		require.Equal(t, strings.ReplaceAll(string(want), "; ", "\n"), string(got))
		examples++
		return nil
	}))
	require.Greater(t, examples, 10)
}

// lines builds a file anew from its statements, comments and empty lines.
func lines(f *lang.File) (all []print.Line) {
	end := 0
	gap := func(start int32) bool { return strings.Count(f.Source.Text[end:start], "\n") > 1 }
	comment := func(c lang.Token) string {
		end = int(c.End)
		return f.Source.Text[c.Start+1 : c.End]
	}
	comments := lang.Attach(f)
	for i, s := range f.Stmts {
		for _, c := range comments[i].Before {
			all = append(all, print.Line{Gap: gap(c.Start), Above: []string{comment(c)}})
		}
		line := print.Line{Gap: gap(s.Span().Start), Stmt: rebuilt(s)}
		end = int(s.Span().End)
		for _, c := range comments[i].After {
			line.Comment = comment(c)
		}
		all = append(all, line)
	}
	for _, c := range comments[len(f.Stmts)].Before {
		all = append(all, print.Line{Gap: gap(c.Start), Above: []string{comment(c)}})
	}
	return all
}

// What is printed and read again is the same tree, for every statement of the parser's and the formatter's cases.
func TestReadBack(t *testing.T) {
	for _, text := range sources(t) {
		readBack(t, text)
	}
}

// FuzzReadBack does the same for any text: what can be read can be built, printed and read again.
func FuzzReadBack(f *testing.F) {
	for _, text := range sources(f) {
		f.Add(text)
	}
	f.Fuzz(readBack)
}

func readBack(t *testing.T, text []byte) {
	file, _ := lang.Parse("before.mesh", text)
	var built []print.Line
	for _, s := range file.Stmts {
		built = append(built, print.Line{Stmt: rebuilt(s)})
	}
	if file.Broken {
		return
	}
	out, err := print.Lines(built)
	require.NoError(t, err)
	again, list := lang.Parse("after.mesh", out)
	require.Empty(t, list, "%s", out)
	require.Len(t, again.Stmts, len(built), "%s", out)
	for i, s := range again.Stmts {
		require.Equal(t, built[i].Stmt, rebuilt(s), "%s", out)
	}
}

func sources(t testing.TB) (all [][]byte) {
	for _, pattern := range []string{"../testdata/*.txtar", "../format/testdata/*.txtar"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, path := range paths {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			for _, f := range archive.Files {
				if strings.HasSuffix(f.Name, ".mesh") {
					all = append(all, f.Data)
				}
			}
		}
	}
	return all
}

// rebuilt copies a statement without its spans.
func rebuilt(s lang.Stmt) lang.Stmt {
	out := reflect.New(reflect.TypeOf(s).Elem())
	deepCopy(out.Elem(), reflect.ValueOf(s).Elem())
	return out.Interface().(lang.Stmt)
}

func deepCopy(to, from reflect.Value) {
	switch {
	case from.Type() == reflect.TypeFor[source.Span]():
	case from.Kind() == reflect.Struct:
		for i := range from.NumField() {
			deepCopy(to.Field(i), from.Field(i))
		}
		// A quoted part of a label's key counts as the whole key being quoted.
		if l, ok := to.Addr().Interface().(*lang.Label); ok {
			l.Key.Quoted = false
		}
	case from.Kind() == reflect.Pointer && !from.IsNil():
		to.Set(reflect.New(from.Type().Elem()))
		deepCopy(to.Elem(), from.Elem())
	case from.Kind() == reflect.Slice && !from.IsNil():
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			deepCopy(to.Index(i), from.Index(i))
		}
	case from.Kind() != reflect.Slice && from.Kind() != reflect.Pointer:
		to.Set(from)
	}
}

func TestQuotes(t *testing.T) {
	name := func(text string) lang.Name { return lang.Name{Text: text} }
	out, err := print.Lines([]print.Line{
		{Above: []string{"Imported from\nmanifests."}, Stmt: &lang.Mesh{Name: name("shop"), Mode: name("strict")}},
		{Gap: true, Stmt: &lang.Service{Name: name("a"), Labels: []lang.Label{{Key: name("app.kubernetes.io/name"), Value: name("a b")}}}},
		{Stmt: &lang.Service{Name: name("old"), Outside: name("outside"), Addresses: []lang.Name{name("2001:db8::/32"), name("10.0.0.7")}}},
		{Gap: true, Stmt: edge(lang.Operation{Methods: []lang.Name{name("GET")}, Path: name("/x y")}, lang.Operation{Path: name("*.png")}), Comment: "why"},
	})
	require.NoError(t, err)
	require.Equal(t, `# Imported from manifests.
mesh shop strict

service a           label app.kubernetes.io/name="a b"
service old outside address 2001:db8::/32 address 10.0.0.7

a -> b GET "/x y", "*.png"  # why
`, string(out))
}

func edge(ops ...lang.Operation) *lang.Edge {
	hop := func(text string) lang.Hop {
		return lang.Hop{Targets: []lang.Target{{Ref: lang.Ref{Name: lang.Name{Text: text}}}}}
	}
	e := &lang.Edge{Hops: []lang.Hop{hop("a"), hop("b")}}
	e.Hops[1].Targets[0].Ops = ops
	return e
}

// A tree that no text stands for is an error, and never a text that means something else.
func TestImpossible(t *testing.T) {
	name := func(text string) lang.Name { return lang.Name{Text: text} }
	for want, s := range map[string]lang.Stmt{
		`cannot write "": it would mean something else`: &lang.Edge{},
		"string has no closing quote":                   edge(lang.Operation{Path: name("/x\n")}),
		"methods are written in upper case":             edge(lang.Operation{Methods: []lang.Name{name("get")}}),
		"expected a service after `=`":                  &lang.Group{Name: name("web")},
		"expected the end of the line":                  &lang.Mesh{Name: name("shop/x")},
		"would mean something else":                     &lang.Group{Name: name("web"), Members: []lang.Ref{{Name: name("shop/a")}}},
	} {
		out, err := print.Lines([]print.Line{{Stmt: s}})
		require.ErrorContains(t, err, want, "%s", out)
	}
}

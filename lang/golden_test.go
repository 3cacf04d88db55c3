package lang_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/golden"
)

// TestParse parses every NAME.mesh in testdata and compares the tree and the findings with the NAME.tree and
// NAME.findings after it.
func TestParse(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, path string, want *txtar.Archive) {
		t.Parallel()
		got := &txtar.Archive{Comment: want.Comment}
		for _, f := range want.Files {
			if name, ok := strings.CutSuffix(f.Name, ".mesh"); ok {
				file, list := lang.Parse(f.Name, f.Data)
				got.Files = append(got.Files, f)
				if tree := printTree(file); tree != "" {
					got.Files = append(got.Files, txtar.File{Name: name + ".tree", Data: []byte(tree)})
				}
				var findings bytes.Buffer
				require.NoError(t, diag.Text(&findings, list, false))
				if findings.Len() > 0 {
					got.Files = append(got.Files, txtar.File{Name: name + ".findings", Data: findings.Bytes()})
				}
				require.Equal(t, len(list) > 0, file.Broken)
			}
		}
		golden.Equal(t, path, txtar.Format(got))
	})
}

// printTree writes a tree in a form that shows how a text was understood.
func printTree(f *lang.File) string {
	var b strings.Builder
	for _, s := range f.Stmts {
		printNode(&b, reflect.TypeOf(s).Elem().Name(), reflect.ValueOf(s).Elem(), 0)
	}
	return b.String()
}

func printNode(b *strings.Builder, label string, v reflect.Value, depth int) {
	line := func(text string) {
		b.WriteString(strings.TrimRight(strings.Repeat("  ", depth)+label+" "+text, " ") + "\n")
	}
	switch n := v.Interface().(type) {
	case source.Span, lang.Located:
		return
	case lang.Name:
		if n.Present() {
			line(printName(n))
		}
		return
	case lang.Ref:
		line(printRef(n))
		return
	case lang.Exception:
		if n.Port.Present() {
			line(":" + printName(n.Port))
			return
		}
		printNode(b, label, reflect.ValueOf(n.Op), depth)
		return
	case lang.Condition:
		text := printName(n.Name)
		if len(n.Values) > 0 {
			text += "=" + printAlternatives(n.Values)
		}
		if n.No {
			text = "no " + text
		}
		line(text)
		return
	case lang.Credential:
		if n.None.Present() {
			line("no " + n.None.Written())
			return
		}
		line(printAlternatives(n.Issuers))
		for _, c := range n.Claims {
			printNode(b, "claim", reflect.ValueOf(c), depth+1)
		}
		return
	case lang.Requests:
		more := n.Clauses()
		if len(more.Hosts) > 0 {
			printNode(b, "host", reflect.ValueOf(lang.Name{Text: printAlternatives(more.Hosts)}), depth)
		}
		op := "does"
		if n.Braces {
			op = "does in braces"
		}
		for _, o := range n.Ops {
			printNode(b, op, reflect.ValueOf(o), depth)
		}
		printNode(b, "excepts", reflect.ValueOf(more.Except), depth)
		printNode(b, "headers", reflect.ValueOf(more.Headers), depth)
		printNode(b, "with", reflect.ValueOf(more.With), depth)
		return
	case lang.Operation:
		var methods []string
		for _, m := range n.Methods {
			methods = append(methods, m.Text)
		}
		line(strings.TrimSpace(strings.Join(methods, "|") + " " + printName(n.Path)))
		return
	case lang.Target:
		line(printRef(n.Ref))
		printNode(b, "port", reflect.ValueOf(n.Port), depth+1)
		printNode(b, "requests", reflect.ValueOf(n.Requests), depth+1)
		return
	case lang.GuardKind:
		line(n.String())
		return
	case []lang.Hop:
		for i, hop := range n {
			for _, t := range hop.Targets {
				printNode(b, fmt.Sprintf("hop %d", i+1), reflect.ValueOf(t), depth)
			}
			for _, r := range hop.Except {
				printNode(b, fmt.Sprintf("hop %d except", i+1), reflect.ValueOf(r), depth)
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		line("")
		for i := range v.NumField() {
			name := strings.ToLower(v.Type().Field(i).Name)
			if name == "tail" {
				printNode(b, "until", v.Field(i).FieldByName("Until"), depth+1)
				printNode(b, "because", v.Field(i).FieldByName("Because"), depth+1)
				continue
			}
			printNode(b, name, v.Field(i), depth+1)
		}
	case reflect.Slice:
		for i := range v.Len() {
			printNode(b, singular(label), v.Index(i), depth)
		}
	case reflect.Bool:
		if v.Bool() {
			line("")
		}
	default:
		line(fmt.Sprint(v.Interface()))
	}
}

func singular(label string) string {
	switch label {
	case "addresses":
		return "address"
	case "was":
		return label
	}
	return strings.TrimSuffix(label, "s")
}

func printName(n lang.Name) string {
	if n.Quoted {
		return fmt.Sprintf("%q", n.Text)
	}
	return n.Text
}

func printAlternatives(names []lang.Name) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = printName(n)
	}
	return strings.Join(texts, "|")
}

func printRef(r lang.Ref) string {
	if r.Qualified() {
		return printName(r.Name) + " of mesh " + printName(r.Namespace)
	}
	return printName(r.Name)
}

// TestFixes applies each fix of the cases in testdata on its own and expects that its finding is gone.
func TestFixes(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	fixes := 0
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(t, err)
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, ".mesh") {
				continue
			}
			_, list := lang.Parse(f.Name, f.Data)
			for _, d := range list {
				for _, fix := range d.Fixes {
					fix.Safe = true
					fixed := diag.ApplyFixes(diag.List{{Fixes: []diag.Fix{fix}}})
					require.Len(t, fixed, 1, "%s: %s", f.Name, d.Error())
					_, after := lang.Parse(f.Name, []byte(fixed[0].Text))
					for _, a := range after {
						same := a.Message == d.Message && a.Primary.StartPosition().Line == d.Primary.StartPosition().Line
						require.False(t, same, "%s: %q leaves it in\n%s", d.Error(), fix.Title, fixed[0].Text)
					}
					fixes++
				}
			}
		}
	}
	require.Greater(t, fixes, 50)
}

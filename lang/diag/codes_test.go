package diag_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/testdata/golden"
)

// Every constant has an entry and an explanation, and nothing else has.
func TestTableHasEveryCode(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	require.NoError(t, err)
	var declared []diag.Code
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "Code" {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				declared = append(declared, diag.Code(value))
			}
		}
		return true
	})
	var listed []diag.Code
	for _, e := range diag.Table {
		listed = append(listed, e.Code)
	}
	assert.IsIncreasing(t, listed)
	assert.Equal(t, declared, listed)

	var explained []diag.Code
	files, err := filepath.Glob("codes/*")
	require.NoError(t, err)
	for _, f := range files {
		explained = append(explained, diag.Code(strings.TrimSuffix(filepath.Base(f), ".txtar")))
	}
	assert.Equal(t, declared, explained)
}

func TestEntries(t *testing.T) {
	for _, e := range diag.Table {
		t.Run(string(e.Code), func(t *testing.T) {
			assert.Regexp(t, regexp.MustCompile(`^MESH[0-4][0-9]{3}$`), e.Code)
			assert.Same(t, diag.Explain(e.Code), diag.Explain(e.Code))
			assert.Equal(t, e.Title, diag.Explain(e.Code).Title)
			assert.Equal(t, e.Severity, e.Code.Severity())

			assert.False(t, unicode.IsUpper(rune(e.Title[0])) && !strings.HasPrefix(e.Title, "HTTP"), "a title is lower case")
			assert.NotRegexp(t, `[.:]$`, e.Title)
			x := e.Explanation()
			assert.Regexp(t, `^[A-Z\x60m].*\.$`, x.Text, "a text is sentences")
			for half, files := range map[string][]diag.Example{"bad": x.Bad, "good": x.Good} {
				require.NotEmpty(t, files, half)
				for _, f := range files {
					assert.NotEmpty(t, f.Text, f.Name)
					assert.True(t, strings.HasSuffix(f.Text, "\n"), "%s of %s ends in a newline", f.Name, half)
				}
			}
		})
	}
}

// Users silence and raise findings by code, so a severity belongs to a code: only this package assigns one to a
// finding.
func TestSeverityIsTheCodes(t *testing.T) {
	files := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".go" || filepath.Dir(path) == filepath.Join("../..", "lang", "diag") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				for _, to := range a.Lhs {
					if field, ok := to.(*ast.SelectorExpr); ok && field.Sel.Name == "Severity" {
						t.Errorf("%s: a severity is assigned; take a code of that severity", files.Position(a.Pos()))
					}
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
}

func TestUnknownCode(t *testing.T) {
	assert.Nil(t, diag.Explain("MESH9999"))
	assert.Equal(t, diag.Error, diag.Code("MESH9999").Severity())
}

// The reference page is generated from the table.
func TestPage(t *testing.T) {
	golden.Equal(t, "../../grammar/findings.md", []byte(page()))
}

func page() string {
	var b strings.Builder
	b.WriteString(`# Findings

<!-- Generated from the table of codes in lang/diag: go test ./lang/diag -update -->

Everything that meshc reports about a project is a finding. Each finding has a code, whose meaning never changes. A build
reports all of its findings at once. ` + "`meshc explain CODE`" + ` prints the section of a code.

An **error** fails the build and cannot be demoted. A **warning** can be silenced or made an error, by its code, with
` + "`-W CODE=silence` or `-W CODE=error`" + `, or under ` + "`warnings`" + ` in meshc.yaml; ` + "`-W error`" + ` makes all warnings errors. A **note** is for
information and never fails a build. A test builds all of the examples, as of ` + diag.ExampleDay + `: the wrong example has this finding,
and the right one has none.

` + formats + `
## Codes

| code | severity | meaning |
|---|---|---|
`)
	for _, e := range diag.Table {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", e.Code, strings.ToLower(string(e.Code)), e.Severity, e.Title)
	}
	for _, e := range diag.Table {
		fmt.Fprintf(&b, "\n## %s\n\n%s: %s.\n\n%s", e.Code, strings.ToUpper(e.Severity.String()[:1])+e.Severity.String()[1:], e.Title, e.Explanation().Markdown())
	}
	return b.String()
}

const formats = `## Formats

| --format | for | where |
|---|---|---|
| text | people: the relevant lines, with the problem underlined | standard error |
| json | programs | standard output of check, standard error of build |
| sarif | code scanning: SARIF 2.1.0, columns in UTF-16 units | the same |
| github | annotations of a pull request in GitHub Actions | the same |
| gitlab | a code quality report of GitLab CI | the same |

The JSON is a single object. Fields may be added to it but are never renamed or removed. If that ever has to change,
` + "`version`" + ` increases.

` + "```json" + `
{
  "version": 1,
  "errors": 1, "warnings": 0, "notes": 0,
  "findings": [{
    "code": "MESH1001",
    "severity": "error",
    "message": "...",
    "place": {
      "file": "shop.mesh",
      "start": {"offset": 110, "line": 4, "column": 13},
      "end": {"offset": 116, "line": 4, "column": 19}
    },
    "related": [{"message": "...", "place": {}}],
    "notes": ["..."],
    "help": "...",
    "fixes": [{"title": "...", "safe": true, "edits": [{"place": {}, "new": "backend"}]}]
  }]
}
` + "```" + `

` + "`place` and `help`" + ` may be missing. Every place has the form of the first one and excludes its ` + "`end`" + `. Offsets are in bytes and
start at 0; lines and columns start at 1, and columns are in characters. An edit replaces the text of its place. A safe fix
cannot change who may call whom, and ` + "`meshc check --fix`" + ` applies it.
`

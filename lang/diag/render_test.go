package diag_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	report "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/diag/sarif"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/golden"
)

// at returns the n-th occurrence, from 0, of a text in a file.
func at(t testing.TB, f *source.File, text string, n int) source.Span {
	t.Helper()
	start := 0
	for ; ; n-- {
		i := strings.Index(f.Text[start:], text)
		require.GreaterOrEqual(t, i, 0, "%q is not in %s", text, f.Name)
		if n == 0 {
			return f.Span(start+i, start+i+len(text))
		}
		start += i + len(text)
	}
}

// findings covers everything that a renderer must handle.
func findings(t testing.TB) diag.List {
	shop := source.NewFile("shop/shop.mesh", "mesh shop strict\n"+
		"service frontend account frontend-sa\n"+
		"service backend account backend-sa\n"+
		"\n"+
		"service\tfrontend account web-sa\n"+
		"frontend -> backnd, frontend -> db\n"+
		"service \"注文サービス\" account 注文 # wide\n"+
		"frontend -> backend because \"\x1b[31mred\u202e, \xff\"\n"+
		"frontend -> "+strings.Repeat("svc, ", 60)+"nobody, "+strings.Repeat("svc, ", 60)+"backend\n"+
		"frontend -> backend {\r\n"+
		"  GET /api/*\r\n")
	payments := source.NewFile("teams/a b,c:d/payments.mesh", "mesh payments strict\nexport api to shop GET /v1/* # 🚀 api\n")

	var l diag.List
	l.Add(diag.DuplicateDeclaration, at(t, shop, "frontend", 2), "service frontend is declared twice").
		WithRelated(at(t, shop, "frontend", 0), "first declared here").
		WithHelp("keep one of the two, or give one another name")
	l.Add(diag.UnknownService, at(t, shop, "backnd", 0), "service backnd is not declared in mesh shop").
		WithRelated(at(t, shop, "backend", 0), "backend is declared here").
		WithHelp("did you mean backend?").
		WithFix(true, at(t, shop, "backnd", 0), "backend", "write backend")
	l.Add(diag.UnknownService, at(t, shop, "db", 0), "service db is not declared in mesh shop").
		WithRelated(at(t, shop, "backnd", 0), "nor is this one").
		WithRelated(at(t, payments, "api", 0), "only these are exported").
		WithFix(false, shop.Span(len(shop.Text), len(shop.Text)), "service db account db-sa\n", "declare service db")
	l.Add(diag.InvalidName, at(t, shop, "注文", 1), "account 注文 has characters that Kubernetes refuses").
		WithRelated(at(t, payments, "api", 1), "after a wide character: 🚀").
		WithNote("an account is a DNS-1123 subdomain\nand so has only lower-case letters, digits, dashes and dots")
	l.Add(diag.InvalidCharacter, at(t, shop, "\x1b[31mred\u202e, \xff", 0), "the text \x1b[31mred\u202e, \xff steers the terminal")
	l.Add(diag.UnknownService, at(t, shop, "nobody", 0), "service nobody is not declared in mesh shop")
	l.Add(diag.UnbalancedBraces, shop.Span(len(shop.Text), len(shop.Text)), "the operations have no closing brace").
		WithRelated(at(t, shop, "{", 0), "opened here")
	l.Add(diag.UnusedExport, payments.Span(strings.Index(payments.Text, "export"), len(payments.Text)), "no edge needs this export: 100%%")
	l.Add(diag.SkippedTemplate, source.Span{}, "3 templates are not YAML").WithHelp("run helm template")
	return l
}

func TestRenderers(t *testing.T) {
	for name, render := range map[string]func(io.Writer, diag.List) error{
		"findings.txt":         func(w io.Writer, l diag.List) error { return diag.Text(w, l, false) },
		"findings.colour.txt":  func(w io.Writer, l diag.List) error { return diag.Text(w, l[:2], true) },
		"findings.json":        diag.JSON,
		"findings.sarif":       sarif.Write,
		"findings.gitlab.json": diag.GitLab,
		"findings.github.txt":  diag.GitHub,
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, render(&b, findings(t)))
			golden.Equal(t, filepath.Join("testdata", name), b.Bytes())
			assert.ErrorIs(t, render(brokenPipe{}, findings(t)), io.ErrClosedPipe)
		})
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// No source can control the terminal or reverse the direction of the text.
func TestNothingSteersTheTerminal(t *testing.T) {
	for name, render := range map[string]func(io.Writer, diag.List) error{
		"text":   func(w io.Writer, l diag.List) error { return diag.Text(w, l, false) },
		"github": diag.GitHub,
		"gitlab": diag.GitLab,
		"json":   diag.JSON,
		"sarif":  sarif.Write,
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, render(&b, findings(t)))
			assert.NotContains(t, b.String(), "\x1b")
			if name == "text" || name == "github" {
				assert.NotContains(t, b.String(), "\u202e")
				assert.NotContains(t, b.String(), "\xff")
			}
		})
	}
}

func TestSARIFIsValid(t *testing.T) {
	for name, l := range map[string]diag.List{"findings": findings(t), "none": nil} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, sarif.Write(&b, l))
			read, err := report.FromBytes(b.Bytes(), report.WithStrictValidation())
			require.NoError(t, err)
			require.NoError(t, read.Validate())
			assert.Len(t, read.Runs[0].Results, len(l))
			for _, r := range read.Runs[0].Results {
				assert.Equal(t, *r.RuleID, *read.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID)
			}
		})
	}
}

// The offsets in the JSON select exactly the text that a finding is about.
func TestJSONPlaces(t *testing.T) {
	l := findings(t)
	var b bytes.Buffer
	require.NoError(t, diag.JSON(&b, l))
	var report struct {
		Findings []struct {
			Place *struct {
				Start, End struct{ Offset, Line, Column int }
			}
		}
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &report))
	require.Len(t, report.Findings, len(l))
	for i, f := range report.Findings {
		if f.Place == nil {
			assert.True(t, l[i].Primary.IsZero())
			continue
		}
		assert.Equal(t, l[i].Primary.Text(), l[i].Primary.File.Text[f.Place.Start.Offset:f.Place.End.Offset])
	}
}

func TestErr(t *testing.T) {
	err := findings(t).Err()
	var d *diag.Diagnostic
	require.True(t, errors.As(err, &d))
	assert.ErrorContains(t, err, "shop/shop.mesh:6:13: error: service backnd is not declared in mesh shop [MESH1001]")
	assert.NotContains(t, err.Error(), "MESH2113", "a warning is not an error")
	assert.NoError(t, diag.List{}.Err())
}

// Text shows every finding, whatever the bytes of its source and the span.
func FuzzText(f *testing.F) {
	f.Add("frontend -> backnd\n", 12, 18)
	f.Add("\t\xff\u202e注文\r\n", 1, 7)
	f.Add(strings.Repeat("宽", 300), 450, 453)
	f.Fuzz(func(t *testing.T, text string, start, end int) {
		file := source.NewFile("f", text)
		l := diag.List{diag.New(diag.UnknownService, file.Span(start, end), "%s", text)}
		var b bytes.Buffer
		if err := diag.Text(&b, l, false); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if strings.ContainsAny(line, "\x1b\r\t\x00\u202e") {
				t.Errorf("%q steers a terminal", line)
			}
		}
		if !strings.Contains(b.String(), "^") {
			t.Errorf("no caret in %q", b.String())
		}
	})
}

// Thousands of findings in one long line are written in time proportional to their number.
func TestLongLine(t *testing.T) {
	const n, value = 5000, `{"é": "https://example.org"}, `
	file := source.NewFile("list.json", strings.Repeat(value, n))
	var l diag.List
	for i := range n {
		l.Add(diag.UnknownService, file.Span(i*len(value), i*len(value)+1), "x")
	}
	var b strings.Builder
	require.NoError(t, diag.Text(&b, l, false))
	assert.Equal(t, n, strings.Count(b.String(), " ^\n"))
}

package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/golden"
)

// Each archive of testdata holds a meshc.yaml, its settings, and the findings.
func TestParse(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, path string, archive *txtar.Archive) {
		require.NotEmpty(t, archive.Files)
		got := *archive
		got.Files = archive.Files[:1:1]
		p, findings := Parse(source.NewFile(archive.Files[0].Name, string(archive.Files[0].Data)))
		got.Files = append(got.Files, txtar.File{Name: "want", Data: []byte(dump(t, p))})
		if len(findings) > 0 {
			got.Files = append(got.Files, txtar.File{Name: "findings", Data: []byte(dumpFindings(findings))})
		}
		golden.Equal(t, path, txtar.Format(&got))
	})
}

func TestParseKeepsDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing yet\n", "---\n", "\ufeff", "---\n# x\n...\n"} {
		p, findings := Parse(source.NewFile("meshc.yaml", text))
		require.Empty(t, findings, "%q", text)
		require.Equal(t, Default(), p, "%q", text)
	}
}

func FuzzParse(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		f.Add(string(archive.Files[0].Data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("meshc.yaml", text)
		p, findings := Parse(file)
		if p.TrustDomain == "" || p.RootNamespace == "" {
			t.Fatalf("a setting lost its default: %+v", p)
		}
		for _, d := range findings {
			if d.Message == "" || d.Primary.File != file {
				t.Fatalf("a finding without a message or a place: %+v", d)
			}
		}
	})
}

// dump returns the settings that differ from Default, as JSON without spans.
func dump(t *testing.T, p Project) string {
	t.Helper()
	defaults, got := fields(t, Default()), fields(t, p)
	for key, value := range defaults {
		if fmt.Sprint(got[key]) == fmt.Sprint(value) {
			delete(got, key)
		}
	}
	out, err := json.MarshalIndent(got, "", "  ")
	require.NoError(t, err)
	return string(out) + "\n"
}

func fields(t *testing.T, p Project) map[string]any {
	t.Helper()
	p.OwnersAt, p.ElsewhereAt = nil, nil
	for i := range p.Workloads {
		p.Workloads[i].At = source.Span{}
	}
	for _, e := range p.Environments {
		e.At, e.ModesAt = source.Span{}, nil
	}
	out, err := json.Marshal(p)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(out, &m))
	prune(m)
	return m
}

// prune removes spans and empty values.
func prune(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			prune(value)
			if key == "At" || key == "ModesAt" || key == "OwnersAt" || key == "ElsewhereAt" || value == nil || value == "" || value == false {
				delete(v, key)
			}
		}
	case []any:
		for _, value := range v {
			prune(value)
		}
	}
}

func dumpFindings(l diag.List) string {
	var b strings.Builder
	for i := range l {
		d := &l[i]
		fmt.Fprintf(&b, "%s\n", d.Error())
		if text := d.Primary.Text(); text != "" {
			fmt.Fprintf(&b, "\tat %q\n", text)
		}
		for _, r := range d.Related {
			p := r.Span.StartPosition()
			fmt.Fprintf(&b, "\t%s: %d:%d\n", r.Message, p.Line, p.Rune)
		}
		if d.Help != "" {
			fmt.Fprintf(&b, "\thelp: %s\n", d.Help)
		}
		for _, fix := range d.Fixes {
			fmt.Fprintf(&b, "\tfix: %s\n", fix.Title)
		}
	}
	return b.String()
}

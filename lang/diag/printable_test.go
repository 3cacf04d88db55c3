package diag_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

func TestPrintableLines(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\r\nc – ü\n":                       "a\tb\r\nc – ü\n",
		"\x1b[31m\rx\x00":                       `\x1b[31m\x0dx\x00`,
		"\xff \u009b \u202e \ufffd":             `\xff \u009b \u202e \ufffd`,
		"a ::b\n::stop-commands::x\n  ::b\n":    "a ::b\n\\x3a:stop-commands::x\n  \\x3a:b\n",
		"\U000e0041":                            `\udb40\udc41`,
		"::error::x\nlines that mean something": "\\x3a:error::x\nlines that mean something",
		" ::: a.mesh:1:1\n\u3000::b\n::":        " ::: a.mesh:1:1\n\u3000\\x3a:b\n\\x3a:",
		"a ##[b]c\n##vso[task.x]y # ## [z":      "a \\u0023#[b]c\n\\u0023#vso[task.x]y # ## [z",
	} {
		require.Equal(t, want, string(diag.PrintableLines([]byte(text))))
	}
}

// JSON remains JSON.
func TestPrintableJSON(t *testing.T) {
	value := "a\x1b\x7f\u009b\u202e\U000e0041\u2028\n::b ##vso[c]"
	text, err := json.MarshalIndent([]string{value}, "", "  ")
	require.NoError(t, err)
	var got []string
	require.NoError(t, json.Unmarshal(diag.PrintableLines(text), &got))
	require.Equal(t, []string{value}, got)
}

// Findings quote long inputs only in part.
func TestLongArguments(t *testing.T) {
	long := strings.Repeat("ü", 100_000)
	d := diag.New(diag.MalformedManifest, source.Span{}, "%q is not a name", long)
	d.WithHelp("write %s", long)
	require.Less(t, len(d.Message), 1100)
	require.Less(t, len(d.Help), 11_000)
}

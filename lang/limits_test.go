package lang_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang"
)

// TestLimits parses files that are broken, hostile, or not intents at all. Each of them has exactly one finding.
func TestLimits(t *testing.T) {
	name := strings.Repeat("frontend-", 1200)
	tests := []struct {
		name, text string
		want       string // the finding in one line
		stmts      int
	}{
		{"too large", strings.Repeat("a -> b\n", 16<<20/7+1),
			"in.mesh:1:1: error: the file has 16777222 bytes [MESH0007]", 0},
		{"too many blank lines", strings.Repeat("\n", 9_000_000),
			"in.mesh:2097153:1: error: the file has more than 2097152 words and signs [MESH0007]", 0},
		{"too many stars", strings.Repeat("*", 9_000_000),
			"in.mesh:1:2097153: error: the file has more than 2097152 words and signs [MESH0007]", 0},
		{"a long name", "mesh shop\nservice " + name + " account frontend-sa\na -> b",
			"in.mesh:2:9: error: the name has 10800 characters [MESH0007]", 2},
		{"a long path", "a -> b GET /" + name,
			"in.mesh:1:12: error: the path has 10801 characters [MESH0007]", 0},
		{"a NUL", "mesh shop\n# \x00\n",
			"in.mesh:2:3: error: this is a NUL byte, so the file is not text [MESH0002]", 0},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + strings.Repeat("\xff\x00;!", 1000),
			"in.mesh:3:1: error: this is a NUL byte, so the file is not text [MESH0002]", 0},
		{"Latin-1", "mesh shop # caf\xe9 and cr\xe8me\n",
			"in.mesh:1:16: error: this byte is not UTF-8 [MESH0002]", 0},
		{"UTF-16", "\xff\xfem\x00e\x00s\x00h\x00",
			"in.mesh:1:1: error: the file is UTF-16, not UTF-8 [MESH0002]", 0},
		{"brackets", "a -> b " + strings.Repeat("{", 100_000) + "\nc -> d",
			"in.mesh:1:9: error: braces cannot be nested [MESH0008]", 1},
		{"brackets that close", "a -> b " + strings.Repeat("{", 50_000) + strings.Repeat("}", 50_000) + "\nc -> d",
			"in.mesh:1:9: error: braces cannot be nested [MESH0008]", 1},
		{"other brackets", "a -> b " + strings.Repeat("([", 50_000) + "\nc -> d",
			"in.mesh:1:8: error: unexpected character `([([([([([([([([([([([([([([([([([([([([([([([([([([([([([(...` [MESH0001]", 1},
		{"a long statement", "a -> b" + strings.Repeat(", b", 1<<18) + "\nc -> d",
			"in.mesh:1:1: error: the statement has 786437 words [MESH0007]", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file, list := lang.Parse("in.mesh", []byte(test.text))
			require.Len(t, list, 1)
			require.Equal(t, test.want, list[0].Error())
			require.Len(t, file.Stmts, test.stmts)
			require.True(t, file.Broken)
		})
	}
}

func TestFindingsAreLimited(t *testing.T) {
	_, list := lang.Parse("in.mesh", []byte(strings.Repeat("servce x\n! -> b\n", 300)))
	require.Len(t, list, 101)
	require.Equal(t, "in.mesh:101:1: error: 500 more mistakes in this file are not shown [MESH0003]", list[100].Error())
}

// TestTime parses texts that would take minutes if any loop of the parser were quadratic.
func TestTime(t *testing.T) {
	const n = 1 << 17
	texts := map[string]string{
		"braces":        strings.Repeat("{", n),
		"newlines":      "a -> b {" + strings.Repeat("\n", n),
		"comments":      "a -> b {" + strings.Repeat("#\n", n),
		"commas":        strings.Repeat(",", n),
		"arrows":        strings.Repeat("->", n),
		"shafts":        strings.Repeat("-", n),
		"dashes":        strings.Repeat("–", n),
		"tildes":        strings.Repeat("~", n),
		"quotes":        strings.Repeat("'", n),
		"low quotes":    strings.Repeat("„x", n),
		"strings":       strings.Repeat(`"`, n),
		"backslashes":   `"` + strings.Repeat(`\`, n),
		"escapes":       `"` + strings.Repeat(`\n`, n),
		"signs":         strings.Repeat("!;", n),
		"mixed":         strings.Repeat("!a", n),
		"words":         strings.Repeat("a ", n),
		"statements":    strings.Repeat("x y\n", n),
		"keywords":      strings.Repeat("mesh ", n),
		"lines":         strings.Repeat("a,\n", n/8),
		"group":         "group a = " + strings.Repeat("b,\n", n/8),
		"label":         "service a label " + strings.Repeat("a/", n/4),
		"address":       "service a address " + strings.Repeat("1:", n/4),
		"until":         "a -> b " + strings.Repeat("until 1 ", n/8),
		"near keywords": strings.Repeat("servce a\n", n/8),
		"unclosed":      strings.Repeat("a -> b {\n", n/8),
		"mesh braces":   strings.Repeat("mesh a {\n", n/8),
		"confusables":   strings.Repeat("→", n),
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, list := lang.Parse("in.mesh", []byte(text))
			require.LessOrEqual(t, len(list), 101)
			require.Less(t, time.Since(start), 20*time.Second)
		})
	}
}

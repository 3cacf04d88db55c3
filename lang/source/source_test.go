package source

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

// A position is what counting from the start of its line gives, in texts of one byte a character and in others.
func TestPosition(t *testing.T) {
	for name, text := range map[string]string{
		"empty":             "",
		"one byte each":     "mesh shop strict\nweb -> api\n\n",
		"no last line end":  "mesh shop\nweb",
		"Windows line ends": "mesh shop\r\nweb -> api\r\n",
		"other characters":  "# früher 😀 x\nweb -> api # ✓\n",
		"not UTF-8":         "a\xff\xfeb\nc",
		"a long line":       "é\n" + strings.Repeat("{a: \"é😀\"}, ", 400) + "\nx",
		"a long line whose length is a multiple of the stride": strings.Repeat("é", stride),
		"a long line that is not UTF-8":                        strings.Repeat("\xff", 2*stride) + "\xf0",
	} {
		f := NewFile(name, text)
		line, start := 1, 0
		for offset := 0; offset <= len(text); offset++ {
			before := text[start:offset]
			want := Position{Line: line, Byte: len(before) + 1, Rune: utf8.RuneCountInString(before) + 1, UTF16: len(utf16.Encode([]rune(before))) + 1}
			assert.Equal(t, want, f.Position(offset), "%s: byte %d", name, offset)
			if offset < len(text) && text[offset] == '\n' {
				line, start = line+1, offset+1
			}
		}
		assert.Equal(t, f.Position(len(text)), f.Position(len(text)+5), "%s: after the end", name)
		assert.Equal(t, f.Position(0), f.Position(-1), "%s: before the start", name)
		for n := 1; n <= line; n++ {
			assert.Equal(t, Position{n, 1, 1, 1}, f.Position(f.Offset(n)), "%s: line %d", name, n)
		}
	}
}

// Skipping characters from any of them leads where counting them leads.
func TestSkip(t *testing.T) {
	for name, text := range map[string]string{
		"empty":            "",
		"one byte each":    "mesh shop strict\nweb -> api\n",
		"other characters": "# früher 😀 x\nweb -> api # ✓\n",
		"not UTF-8":        "a\xff\xfeb\nc" + strings.Repeat("\xff", 3*stride),
		"long":             strings.Repeat("{a: \"é😀\"}, ", 500),
		"long and wide":    strings.Repeat("😀", stride),
	} {
		f := NewFile(name, text)
		var starts []int
		for i := range text {
			starts = append(starts, i)
		}
		starts = append(starts, len(text), len(text))
		for from := 0; from < len(starts)-1; from += 1 + len(starts)/50 {
			for to := from; to < len(starts); to++ {
				if got := f.Skip(starts[from], to-from); got != starts[to] {
					t.Fatalf("%s: %d characters after byte %d is byte %d, want %d", name, to-from, starts[from], got, starts[to])
				}
			}
		}
	}
}

func TestLine(t *testing.T) {
	f := NewFile("shop.mesh", "mesh shop\r\n\nweb -> api")
	assert.Equal(t, []string{"", "mesh shop", "", "web -> api", ""}, []string{f.Line(0), f.Line(1), f.Line(2), f.Line(3), f.Line(4)})
}

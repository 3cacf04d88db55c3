package source

import (
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

func TestLine(t *testing.T) {
	f := NewFile("shop.mesh", "mesh shop\r\n\nweb -> api")
	assert.Equal(t, []string{"", "mesh shop", "", "web -> api", ""}, []string{f.Line(0), f.Line(1), f.Line(2), f.Line(3), f.Line(4)})
}

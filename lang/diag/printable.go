package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// tabStop is where a tab of a snippet ends.
const tabStop = 4

// glyph is how one character of a source is shown, and how many columns that takes.
type glyph struct {
	text    string
	columns int
}

// glyphOf shows the first character of s, which starts in a column counted from 0. Control characters,
// bytes that are no UTF-8 and invisible or direction-changing characters are spelled out: a source must
// not be able to steer the terminal, nor look like something that it is not.
func glyphOf(s string, column int) (g glyph, size int) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == '\t':
		n := tabStop - column%tabStop
		return glyph{"    "[:n], n}, size
	case r == utf8.RuneError && size == 1:
		return escaped(`\x%02x`, rune(s[0])), size
	case r < 0x20 || r == 0x7f:
		return escaped(`\x%02x`, r), size
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
		return escaped(`\u%04x`, r), size
	case unicode.In(r, unicode.Mn, unicode.Me):
		return glyph{s[:size], 0}, size
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return glyph{s[:size], 2}, size
	}
	return glyph{s[:size], 1}, size
}

func escaped(format string, r rune) glyph {
	text := fmt.Sprintf(format, r)
	return glyph{text, len(text)}
}

// printable is a text on one line with everything spelled out that a terminal would not show as it is.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0 {
		return s
	}
	var b strings.Builder
	for s != "" {
		g, size := glyphOf(s, 0)
		if s[0] == '\t' {
			g.text = `\t`
		}
		b.WriteString(g.text)
		s = s[size:]
	}
	return b.String()
}

package diag

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// tabStop is the distance between tab stops in snippets.
const tabStop = 4

// glyph is the display form of a character and its width in columns.
type glyph struct {
	text    string
	columns int
}

// glyphOf returns the display form of the first character of s, which starts at a column counted from 0. Control
// characters, invalid UTF-8, and characters that are invisible or change the text direction are spelled out: a source
// must not be able to control the terminal or to look like something else.
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

// PrintableLine returns a text on one line, with every character spelled out that a terminal would not display as is.
func PrintableLine(s string) string {
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

// PrintableLines returns a text of several lines, or JSON, with everything spelled out that could control a terminal or
// the runner of a CI job. Newlines and tabs are kept. The meaning of JSON does not change.
func PrintableLines(text []byte) []byte {
	if bytes.IndexFunc(text, steers) < 0 {
		return withoutCommands(text)
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for i, size := 0, 0; i < len(text); i += size {
		var r rune
		r, size = utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			out = fmt.Appendf(out, `\x%02x`, text[i])
		case r == '\r' && i+1 < len(text) && text[i+1] == '\n', !steers(r):
			out = append(out, text[i:i+size]...)
		case r < 0x20: // JSON never contains it unescaped
			out = fmt.Appendf(out, `\x%02x`, r)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
	}
	return withoutCommands(out)
}

// Commands in what a CI job prints. GitHub's runner obeys `::` at the
// start of a line, after any white space, and `##[` anywhere; those of Azure Pipelines, TeamCity and Octopus obey
// `##NAME[`.
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
var (
	colons = regexp.MustCompile(`(?m)^([\t\v\f\r \p{Zs}]*)::([^:]|$)`)
	hashes = regexp.MustCompile(`#(#[A-Za-z]*\[)`)
)

// withoutCommands spells out the first character of each command in a text, so that it is none; in JSON, its meaning
// stays.
func withoutCommands(text []byte) []byte {
	if bytes.Contains(text, []byte("::")) {
		text = colons.ReplaceAll(text, []byte(`$1\x3a:$2`))
	}
	if bytes.Contains(text, []byte("##")) {
		text = hashes.ReplaceAll(text, []byte(`\u0023$1`))
	}
	return text
}

// HoldsCommand reports whether the runner of a CI job might obey a part of a text, if that part were at the start of a
// line.
func HoldsCommand(text string) bool {
	return strings.Contains(text, "##") && hashes.MatchString(text) || strings.Contains(text, "::") && spacedColons.MatchString(text)
}

var spacedColons = regexp.MustCompile(`[\s\p{Z}]::`)

func steers(r rune) bool {
	switch {
	case r < 0x20:
		return r != '\n' && r != '\t'
	case r < 0x7f:
		return false
	}
	return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

// Misleads reports whether a character makes editors and reviews show a line as another text than the one that is read:
// it changes the direction of the text around it, or some of them break the line there.
func Misleads(r rune) bool {
	if r < unicode.MaxASCII { // almost all of what is read
		return r < ' ' && r != '\t'
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

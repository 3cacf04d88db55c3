package forge

import (
	"strings"
	"unicode"
)

// maxTextLength is the maximum length of a user's text in a line.
const maxTextLength = 300

// Escape returns Markdown that shows a user's text literally. The text becomes a code span, in which no forge
// recognizes markup, HTML, mentions, issue references or links. Backslashes would not suffice, because forges find
// mentions and links after they process Markdown. Escape joins lines and removes invisible characters, including those
// that change the direction of writing.
func Escape(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)), " ")
	if r := []rune(text); len(r) > maxTextLength {
		text = string(r[:maxTextLength]) + "…"
	}
	if text == "" {
		return ""
	}
	fence := fenceFor(text, 1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// fenceFor returns more backticks than any run of them in text, and at least so many.
func fenceFor(text string, least int) string {
	run := 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		least = max(least, run+1)
	}
	return strings.Repeat("`", least)
}

// CodeBlock returns Markdown that shows a text of several lines literally. The language is that of the text.
func CodeBlock(language, text string) string {
	fence := fenceFor(text, 3)
	return fence + language + "\n" + strings.TrimSuffix(text, "\n") + "\n" + fence + "\n"
}

package forge

import (
	"strings"
	"unicode"
)

// The longest text of a user that a line shows.
const longestText = 300

// Escape shows text of a user in Markdown exactly as it is. It becomes a code span: inside one, no forge finds
// markup, HTML, mentions, references to issues or links. A backslash would not do, since forges look for
// mentions and links in what is left once Markdown is done. Lines are joined, and characters that are not
// seen, among them those that turn the direction of writing, are left out.
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
	if r := []rune(text); len(r) > longestText {
		text = string(r[:longestText]) + "…"
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

// fenceFor is more backticks than stand anywhere in a row in text, and at least so many.
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

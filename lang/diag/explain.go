package diag

import (
	"fmt"
	"strings"

	"golang.org/x/tools/txtar"
)

// Example is one file of a Bad or a Good.
type Example struct{ Name, Text string }

// Files is the files of a Bad or a Good: those of the txtar archive, else the one file shop.mesh.
func Files(example string) []Example {
	archive := txtar.Parse([]byte(example))
	if len(archive.Files) == 0 {
		return []Example{{"shop.mesh", example}}
	}
	files := make([]Example, 0, len(archive.Files))
	for _, f := range archive.Files {
		files = append(files, Example{f.Name, string(f.Data)})
	}
	return files
}

// exampleColumns is where a line of an example is cut when it is printed: some codes are about size.
const exampleColumns = 160

// Markdown is the entry as a page: what it means, an example that is wrong and one that is right.
func (e *Entry) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", e.Text)
	for _, half := range []struct{ title, example string }{{"Wrong", e.Bad}, {"Right", e.Good}} {
		if half.example == "" {
			continue
		}
		fmt.Fprintf(&b, "\n%s:\n", half.title)
		for _, f := range Files(half.example) {
			fmt.Fprintf(&b, "\n```%s\n%s```\n", f.Name, Printable(f.Text, exampleColumns))
		}
	}
	return b.String()
}

// Printable is a text, line by line, with everything spelled out that a terminal would not show as it is.
// A line longer than columns characters is cut; every line ends in a newline.
func Printable(text string, columns int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		shown := []rune(PrintableLine(strings.TrimSuffix(line, "\n")))
		if len(shown) > columns {
			shown = append(shown[:columns], '…')
		}
		b.WriteString(string(shown))
		b.WriteByte('\n')
	}
	return b.String()
}

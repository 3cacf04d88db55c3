package diag

import (
	"embed"
	"fmt"
	"strings"

	"golang.org/x/tools/txtar"
)

// Explanation is the documentation of a code: why the finding is reported and what to do about it, and a project that
// has the finding beside one that does not. A project consists of intents, and where they matter of workload
// manifests (k8s/), meshc.yaml, an output folder (out/) or deployed policies (manifests/). The tests build every
// example, as of ExampleDay: Bad yields this code and no other, Good yields no finding.
type Explanation struct {
	Text      string // one paragraph on one line
	Bad, Good []Example
}

// Example is a file of an example project.
type Example struct{ Name, Text string }

// ExampleDay is the current day in the examples that contain dates.
const ExampleDay = "2027-03-15"

// explanations holds one txtar archive for each code: the text, then the files of the two projects in the folders
// bad and good.
//
//go:embed codes/*.txtar
var explanations embed.FS

// Explanation reads the documentation of the code.
func (e *Entry) Explanation() Explanation {
	data, err := explanations.ReadFile("codes/" + string(e.Code) + ".txtar")
	if err != nil {
		return Explanation{}
	}
	archive := txtar.Parse(data)
	x := Explanation{Text: strings.Join(strings.Fields(string(archive.Comment)), " ")}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "bad/"); ok {
			x.Bad = append(x.Bad, Example{name, string(f.Data)})
		} else if name, ok := strings.CutPrefix(f.Name, "good/"); ok {
			x.Good = append(x.Good, Example{name, string(f.Data)})
		}
	}
	return x
}

// exampleColumns is the width at which Markdown cuts the lines of examples; one of them is about overlong names.
const exampleColumns = 160

// Markdown formats the explanation as a page.
func (x Explanation) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", x.Text)
	for _, half := range []struct {
		title string
		files []Example
	}{{"Wrong", x.Bad}, {"Right", x.Good}} {
		fmt.Fprintf(&b, "\n%s:\n", half.title)
		for _, f := range half.files {
			fmt.Fprintf(&b, "\n```%s\n%s```\n", f.Name, Printable(f.Text, exampleColumns))
		}
	}
	return b.String()
}

// Printable returns a text line by line, with every character spelled out that a terminal would not display as is.
// Lines of more than columns characters are cut, and every line ends with a newline.
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

package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/meshc/meshc/lang/source"
)

// GitHub writes findings as workflow commands, one per line, which GitHub Actions shows as annotations of a pull
// request:
// https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
func GitHub(w io.Writer, l List) error {
	b := bufio.NewWriter(w)
	for _, d := range l {
		fmt.Fprintf(b, "::%s ", [...]string{"notice", "warning", "error"}[d.Severity])
		if s := d.Primary; !s.IsZero() {
			start, end := s.StartPosition(), s.EndPosition()
			fmt.Fprintf(b, "file=%s,line=%d,", githubProperty(PrintableLine(s.File.Name)), start.Line)
			// GitHub rejects columns if the lines differ.
			if start.Line == end.Line {
				fmt.Fprintf(b, "col=%d,endColumn=%d,", start.Rune, end.Rune)
			} else {
				fmt.Fprintf(b, "endLine=%d,", end.Line)
			}
		}
		fmt.Fprintf(b, "title=%s::%s\n", d.Code, githubData(d.Plain()))
	}
	return b.Flush()
}

// Plain returns the complete text of a finding, without snippets.
func (d *Diagnostic) Plain() string {
	lines := []string{PrintableLine(d.Message)}
	for _, r := range d.Related {
		lines = append(lines, PrintableLine(r.Message)+": "+place(r.Span))
	}
	for _, note := range d.Notes {
		lines = append(lines, "note: "+printableLines(note))
	}
	if d.Help != "" {
		lines = append(lines, "help: "+printableLines(d.Help))
	}
	return strings.Join(lines, "\n")
}

func place(s source.Span) string {
	if s.IsZero() {
		return ""
	}
	p := s.StartPosition()
	return fmt.Sprintf("%s:%d:%d", PrintableLine(s.File.Name), p.Line, p.Rune)
}

func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = PrintableLine(lines[i])
	}
	return strings.Join(lines, "\n")
}

// The escapes are those of @actions/core. In a property, a colon or a comma must be escaped as well.
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubArgument = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func githubData(s string) string     { return githubMessage.Replace(s) }
func githubProperty(s string) string { return githubArgument.Replace(s) }

package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/lang/diag"
)

func newExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Explain a finding, with an example; without CODE, list all findings",
		Example: `  meshc explain
  meshc explain MESH1001`,
		Args:              few(0, 1, "one code, or none"),
		ValidArgsFunction: completeCodes,
		RunE: verb(func(cmd *cobra.Command, args []string) error {
			var b bytes.Buffer
			if len(args) == 0 {
				for _, e := range diag.Table {
					fmt.Fprintf(&b, "%s  %-7s  %s\n", e.Code, e.Severity, e.Title)
				}
				return writeOut(cmd, b.Bytes())
			}
			e := diag.Explain(codeOf(args[0]))
			if e == nil {
				return usageError("unknown code %s; meshc explain lists them, and meshc why explains a call", args[0])
			}
			explainCode(&b, e)
			return writeOut(cmd, b.Bytes())
		}),
	}
}

// codeOf reads a code as people type it: mesh1001, 1001.
func codeOf(word string) diag.Code {
	word = strings.ToUpper(word)
	if !strings.HasPrefix(word, "MESH") {
		word = "MESH" + word
	}
	return diag.Code(word)
}

func completeCodes(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var all []string
	if len(args) == 0 {
		for _, e := range diag.Table {
			all = append(all, string(e.Code)+"\t"+e.Title)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

const (
	pageColumns    = 80
	exampleColumns = 100
)

func explainCode(b *bytes.Buffer, e *diag.Entry) {
	x := e.Explanation()
	fmt.Fprintf(b, "%s (%s): %s\n\n%s", e.Code, e.Severity, e.Title, wrap(x.Text, pageColumns))
	for _, half := range []struct {
		title string
		files []diag.Example
	}{{"Wrong", x.Bad}, {"Right", x.Good}} {
		fmt.Fprintf(b, "\n%s:\n", half.title)
		for i, f := range half.files {
			if len(half.files) > 1 {
				if i > 0 {
					b.WriteByte('\n')
				}
				fmt.Fprintf(b, "    -- %s --\n", f.Name)
			}
			for line := range strings.Lines(diag.Printable(f.Text, exampleColumns)) {
				b.WriteString(strings.TrimRight("    "+line, " \n") + "\n")
			}
		}
	}
}

// wrap breaks a text into lines at spaces.
func wrap(text string, columns int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
		case column+1+len(word) > columns:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
	return b.String()
}

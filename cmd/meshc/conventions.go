package main

import (
	"bytes"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// convention is what the flags of a verb do not say.
type convention struct {
	path     string // how a project is named as an argument; empty: not at all
	findings string // what it ends with 1 for; empty: nothing
	coloured string // what is in colour; empty: nothing
}

// conventions has every verb.
var conventions = map[string]convention{
	"accounts":   {"PATH...", "an error, or a step that cannot be built", "findings"},
	"build":      {"PATH...", "an error; with --check, a difference", "findings, diff"},
	"check":      {"PATH...", "an error; with --diff, a file that would change", "findings, diff"},
	"completion": {},
	"diff":       {"PATH", "an error; with --exit-code, a difference", "findings, changes, diff"},
	"docs":       {},
	"explain":    {},
	"fmt":        {"PATH...", "an error; with --check or -d, a file that would change", "findings, diff"},
	"graph":      {"PATH...", "an error, or a broken guard", "findings"},
	"help":       {},
	"import":     {"", "an error in the imported manifests", "findings"},
	"init":       {"", "manifests that no project can be made from", "findings"},
	"learn":      {"", "no calls; with --project, a refused call", "findings"},
	"lsp":        {},
	"migrate":    {"PATH", "an error; with --next, no possible step", "findings, plan"},
	"publish":    {"PATH...", "an error", "findings"},
	"replay":     {"", "a refused call", "findings, answers"},
	"test":       {"PATH...", "a broken guard", "findings, answers"},
	"verify":     {"PATH...", "an error", "findings, answers"},
	"version":    {},
	"watch":      {"PATH...", "an error when interrupted", "findings, changes"},
	"why":        {"", "with --exit-code, no allowed request", "findings, answers"},
}

// newConventions is a topic of the help: it has no Run.
func newConventions(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "conventions",
		Short: "What all verbs share: flags, formats, exit codes, colours",
		Long:  conventionsText(root),
	}
}

const conventionsIntro = `What all verbs share, and what differs between them.

Project    A PATH is a file, a folder, or - for standard input. Every verb that reads a project also takes --project; without
           either it reads the project around the current folder. -C DIR changes to a folder first. --env, --workloads, --date
           and -W mean the same everywhere.
Output     Answers and manifests go to standard output; findings, summaries and progress go to standard error. The exception is
           check: with a --format other than text, its findings are the answer and go to standard output. -o names a file or
           folder to write instead. -q leaves out summaries and progress; -v prints how long each step took.
Formats    text is for people and may change. json names its schema and version in the field schema (findings have version: 1)
           and changes only with that version. The first format listed is the default.
Colours    --color is auto, always or never; auto means colour on a terminal, unless NO_COLOR is set or TERM is dumb. Only text
           is coloured: red for errors, denials and dangers, yellow for warnings and what is uncertain, green for what is allowed
           or holds.
Exit codes 0 is success; 1 is listed below; 2 is wrong usage; 3 is a file, stream or server that failed, or a bug in meshc.

`

func conventionsText(root *cobra.Command) string {
	rows := [][]string{{"VERB", "READS", "FORMATS", "EXITS WITH 1 ON", "COLOURED"}}
	for _, cmd := range root.Commands() {
		c := conventions[cmd.Name()]
		if cmd.Hidden || c == (convention{}) && cmd.Flags().Lookup("format") == nil {
			continue
		}
		rows = append(rows, []string{cmd.Name(), readsOf(cmd), strings.Join(formatsOf(cmd), " "), c.findings, c.coloured})
	}
	slices.SortFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	var b bytes.Buffer
	b.WriteString(conventionsIntro)
	columns(&b, rows)
	return strings.TrimSuffix(b.String(), "\n")
}

// readsOf is how a verb is told about a project.
func readsOf(cmd *cobra.Command) string {
	var ways []string
	if path := conventions[cmd.Name()].path; path != "" {
		ways = append(ways, path)
	}
	for _, name := range []string{"project", "manifests", "cluster"} {
		if cmd.Flags().Lookup(name) != nil {
			ways = append(ways, "--"+name)
		}
	}
	return strings.Join(ways, " ")
}

// formatsOf is the values of a verb's --format.
func formatsOf(cmd *cobra.Command) []string {
	if f := cmd.Flags().Lookup("format"); f != nil {
		return f.Value.(*choice).known
	}
	return nil
}

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
	"accounts":   {"PATH...", "an error; a step that cannot be built", "findings"},
	"build":      {"PATH...", "an error; with --check, a file that differs", "findings, diff"},
	"check":      {"PATH...", "an error; with --diff, a file that would change", "findings, diff"},
	"completion": {},
	"diff":       {"PATH", "an error; with --exit-code, a difference", "findings, changes, diff"},
	"docs":       {},
	"explain":    {},
	"fmt":        {"PATH...", "an error; with --check or -d, a file that would change", "findings, diff"},
	"graph":      {"PATH...", "an error, also a broken guard", "findings"},
	"help":       {},
	"import":     {"", "an error in what was imported", "findings"},
	"init":       {"", "manifests without a project to make of them", "findings"},
	"learn":      {"", "no calls; with --project, a call that is refused", "findings"},
	"lsp":        {},
	"migrate":    {"PATH", "an error; with --next, no step that can be made", "findings, plan"},
	"publish":    {"PATH...", "an error", "findings"},
	"replay":     {"", "a call that is refused", "findings, answers"},
	"test":       {"PATH...", "a guard that fails", "findings, answers"},
	"verify":     {"PATH...", "a problem that is an error", "findings, answers"},
	"version":    {},
	"watch":      {"PATH...", "an error when it is interrupted", "findings, changes"},
	"why":        {"", "with --exit-code, nothing that is allowed", "findings, answers"},
}

// newConventions is a topic of the help: it has no Run.
func newConventions(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "conventions",
		Short: "What all verbs have in common: flags, formats, exit codes, colours",
		Long:  conventionsText(root),
	}
}

const conventionsIntro = `What all verbs have in common, and what each of them has.

Project    A PATH is a file, a folder, or - for standard input. Every verb that reads a project takes it as --project too, and
           without either reads the project around the current folder. -C DIR goes to a folder first. --env, --workloads, --date
           and -W say the same for all of them.
Output     Answers and manifests go to standard output, findings, summaries and progress to standard error. Findings for programs
           (--format of build and check other than text) are the answer of check and go to standard output there. -o names a
           file or a folder in place of standard output. -q leaves out summaries and progress; -v says how long each step took.
Formats    text is for people and may change. json says in its field schema what it is, with a version, and changes only with
           that; findings say version: 1. The first format of a verb is its default.
Colours    --color auto, always or never; auto is colour on a terminal, unless NO_COLOR is set or TERM is dumb. Only text has
           colour: red for what is wrong, refused or dangerous, yellow for warnings and what is not sure, green for what is
           allowed or holds.
Exit codes 0 is success, 1 what the table says, 2 wrong usage, 3 a file, a stream or a server that failed, or a bug of meshc.

`

func conventionsText(root *cobra.Command) string {
	rows := [][]string{{"VERB", "READS", "FORMATS", "1 IS", "IN COLOUR"}}
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

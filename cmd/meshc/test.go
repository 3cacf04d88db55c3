package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

func newTest() *cobra.Command {
	var t guardTest
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Test every never, always and only against the manifests",
		Long: `Test every never, always and only against the manifests, and list each as passed or failed; a failure comes with a request
that breaks it. The exit code is 1 if any fails. In an environment with a dry run nothing is enforced, so a statement that
would hold is skipped; one that would not fails.

The first line and the report also give the coverage of edges. An edge is a pair of caller and callee; it is covered if
statements include both of them, at all of its ports. An edge that is not covered can be opened or closed by mistake
without a test failing.`,
		Example: `  meshc test
  meshc test --env prod --junit report.xml`,
		RunE: onProject(t.run),
	}
	t.inputs.registerProject(cmd)
	registerFormat(cmd, &t.format, answerFormats...)
	cmd.Flags().StringVar(&t.junit, "junit", "", "also write a JUnit XML report to this file")
	return cmd
}

type guardTest struct {
	inputs
	format, junit string
}

// guardResult is the result of one statement.
type guardResult struct {
	kind      policy.GuardKind
	at        source.Span
	because   string
	broken    *diag.Diagnostic // nil where it holds
	nothing   bool             // one of its sides stands for no service
	skipped   string           // why it does not count that it holds
	file      string           // as seen from the current folder
	line      int
	statement string
}

func (t *guardTest) run(cmd *cobra.Command, paths []string) error {
	c, err := t.compileFor(cmd, paths, "tested")
	if err != nil {
		return t.notTested(c, err)
	}
	results := guardResults(c.Build, c.project.Shown)
	total, covered := model.Coverage(c.Policy)

	if t.junit != "" {
		if err := writeJUnit(t.junit, junitReport(results, total, covered, c.project.Shown)); err != nil {
			return err
		}
	}
	var out []byte
	if t.format == "json" {
		out, err = guardsJSON(results, total, covered, c.Policy.DryRun)
	} else {
		out = guardsText(results, total, covered, c.project.Shown)
	}
	if err != nil {
		return err
	}
	if err := writeAnswer(cmd, t.format, out); err != nil {
		return err
	}
	if failed(results) > 0 {
		return errFindings
	}
	return nil
}

// notTested writes a report that says so: one of an earlier run would say that everything passed.
func (t *guardTest) notTested(c *compiled, err error) error {
	var f *failure
	if t.junit == "" || errors.As(err, &f) && f.code == exitUsage {
		return err
	}
	why := []string{err.Error()}
	if c != nil && err == errFindings {
		why = nil
		for _, d := range renamed(c.Findings, c.project.Shown) {
			if d.Severity == diag.Error {
				why = append(why, d.Error())
			}
		}
	}
	if err := writeJUnit(t.junit, junitError(why)); err != nil {
		return err
	}
	return err
}

// guardResults is one result per statement: a statement whose destinations have different ports was judged in parts.
func guardResults(b *compiler.Build, shown func(string) string) []*guardResult {
	var results []*guardResult
	byPlace := map[source.Span]*guardResult{}
	for _, j := range b.Judgements {
		r := byPlace[j.Guard.At]
		if r == nil {
			r = &guardResult{
				kind: j.Guard.Kind, at: j.Guard.At, because: j.Guard.Because,
				file: shown(j.Guard.At.File.Name), line: j.Guard.At.StartPosition().Line, nothing: len(j.Guard.To) == 0, statement: lang.OneLine(j.Guard.At.Text()),
			}
			byPlace[j.Guard.At] = r
			results = append(results, r)
		}
		if r.broken == nil {
			r.broken = j.Broken
		}
	}
	if b.Policy.DryRun {
		for _, r := range results {
			if r.broken == nil {
				r.skipped = fmt.Sprintf("it would hold, but %s is in dry-run, where nothing is enforced", b.Policy.Environment)
			}
		}
	}
	return results
}

func failed(results []*guardResult) int {
	return count(results, func(r *guardResult) bool { return r.broken != nil })
}

func skipped(results []*guardResult) int {
	return count(results, func(r *guardResult) bool { return r.skipped != "" })
}

func count(results []*guardResult, is func(*guardResult) bool) (n int) {
	for _, r := range results {
		if is(r) {
			n++
		}
	}
	return n
}

func guardsText(results []*guardResult, total, covered int, shown func(string) string) []byte {
	var b bytes.Buffer
	broken, skip := failed(results), skipped(results)
	if len(results) == 0 {
		fmt.Fprintf(&b, "no never, always or only: nothing was tested; %s covered\n", share(total, 0))
		return b.Bytes()
	}
	fmt.Fprintf(&b, "%d passed, %d failed", len(results)-broken-skip, broken)
	if skip > 0 {
		fmt.Fprintf(&b, ", %d skipped", skip)
	}
	fmt.Fprintf(&b, "; %s covered\n\n", share(total, covered))
	width := 0
	for _, r := range results {
		width = max(width, len(r.place()))
	}
	for _, r := range results {
		word := "ok  "
		switch {
		case r.broken != nil:
			word = "FAIL"
		case r.skipped != "":
			word = "skip"
		}
		fmt.Fprintf(&b, "%s  %-*s  %s\n", word, width, r.place(), r.statement)
		for _, line := range r.reasons(shown) {
			fmt.Fprintf(&b, "      %s\n", line)
		}
	}
	return b.Bytes()
}

func share(total, covered int) string {
	if total == 0 {
		return "no edges to be"
	}
	return fmt.Sprintf("%d of %s (%d %%)", covered, plural(total, "edge"), covered*100/total)
}

func (r *guardResult) place() string { return fmt.Sprintf("%s:%d", r.file, r.line) }

// reasons is the witness, what lets it through or stops it, and help; nothing for a statement that holds, unless that
// means nothing.
func (r *guardResult) reasons(shown func(string) string) []string {
	switch {
	case r.nothing:
		return []string{"one of its sides stands for no service, so it says nothing"}
	case r.skipped != "":
		return []string{r.skipped}
	case r.broken == nil:
		return nil
	}
	lines := []string{r.broken.Message}
	for _, place := range r.broken.Related {
		lines = append(lines, fmt.Sprintf("%s:%d: %s: %s", shown(place.Span.File.Name), place.Span.StartPosition().Line, place.Message, lang.OneLine(place.Span.Text())))
	}
	lines = append(lines, r.broken.Notes...)
	if r.broken.Help != "" {
		lines = append(lines, "help: "+r.broken.Help)
	}
	return lines
}

type guardsReport struct {
	Schema  string      `json:"schema"`
	Passed  int         `json:"passed"`
	Failed  int         `json:"failed"`
	Skipped int         `json:"skipped"`
	DryRun  bool        `json:"dryRun,omitempty"` // judged as if enforced
	Edges   edgeShare   `json:"edges"`
	Guards  []guardJSON `json:"guards"`
}

type edgeShare struct {
	Total   int `json:"total"`
	Covered int `json:"covered"`
}

type guardJSON struct {
	Kind      string `json:"kind"`
	Statement string `json:"statement"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Because   string `json:"because,omitempty"`
	Passed    bool   `json:"passed"`
	Skipped   string `json:"skipped,omitempty"` // why
	Nothing   bool   `json:"aboutNothing,omitempty"`
	Code      string `json:"code,omitempty"`
	Witness   string `json:"witness,omitempty"`
	Help      string `json:"help,omitempty"`
}

func guardsJSON(results []*guardResult, total, covered int, dryRun bool) ([]byte, error) {
	broken, skip := failed(results), skipped(results)
	report := guardsReport{"meshc.dev/test/v1", len(results) - broken - skip, broken, skip, dryRun, edgeShare{total, covered}, []guardJSON{}}
	for _, r := range results {
		g := guardJSON{Kind: r.kind.String(), Statement: r.statement, File: r.file, Line: r.line, Because: r.because, Passed: r.broken == nil && r.skipped == "", Skipped: r.skipped, Nothing: r.nothing}
		if r.broken != nil {
			g.Code, g.Witness, g.Help = string(r.broken.Code), r.broken.Message, r.broken.Help
		}
		report.Guards = append(report.Guards, g)
	}
	return answerJSON(report)
}

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
		Short: "Hold the manifests against every never, always and only",
		Long: `Hold the manifests against every never, always and only, and list each as passed or failed, with the request that
breaks it. It ends with 1 where one fails.

The first line also says how many edges are covered, and so does the report: an edge is a pair of a caller and a
callee, and statements cover it whose two sides include both, at all of its ports. What no statement covers may be
opened or closed by mistake, and nothing would tell.`,
		Example: `  meshc test
  meshc test --env prod --junit report.xml`,
		RunE: verb(t.run),
	}
	t.inputs.registerProject(cmd)
	registerAnswerFormat(cmd, &t.format)
	cmd.Flags().StringVar(&t.junit, "junit", "", "file that a report in JUnit's XML is also written to")
	return cmd
}

type guardTest struct {
	inputs
	format, junit string
}

// guardResult is what became of one statement.
type guardResult struct {
	kind      policy.GuardKind
	at        source.Span
	because   string
	broken    *diag.Diagnostic // nil where it holds
	nothing   bool             // it is about nothing
	file      string           // as somebody in the current folder would call it
	line      int
	statement string
}

func (t *guardTest) run(cmd *cobra.Command, paths []string) error {
	if err := checkAnswerFormat(t.format); err != nil {
		return err
	}
	c, err := t.compileFor(cmd, paths, "tested")
	if err != nil {
		return t.notTested(c, err)
	}
	results := guardResults(c.Judgements, c.project.Shown)
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
		if c.Policy.DryRun {
			out = fmt.Appendf(out, "\nnote: %s\n", compiler.DryRunNote(c.Policy))
		}
	}
	if err != nil {
		return err
	}
	if err := writeOut(cmd, out); err != nil {
		return err
	}
	if failed(results) > 0 {
		return errFindings
	}
	return nil
}

// notTested leaves a report behind that says so: of an earlier run it would tell that all is well.
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

// guardResults is one result for each statement: one whose destinations have different ports was judged in parts.
func guardResults(judged []model.Judgement, shown func(string) string) []*guardResult {
	var results []*guardResult
	byPlace := map[source.Span]*guardResult{}
	for _, j := range judged {
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
	return results
}

func failed(results []*guardResult) int {
	n := 0
	for _, r := range results {
		if r.broken != nil {
			n++
		}
	}
	return n
}

func guardsText(results []*guardResult, total, covered int, shown func(string) string) []byte {
	var b bytes.Buffer
	broken := failed(results)
	if len(results) == 0 {
		fmt.Fprintf(&b, "no never, always or only: nothing was tested; %s covered\n", share(total, 0))
		return b.Bytes()
	}
	fmt.Fprintf(&b, "%d passed, %d failed; %s covered\n\n", len(results)-broken, broken, share(total, covered))
	width := 0
	for _, r := range results {
		width = max(width, len(r.place()))
	}
	for _, r := range results {
		word := "ok  "
		if r.broken != nil {
			word = "FAIL"
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

// reasons is the witness, what lets it through or stops it, and the way out; of one that holds only that it is about nothing.
func (r *guardResult) reasons(shown func(string) string) []string {
	switch {
	case r.nothing:
		return []string{"it is about nothing: no service is meant by one of its sides"}
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
	Schema string      `json:"schema"`
	Passed int         `json:"passed"`
	Failed int         `json:"failed"`
	DryRun bool        `json:"dryRun,omitempty"` // judged as if enforced
	Edges  edgeShare   `json:"edges"`
	Guards []guardJSON `json:"guards"`
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
	Nothing   bool   `json:"aboutNothing,omitempty"`
	Code      string `json:"code,omitempty"`
	Witness   string `json:"witness,omitempty"`
	Help      string `json:"help,omitempty"`
}

func guardsJSON(results []*guardResult, total, covered int, dryRun bool) ([]byte, error) {
	broken := failed(results)
	report := guardsReport{"meshc.dev/test/v1", len(results) - broken, broken, dryRun, edgeShare{total, covered}, []guardJSON{}}
	for _, r := range results {
		g := guardJSON{Kind: r.kind.String(), Statement: r.statement, File: r.file, Line: r.line, Because: r.because, Passed: r.broken == nil, Nothing: r.nothing}
		if r.broken != nil {
			g.Code, g.Witness, g.Help = string(r.broken.Code), r.broken.Message, r.broken.Help
		}
		report.Guards = append(report.Guards, g)
	}
	return answerJSON(report)
}

package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/reach"
)

// answerFormats is how a verb that answers a question writes its answer.
var answerFormats = []string{"text", "json"}

func registerAnswerFormat(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "text", "how the answer is written: text or json")
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(answerFormats, cobra.ShellCompDirectiveNoFileComp))
}

func newTest() *cobra.Command {
	var t guardTest
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Hold the manifests against every never, always and only",
		Long: `Hold the manifests against every never, always and only, and list each as passed or failed, with the request that
breaks it. It ends with 1 where one fails.

The first line also says how many edges are covered: an edge is a pair of a caller and a callee, and some statement
covers it whose two sides include both. What no statement covers may be opened or closed by mistake, and nothing
would tell.`,
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
	junit string
}

// guardResult is what became of one statement.
type guardResult struct {
	kind      policy.GuardKind
	at        source.Span
	because   string
	broken    *diag.Diagnostic // nil where it holds
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
		return err
	}
	judged, err := c.model.Judge()
	if err != nil {
		return internalError(err)
	}
	results := guardResults(judged, c.project.Shown)
	total, covered := guardCoverage(c.policy)

	if t.junit != "" {
		text, err := junitReport(results)
		if err != nil {
			return err
		}
		if err := os.WriteFile(t.junit, text, 0o644); err != nil {
			return fmt.Errorf("%s: %w", filepath.ToSlash(t.junit), cause(err))
		}
	}
	var out []byte
	if t.format == "json" {
		out, err = guardsJSON(results, total, covered)
	} else {
		out = guardsText(results, total, covered, c.project.Shown)
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

func checkAnswerFormat(format string) error {
	if !slices.Contains(answerFormats, format) {
		return usageError("--format %s: there are text and json", format)
	}
	return nil
}

// compileFor compiles a project of which something is asked. Only errors are shown, and only those that leave
// nothing to ask: warnings are for check and build, and a broken guard is for the verb itself to tell.
func (in *inputs) compileFor(cmd *cobra.Command, paths []string, done string) (*compiled, error) {
	asked := in.format
	in.format = "text"
	defer func() { in.format = asked }()
	c, err := in.compile(cmd, paths, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	errors := slices.DeleteFunc(slices.Clone(c.findings), func(d diag.Diagnostic) bool {
		return d.Severity != diag.Error || c.model != nil && isGuard(d.Code)
	})
	if c.model != nil && len(errors) == 0 {
		return c, nil
	}
	if err := in.write(cmd.ErrOrStderr(), errors, c.project.Shown); err != nil {
		return nil, err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s; nothing was %s\n", plural(len(errors), "error"), done)
	return nil, errFindings
}

func isGuard(code diag.Code) bool {
	return code == diag.NeverBroken || code == diag.AlwaysBroken || code == diag.OnlyBroken
}

// guardResults is one result for each statement: one whose destinations have different ports was judged in parts.
func guardResults(judged []reach.Judgement, shown func(string) string) []*guardResult {
	var results []*guardResult
	byPlace := map[source.Span]*guardResult{}
	for _, j := range judged {
		r := byPlace[j.Guard.At]
		if r == nil {
			r = &guardResult{
				kind: j.Guard.Kind, at: j.Guard.At, because: j.Guard.Because,
				file: shown(j.Guard.At.File.Name), line: j.Guard.At.StartPosition().Line, statement: oneLine(j.Guard.At),
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

// oneLine is the text of a statement without its line breaks and the comments in it.
func oneLine(at source.Span) string {
	var words []string
	for line := range strings.Lines(at.Text()) {
		words = append(words, strings.Fields(withoutComment(line))...)
	}
	return strings.Join(words, " ")
}

func withoutComment(line string) string {
	quoted := false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '#' && !quoted && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return line[:i]
		}
	}
	return line
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

// guardCoverage counts the edges, as pairs of a caller and a callee, and those that some guard is about.
func guardCoverage(p *policy.Policy) (total, covered int) {
	guards := map[*policy.Service][]*policy.Guard{}
	for _, g := range p.Guards {
		for _, to := range g.To {
			guards[to] = append(guards[to], g)
		}
	}
	for _, mesh := range p.Meshes {
		for _, s := range mesh.Services {
			callers := map[policy.Source]bool{}
			for _, r := range s.Allow {
				for _, f := range r.From {
					callers[f] = true
				}
			}
			total += len(callers)
			for f := range callers {
				if slices.ContainsFunc(guards[s], func(g *policy.Guard) bool { return includes(g.From, f) }) {
					covered++
				}
			}
		}
	}
	return total, covered
}

// includes tells whether one of the sources means every caller that another means.
func includes(sources []policy.Source, f policy.Source) bool {
	return slices.ContainsFunc(sources, func(s policy.Source) bool {
		inside := f.Kind != policy.FromService || !f.Service.Outside
		switch s.Kind {
		case policy.FromWorld:
			return true
		case policy.FromAny:
			return f.Kind != policy.FromWorld && inside
		case policy.FromMesh:
			return f.Kind == policy.FromMesh && f.Mesh == s.Mesh || f.Kind == policy.FromService && inside && f.Service.Namespace == s.Mesh
		}
		return f == s
	})
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

// reasons is the witness, what lets it through or stops it, and the way out.
func (r *guardResult) reasons(shown func(string) string) []string {
	if r.broken == nil {
		return nil
	}
	lines := []string{r.broken.Message}
	for _, place := range r.broken.Related {
		lines = append(lines, fmt.Sprintf("%s:%d: %s: %s", shown(place.Span.File.Name), place.Span.StartPosition().Line, place.Message, oneLine(place.Span)))
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
	Code      string `json:"code,omitempty"`
	Witness   string `json:"witness,omitempty"`
	Help      string `json:"help,omitempty"`
}

func guardsJSON(results []*guardResult, total, covered int) ([]byte, error) {
	broken := failed(results)
	report := guardsReport{"meshc.dev/test/v1", len(results) - broken, broken, edgeShare{total, covered}, []guardJSON{}}
	for _, r := range results {
		g := guardJSON{Kind: r.kind.String(), Statement: r.statement, File: r.file, Line: r.line, Because: r.because, Passed: r.broken == nil}
		if r.broken != nil {
			g.Code, g.Witness, g.Help = string(r.broken.Code), r.broken.Message, r.broken.Help
		}
		report.Guards = append(report.Guards, g)
	}
	return answerJSON(report)
}

// answerJSON writes arrows as they are, not as an escape for pages of HTML.
func answerJSON(answer any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(answer)
	return b.Bytes(), err
}

// The report as JUnit's Ant task writes it and CI systems read it: a suite for each file.
// https://github.com/testmoapp/junitxml
type junitSuites struct {
	XMLName  xml.Name      `xml:"testsuites"`
	Name     string        `xml:"name,attr"`
	Tests    int           `xml:"tests,attr"`
	Failures int           `xml:"failures,attr"`
	Suites   []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func junitReport(results []*guardResult) ([]byte, error) {
	report := junitSuites{Name: "meshc", Tests: len(results), Failures: failed(results)}
	var suite *junitSuite
	for _, r := range results { // sorted by place
		if suite == nil || suite.Name != r.file {
			suite = &junitSuite{Name: r.file}
			report.Suites = append(report.Suites, suite)
		}
		suite.Tests++
		c := junitCase{Name: r.statement, Class: r.file, File: r.file, Line: r.line}
		if r.broken != nil {
			suite.Failures++
			c.Failure = &junitFailure{r.broken.Message, string(r.broken.Code), strings.Join(r.reasons(func(name string) string { return name }), "\n")}
		}
		suite.Cases = append(suite.Cases, c)
	}
	var b bytes.Buffer
	io.WriteString(&b, xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(report); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

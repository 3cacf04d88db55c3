package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The report in the format of JUnit's Ant task, which CI systems read: a suite per file.
// https://github.com/testmoapp/junitxml
type junitSuites struct {
	XMLName  xml.Name      `xml:"testsuites"`
	Name     string        `xml:"name,attr"`
	Tests    int           `xml:"tests,attr"`
	Failures int           `xml:"failures,attr"`
	Errors   int           `xml:"errors,attr,omitempty"`
	Skipped  int           `xml:"skipped,attr,omitempty"`
	Suites   []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr,omitempty"`
	Skipped    int             `xml:"skipped,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

// junitProperty says how much of the project is covered. Readers know only the properties of suites, so each has them.
type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value int    `xml:"value,attr"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Skipped *junitFailure `xml:"skipped"`
	Failure *junitFailure `xml:"failure"`
	Error   *junitFailure `xml:"error"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func junitReport(results []*guardResult, total, covered int, shown func(string) string) junitSuites {
	report := junitSuites{Name: "meshc", Tests: len(results), Failures: failed(results), Skipped: skipped(results)}
	var suite *junitSuite
	for _, r := range results { // sorted by place
		if suite == nil || suite.Name != r.file {
			suite = &junitSuite{Name: r.file, Properties: []junitProperty{{"edges", total}, {"edges.covered", covered}}}
			report.Suites = append(report.Suites, suite)
		}
		suite.Tests++
		c := junitCase{Name: r.statement, Class: r.file, File: r.file, Line: r.line}
		if r.skipped != "" {
			suite.Skipped++
			c.Skipped = &junitFailure{Message: r.skipped}
		}
		if r.broken != nil {
			suite.Failures++
			c.Failure = &junitFailure{r.broken.Message, string(r.broken.Code), strings.Join(r.reasons(shown), "\n")}
		}
		suite.Cases = append(suite.Cases, c)
	}
	return report
}

// junitError is the report of a run that ended before any test.
func junitError(why []string) junitSuites {
	failure := &junitFailure{Message: why[0], Text: strings.Join(why, "\n")}
	c := junitCase{Name: "the project compiles", Class: "meshc", Error: failure}
	return junitSuites{Name: "meshc", Tests: 1, Errors: 1, Suites: []*junitSuite{{Name: "meshc", Tests: 1, Errors: 1, Cases: []junitCase{c}}}}
}

// writeJUnit writes a report. It replaces an earlier report and no other file.
func writeJUnit(path string, report junitSuites) error {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		before, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.ToSlash(path), cause(err))
		}
		if len(before) > 0 && !bytes.HasPrefix(before, []byte("<?xml")) {
			return usageError("--junit %s: not overwritten, since it is not a report", filepath.ToSlash(path))
		}
	}
	var b bytes.Buffer
	io.WriteString(&b, xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(report); err != nil {
		return err
	}
	b.WriteByte('\n')
	if err := writeFile(path, b.Bytes()); err != nil {
		return fmt.Errorf("%s: %w", filepath.ToSlash(path), cause(err))
	}
	return nil
}

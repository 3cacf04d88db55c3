package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

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
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

// junitProperty is how much of the project is covered: readers know properties of suites only, so each has them.
type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value int    `xml:"value,attr"`
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

func junitReport(results []*guardResult, total, covered int, shown func(string) string) ([]byte, error) {
	report := junitSuites{Name: "meshc", Tests: len(results), Failures: failed(results)}
	var suite *junitSuite
	for _, r := range results { // sorted by place
		if suite == nil || suite.Name != r.file {
			suite = &junitSuite{Name: r.file, Properties: []junitProperty{{"edges", total}, {"edges.covered", covered}}}
			report.Suites = append(report.Suites, suite)
		}
		suite.Tests++
		c := junitCase{Name: r.statement, Class: r.file, File: r.file, Line: r.line}
		if r.broken != nil {
			suite.Failures++
			c.Failure = &junitFailure{r.broken.Message, string(r.broken.Code), strings.Join(r.reasons(shown), "\n")}
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

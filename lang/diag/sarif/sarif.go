// Package sarif writes findings as SARIF. It is separate from package diag because its library depends on net/http,
// which the compiler in a browser does not need.
package sarif

import (
	"bytes"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	format "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Write writes findings as a SARIF 2.1.0 log with a single run, which lists the rules that its results refer to.
// Columns are in UTF-16 units, as columnKind states. Relative file names are written as they are: the consumer of the
// log knows what they are relative to.
func Write(w io.Writer, l diag.List) error {
	run := format.NewRun().WithColumnKind("utf16CodeUnits")
	driver := format.NewToolComponent().WithName("meshc")
	run.WithTool(format.NewTool().WithDriver(driver))

	rules := rulesOf(l)
	for _, code := range rules {
		driver.AddRule(ruleOf(code))
	}
	for i := range l {
		d := &l[i]
		index, _ := slices.BinarySearch(rules, d.Code)
		result := format.NewResult().
			WithRuleID(string(d.Code)).
			WithRuleIndex(index).
			WithLevel(d.Severity.String()).
			WithMessage(format.NewMessage().WithText(d.Plain()))
		if !d.Primary.IsZero() {
			result.AddLocation(locationOf(d.Primary))
		}
		for n, r := range d.Related {
			if !r.Span.IsZero() {
				result.AddRelatedLocation(locationOf(r.Span).WithID(n + 1).WithMessage(format.NewMessage().WithText(diag.PrintableLine(r.Message))))
			}
		}
		for _, f := range d.Fixes {
			result.AddFixe(fixOf(f))
		}
		run.AddResult(result)
	}

	report := format.NewReport().AddRun(run)
	var text bytes.Buffer
	if err := report.PrettyWrite(&text); err != nil {
		return err
	}
	text.WriteByte('\n')
	_, err := w.Write(diag.PrintableLines(text.Bytes()))
	return err
}

// rulesOf returns the codes of a list, sorted.
func rulesOf(l diag.List) []diag.Code {
	var codes []diag.Code
	for _, d := range l {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func ruleOf(code diag.Code) *format.ReportingDescriptor {
	rule := format.NewReportingDescriptor().
		WithID(string(code)).
		WithDefaultConfiguration(format.NewReportingConfiguration().WithEnabled(true).WithLevel(code.Severity().String()))
	if e := diag.Explain(code); e != nil {
		x := e.Explanation()
		rule.WithShortDescription(format.NewMultiformatMessageString().WithText(e.Title)).
			WithFullDescription(format.NewMultiformatMessageString().WithText(x.Text)).
			WithHelp(format.NewMultiformatMessageString().WithText(x.Text).WithMarkdown(x.Markdown()))
	}
	return rule
}

func locationOf(s source.Span) *format.Location {
	return format.NewLocation().WithPhysicalLocation(format.NewPhysicalLocation().
		WithArtifactLocation(artifactOf(s.File)).
		WithRegion(regionOf(s)))
}

func artifactOf(f *source.File) *format.ArtifactLocation {
	u := url.URL{Path: f.Name}
	switch {
	case path.IsAbs(f.Name):
		u.Scheme = "file"
	case len(f.Name) > 2 && f.Name[1] == ':' && f.Name[2] == '/': // a Windows drive
		u.Scheme, u.Path = "file", "/"+f.Name
	}
	return format.NewArtifactLocation().WithURI(u.String())
}

func regionOf(s source.Span) *format.Region {
	start, end := s.StartPosition(), s.EndPosition()
	return format.NewRegion().
		WithStartLine(start.Line).WithStartColumn(start.UTF16).
		WithEndLine(end.Line).WithEndColumn(end.UTF16)
}

func fixOf(f diag.Fix) *format.Fix {
	var changes []*format.ArtifactChange
	byFile := map[*source.File]*format.ArtifactChange{}
	for _, e := range f.Edits {
		if e.Span.IsZero() {
			continue
		}
		change := byFile[e.Span.File]
		if change == nil {
			change = format.NewArtifactChange().WithArtifactLocation(artifactOf(e.Span.File))
			byFile[e.Span.File] = change
			changes = append(changes, change)
		}
		change.AddReplacement(format.NewReplacement().
			WithDeletedRegion(regionOf(e.Span)).
			WithInsertedContent(format.NewArtifactContent().WithText(strings.ToValidUTF8(e.New, "\uFFFD"))))
	}
	return format.NewFix().WithDescription(format.NewMessage().WithText(f.Title)).WithArtifactChanges(changes)
}

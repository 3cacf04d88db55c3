package diag

import (
	"bytes"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/meshc/meshc/lang/source"
)

// SARIF writes findings as a SARIF 2.1.0 log with a single run, which lists the rules that its results refer to. Columns
// are in UTF-16 units, as columnKind states. Relative file names are written as they are: the consumer of the log knows
// what they are relative to.
func SARIF(w io.Writer, l List) error {
	run := sarif.NewRun().WithColumnKind("utf16CodeUnits")
	driver := sarif.NewToolComponent().WithName("meshc")
	run.WithTool(sarif.NewTool().WithDriver(driver))

	rules := sarifRules(l)
	for _, code := range rules {
		driver.AddRule(sarifRule(code))
	}
	for i := range l {
		d := &l[i]
		index, _ := slices.BinarySearch(rules, d.Code)
		result := sarif.NewResult().
			WithRuleID(string(d.Code)).
			WithRuleIndex(index).
			WithLevel(d.Severity.String()).
			WithMessage(sarif.NewMessage().WithText(d.plain()))
		if !d.Primary.IsZero() {
			result.AddLocation(sarifLocation(d.Primary))
		}
		for n, r := range d.Related {
			if !r.Span.IsZero() {
				result.AddRelatedLocation(sarifLocation(r.Span).WithID(n + 1).WithMessage(sarif.NewMessage().WithText(PrintableLine(r.Message))))
			}
		}
		for _, f := range d.Fixes {
			result.AddFixe(sarifFix(f))
		}
		run.AddResult(result)
	}

	report := sarif.NewReport().AddRun(run)
	var text bytes.Buffer
	if err := report.PrettyWrite(&text); err != nil {
		return err
	}
	text.WriteByte('\n')
	_, err := w.Write(withoutCommands(text.Bytes()))
	return err
}

// sarifRules returns the codes of a list, sorted.
func sarifRules(l List) []Code {
	var codes []Code
	for _, d := range l {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func sarifRule(code Code) *sarif.ReportingDescriptor {
	rule := sarif.NewReportingDescriptor().
		WithID(string(code)).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithEnabled(true).WithLevel(code.Severity().String()))
	if e := Explain(code); e != nil {
		x := e.Explanation()
		rule.WithShortDescription(sarif.NewMultiformatMessageString().WithText(e.Title)).
			WithFullDescription(sarif.NewMultiformatMessageString().WithText(x.Text)).
			WithHelp(sarif.NewMultiformatMessageString().WithText(x.Text).WithMarkdown(x.Markdown()))
	}
	return rule
}

func sarifLocation(s source.Span) *sarif.Location {
	return sarif.NewLocation().WithPhysicalLocation(sarif.NewPhysicalLocation().
		WithArtifactLocation(sarifArtifact(s.File)).
		WithRegion(sarifRegion(s)))
}

func sarifArtifact(f *source.File) *sarif.ArtifactLocation {
	u := url.URL{Path: f.Name}
	switch {
	case path.IsAbs(f.Name):
		u.Scheme = "file"
	case len(f.Name) > 2 && f.Name[1] == ':' && f.Name[2] == '/': // a Windows drive
		u.Scheme, u.Path = "file", "/"+f.Name
	}
	return sarif.NewArtifactLocation().WithURI(u.String())
}

func sarifRegion(s source.Span) *sarif.Region {
	start, end := s.StartPosition(), s.EndPosition()
	return sarif.NewRegion().
		WithStartLine(start.Line).WithStartColumn(start.UTF16).
		WithEndLine(end.Line).WithEndColumn(end.UTF16)
}

func sarifFix(f Fix) *sarif.Fix {
	var changes []*sarif.ArtifactChange
	byFile := map[*source.File]*sarif.ArtifactChange{}
	for _, e := range f.Edits {
		if e.Span.IsZero() {
			continue
		}
		change := byFile[e.Span.File]
		if change == nil {
			change = sarif.NewArtifactChange().WithArtifactLocation(sarifArtifact(e.Span.File))
			byFile[e.Span.File] = change
			changes = append(changes, change)
		}
		change.AddReplacement(sarif.NewReplacement().
			WithDeletedRegion(sarifRegion(e.Span)).
			WithInsertedContent(sarif.NewArtifactContent().WithText(strings.ToValidUTF8(e.New, "\uFFFD"))))
	}
	return sarif.NewFix().WithDescription(sarif.NewMessage().WithText(f.Title)).WithArtifactChanges(changes)
}

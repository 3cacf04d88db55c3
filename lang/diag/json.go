package diag

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/meshc/meshc/lang/source"
)

// JSON writes findings as one object. The schema is stable: fields may be added but are never renamed or removed. If
// that ever has to change, `version` increases.
//
//	{
//	  "version": 1,
//	  "errors": 1, "warnings": 0, "notes": 0,
//	  "findings": [{
//	    "code": "MESH1001",
//	    "severity": "error",                       // error, warning or note
//	    "message": "…",
//	    "place": PLACE,                            // omitted if the finding has no place
//	    "related": [{"message": "…", "place": PLACE}],
//	    "notes": ["…"],
//	    "help": "…",                               // may be omitted
//	    "fixes": [{"title": "…", "safe": true, "edits": [{"place": PLACE, "new": "…"}]}]
//	  }]
//	}
//
// PLACE is {"file": "shop.mesh", "start": POSITION, "end": POSITION} and excludes its end. A POSITION is
// {"offset": 12, "line": 2, "column": 5}. Offsets are in bytes and start at 0. Lines and columns start at 1, and
// columns are in characters (Unicode code points). An edit replaces the text of its place.
func JSON(w io.Writer, l List) error {
	out := jsonReport{
		Version: 1,
		Errors:  l.Count(Error), Warnings: l.Count(Warning), Notes: l.Count(Note),
		Findings: make([]jsonFinding, 0, len(l)),
	}
	for _, d := range l {
		f := jsonFinding{
			Code:     d.Code,
			Severity: d.Severity.String(),
			Message:  d.Message,
			Place:    jsonPlaceOf(d.Primary),
			Related:  make([]jsonRelated, 0, len(d.Related)),
			Notes:    append([]string{}, d.Notes...),
			Help:     d.Help,
			Fixes:    make([]jsonFix, 0, len(d.Fixes)),
		}
		for _, r := range d.Related {
			f.Related = append(f.Related, jsonRelated{r.Message, jsonPlaceOf(r.Span)})
		}
		for _, fix := range d.Fixes {
			edits := make([]jsonEdit, 0, len(fix.Edits))
			for _, e := range fix.Edits {
				edits = append(edits, jsonEdit{jsonPlaceOf(e.Span), e.New})
			}
			f.Fixes = append(f.Fixes, jsonFix{fix.Title, fix.Safe, edits})
		}
		out.Findings = append(out.Findings, f)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := w.Write(withoutCommands(text.Bytes()))
	return err
}

type jsonReport struct {
	Version  int           `json:"version"`
	Errors   int           `json:"errors"`
	Warnings int           `json:"warnings"`
	Notes    int           `json:"notes"`
	Findings []jsonFinding `json:"findings"`
}

type jsonFinding struct {
	Code     Code          `json:"code"`
	Severity string        `json:"severity"`
	Message  string        `json:"message"`
	Place    *jsonPlace    `json:"place,omitempty"`
	Related  []jsonRelated `json:"related"`
	Notes    []string      `json:"notes"`
	Help     string        `json:"help,omitempty"`
	Fixes    []jsonFix     `json:"fixes"`
}

type jsonRelated struct {
	Message string     `json:"message"`
	Place   *jsonPlace `json:"place,omitempty"`
}

type jsonFix struct {
	Title string     `json:"title"`
	Safe  bool       `json:"safe"`
	Edits []jsonEdit `json:"edits"`
}

type jsonEdit struct {
	Place *jsonPlace `json:"place"`
	New   string     `json:"new"`
}

type jsonPlace struct {
	File  string       `json:"file"`
	Start jsonPosition `json:"start"`
	End   jsonPosition `json:"end"`
}

type jsonPosition struct {
	Offset int `json:"offset"`
	Line   int `json:"line"`
	Column int `json:"column"`
}

func jsonPlaceOf(s source.Span) *jsonPlace {
	if s.IsZero() {
		return nil
	}
	start, end := s.StartPosition(), s.EndPosition()
	return &jsonPlace{
		File:  s.File.Name,
		Start: jsonPosition{int(s.Start), start.Line, start.Rune},
		End:   jsonPosition{int(s.End), end.Line, end.Rune},
	}
}

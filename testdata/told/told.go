// Package told makes findings comparable, for tests that arrive at the same findings in two ways.
package told

import (
	"fmt"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Of is everything that findings say, with places instead of pointers.
func Of(l diag.List) (all []string) {
	place := func(s source.Span) string {
		if s.IsZero() {
			return "nowhere"
		}
		return fmt.Sprintf("%s:%d-%d", s.File.Name, s.Start, s.End)
	}
	for _, d := range l {
		text := fmt.Sprintf("%s %s %s\n%q\n%s", place(d.Primary), d.Severity, d.Error(), d.Notes, d.Help)
		for _, o := range d.Related {
			text += "\n" + place(o.Span) + " " + o.Message
		}
		for _, f := range d.Fixes {
			text += "\n" + f.Title
			for _, e := range f.Edits {
				text += " " + place(e.Span) + " " + e.New
			}
		}
		all = append(all, text)
	}
	return all
}

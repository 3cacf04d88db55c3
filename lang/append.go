package lang

import (
	"strings"

	"github.com/meshc/meshc/lang/diag"
)

// Append returns the edit that writes a statement at the end of the last section of a mesh in a file. It reports false
// if the file has no section of that mesh.
func Append(f *File, mesh, statement string) (diag.Edit, bool) {
	var last Stmt
	inside := false
	for _, s := range f.Stmts {
		if m, opens := s.(*Mesh); opens {
			inside = m.Name.Text == mesh
		}
		if inside {
			last = s
		}
	}
	if last == nil {
		return diag.Edit{}, false
	}
	end := int(last.Span().End)
	line, _, _ := strings.Cut(f.Source.Text[end:], "\n")
	line = strings.TrimRight(line, "\r")
	if rest := strings.TrimLeft(line, " \t"); rest == "" || strings.HasPrefix(rest, "#") {
		end += len(line)
		return diag.Edit{Span: f.Source.Span(end, end), New: "\n" + statement}, true
	}
	return diag.Edit{Span: f.Source.Span(end, end), New: "; " + statement}, true
}

package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// Statement is a statement of the language to write, and where. Its names are those that its mesh uses: a service of
// the mesh has no namespace before it.
type Statement struct {
	Kind     StatementKind
	Mesh     string // in whose section
	File     string // that opens the section
	From     policy.Source
	To       *policy.Service  // nil for an edge to an external
	External *policy.External // in place of To
	Port     uint16           // 0: every port
	Ops      []policy.Operation
}

// StatementKind is which statement of the language it is.
type StatementKind uint8

const (
	Edge   StatementKind = iota // From -> To
	Export                      // export To to From; From of the kind FromMesh is the whole mesh
	Mode                        // mtls To permissive
)

// edges is the edge that a query asks for and, where it crosses meshes, the two statements that do the same from the
// caller's section: the edge, and the consent of the callee's mesh.
func edges(m *model.Model, q *Query) (callee Statement, caller []Statement) {
	callee = Statement{Mesh: q.To.Namespace, File: fileOf(m, q.To), From: q.From, To: q.To, Port: q.Port, Ops: q.Ops}
	elsewhere := q.From.Mesh
	if q.From.Kind == policy.FromService {
		elsewhere = q.From.Service.Namespace
	}
	home := m.Mesh(elsewhere)
	if elsewhere == q.To.Namespace || elsewhere == m.Policy.RootNamespace || home == nil || len(home.Files) == 0 {
		return callee, nil
	}
	edge, export := callee, callee
	edge.Mesh, edge.File = elsewhere, home.Files[0]
	export.Kind = Export
	return callee, []Statement{edge, export}
}

// fileOf is the file that has the rules of a service, or else its declaration, or else its mesh.
func fileOf(m *model.Model, s *policy.Service) string {
	files := m.Mesh(s.Namespace).Files
	for _, r := range s.Allow {
		if slices.Contains(files, r.At.File.Name) {
			return r.At.File.Name
		}
	}
	if s.At.File != nil && slices.Contains(files, s.At.File.Name) {
		return s.At.File.Name
	}
	if len(files) > 0 {
		return files[0]
	}
	return ""
}

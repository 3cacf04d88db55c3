package lsp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Definition leads from a name to its declaration, and from the declaration of a service to the accounts of its
// workloads.
func (s *server) Definition(ctx context.Context, p *protocol.DefinitionParams) (protocol.DefinitionResult, error) {
	at, ok := s.place(ctx, p.TextDocument.URI, p.Position)
	if !ok {
		return nil, nil
	}
	x := at.index()
	n, ok := x.at(at.file, at.offset)
	if !ok {
		return nil, nil
	}
	if n.at != n.to && !n.to.IsZero() {
		return protocol.LocationSlice{at.location(n.to)}, nil
	}
	var all protocol.LocationSlice
	for _, w := range x.workloads(x.services()[n.of]) {
		all = append(all, at.location(w.AccountAt))
	}
	return all, nil
}

// References is every place with the same name, in intents and in manifests.
func (s *server) References(ctx context.Context, p *protocol.ReferenceParams) ([]protocol.Location, error) {
	at, ok := s.place(ctx, p.TextDocument.URI, p.Position)
	if !ok {
		return nil, nil
	}
	x := at.index()
	n, ok := x.at(at.file, at.offset)
	if !ok {
		return nil, nil
	}
	var all []protocol.Location
	for _, place := range x.places(n.of) {
		if place != n.to || p.Context.IncludeDeclaration {
			all = append(all, at.location(place))
		}
	}
	return all, nil
}

// DocumentHighlight is the references in one document.
func (s *server) DocumentHighlight(ctx context.Context, p *protocol.DocumentHighlightParams) (all []protocol.DocumentHighlight, err error) {
	at, ok := s.place(ctx, p.TextDocument.URI, p.Position)
	if !ok {
		return nil, nil
	}
	x := at.index()
	if n, ok := x.at(at.file, at.offset); ok {
		for _, place := range x.places(n.of) {
			if place.File == at.file {
				all = append(all, protocol.DocumentHighlight{Range: rangeOf(place, s.encoding)})
			}
		}
	}
	return all, nil
}

// PrepareRename says which name would be renamed, or why it cannot be.
func (s *server) PrepareRename(ctx context.Context, p *protocol.PrepareRenameParams) (protocol.PrepareRenameResult, error) {
	at, ok := s.place(ctx, p.TextDocument.URI, p.Position)
	if !ok {
		return nil, nil
	}
	n, err := at.renamed()
	if err != nil {
		return nil, err
	}
	return &protocol.PrepareRenamePlaceholder{Range: rangeOf(n.at, s.encoding), Placeholder: n.of.name}, nil
}

// Rename renames a service, a group or an external in every file that names it. The project must have no other findings
// afterwards, and a service must select the pods that it selected before; otherwise nothing is renamed.
func (s *server) Rename(ctx context.Context, p *protocol.RenameParams) (*protocol.WorkspaceEdit, error) {
	at, ok := s.place(ctx, p.TextDocument.URI, p.Position)
	if !ok {
		return nil, refused("no name here")
	}
	n, err := at.renamed()
	if err != nil {
		return nil, err
	}
	if !policy.IsLabel(p.NewName) {
		return nil, refused("%q is not a name: want lower-case letters, digits and hyphens", p.NewName)
	}
	var edits []diag.Edit
	written := (lang.Name{Text: p.NewName}).Written()
	for _, place := range at.index().places(n.of) {
		if strings.HasSuffix(place.File.Name, ".mesh") {
			edits = append(edits, diag.Edit{Span: place, New: written})
		}
	}
	if d := at.declaration(n.of); d != nil && len(d.Labels) == 0 { // they follow from the name, so from now on they have to be written
		clause := ""
		for _, l := range at.index().services()[n.of].Labels {
			clause += " label " + lang.Name{Text: l.Key}.Written() + "=" + lang.Name{Text: l.Value}.Written()
		}
		if clause == "" {
			return nil, refused("%s would no longer select the pods that it selects", p.NewName)
		}
		end := d.Span()
		end.Start = end.End
		edits = append(edits, diag.Edit{Span: end, New: clause})
	}
	after, err := at.edited(ctx, edits)
	if err != nil {
		return nil, err
	}
	before := map[string]int{}
	for _, d := range at.Found() {
		before[string(d.Code)]++
	}
	for _, d := range after.Found() {
		if before[string(d.Code)]--; before[string(d.Code)] < 0 && d.Severity == diag.Error {
			return nil, refused("%s: %s [%s]", p.NewName, d.Message, d.Code)
		}
	}
	return at.workspaceEdit(edits), nil
}

func refused(format string, args ...any) error {
	return jsonrpc2.NewError(jsonrpc2.ErrInvalidParams.Code, fmt.Sprintf(format, args...))
}

// renamed returns the name at a place that can be renamed.
func (p *place) renamed() (name, error) {
	n, ok := p.index().at(p.file, p.offset)
	switch {
	case !ok:
		return n, refused("no name here")
	case n.of.kind == check.MeshName:
		return n, refused("%s is a namespace of the cluster: its name is that of its objects", n.of.name)
	case n.of.kind == check.AccountName:
		return n, refused("%s is a ServiceAccount of the cluster: its name is that of the object", n.of.name)
	case n.object || n.of.kind == check.ServiceName && p.declaration(n.of) == nil:
		return n, refused("%s has its name from a label of its pods: declare it first, `service %[1]s account NAME`", n.of.name)
	}
	return n, nil
}

// declaration returns the statement that declares a service; nil where only manifests do.
func (p *place) declaration(s symbol) *lang.Service {
	def := p.index().def(s)
	if def.IsZero() {
		return nil
	}
	tree := p.view.tree(def.File.Name)
	if tree == nil {
		return nil
	}
	for _, stmt := range tree.Stmts {
		if d, ok := stmt.(*lang.Service); ok && d.Name.Range == def {
			return d
		}
	}
	return nil
}

// edited is the project after some edits.
func (v *view) edited(ctx context.Context, edits []diag.Edit) (*compiler.Snapshot, error) {
	after := v.Snapshot
	texts := map[*source.File][]diag.Edit{}
	for _, e := range edits {
		texts[e.Span.File] = append(texts[e.Span.File], e)
	}
	for f, all := range texts {
		slices.SortFunc(all, func(a, b diag.Edit) int { return int(b.Span.Start - a.Span.Start) })
		text := f.Text
		for _, e := range all {
			text = text[:e.Span.Start] + e.New + text[e.Span.End:]
		}
		next, _, err := after.Edit(ctx, f.Name, text)
		if err != nil {
			return nil, err
		}
		after = next
	}
	return after, nil
}

// workspaceEdit is edits as the protocol has them.
func (v *view) workspaceEdit(edits []diag.Edit) *protocol.WorkspaceEdit {
	changes := map[uri.URI][]protocol.TextEdit{}
	for _, e := range edits {
		u := v.server.uriOf(v.Path(e.Span.File.Name))
		changes[u] = append(changes[u], protocol.TextEdit{Range: rangeOf(e.Span, v.server.encoding), NewText: e.New})
	}
	return &protocol.WorkspaceEdit{Changes: changes}
}

package lsp

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// DocumentSymbol is the meshes of a document, with what each declares and demands.
func (s *server) DocumentSymbol(ctx context.Context, p *protocol.DocumentSymbolParams) (protocol.DocumentSymbolResult, error) {
	v, f := s.view(ctx, p.TextDocument.URI)
	if f == nil || v.tree(f.Name) == nil {
		return nil, nil
	}
	var all protocol.DocumentSymbolSlice
	add := func(name string, kind protocol.SymbolKind, whole, at source.Span) {
		one := protocol.DocumentSymbol{Name: name, Kind: kind, Range: rangeOf(whole, s.encoding), SelectionRange: rangeOf(at, s.encoding)}
		if n := len(all); n > 0 && kind != protocol.SymbolKindNamespace {
			all[n-1].Children = append(all[n-1].Children, one)
			all[n-1].Range.End = one.Range.End
			return
		}
		all = append(all, one)
	}
	for _, stmt := range v.tree(f.Name).Stmts {
		at := stmt.Span()
		switch stmt := stmt.(type) {
		case *lang.Mesh:
			add(stmt.Name.Text, protocol.SymbolKindNamespace, at, stmt.Name.Range)
		case *lang.Service:
			add(stmt.Name.Text, protocol.SymbolKindClass, at, stmt.Name.Range)
		case *lang.External:
			add(stmt.Name.Text, protocol.SymbolKindInterface, at, stmt.Name.Range)
		case *lang.Group:
			add(stmt.Name.Text, protocol.SymbolKindArray, at, stmt.Name.Range)
		case *lang.Issuer:
			add(stmt.Name.Text, protocol.SymbolKindKey, at, stmt.Name.Range)
		case *lang.Guard, *lang.Edge, *lang.Deny, *lang.Ask, *lang.Export:
			add(lang.OneLine(at.Text()), protocol.SymbolKindEvent, at, at)
		}
	}
	return all, nil
}

// found is how many symbols of a workspace are returned.
const found = 200

// Symbols is the declared names of all projects that contain a query's letters in their order.
func (s *server) Symbols(ctx context.Context, p *protocol.WorkspaceSymbolParams) (protocol.WorkspaceSymbolResult, error) {
	s.mutex.Lock()
	var projects []*workspace
	for _, w := range s.projects {
		projects = append(projects, w)
	}
	s.mutex.Unlock()
	all := protocol.SymbolInformationSlice{}
	query := strings.ToLower(p.Query)
	for _, w := range projects {
		v := w.current(ctx)
		if v == nil {
			continue
		}
		x := v.index()
		defs := maps.Clone(x.defs())
		for of := range x.services() {
			defs[of] = x.def(of)
		}
		for of, at := range defs {
			kind, known := kinds[of.kind]
			full := of.name
			if of.namespace != "" {
				full = of.namespace + "/" + of.name
			}
			if !known || at.IsZero() || v.Path(at.File.Name) == "" || !matches(strings.ToLower(full), query) {
				continue
			}
			namespace := of.namespace
			all = append(all, protocol.SymbolInformation{
				BaseSymbolInformation: protocol.BaseSymbolInformation{Name: of.name, Kind: kind, ContainerName: &namespace}, Location: v.location(at),
			})
		}
	}
	slices.SortFunc(all, func(a, b protocol.SymbolInformation) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name), cmp.Compare(*a.ContainerName, *b.ContainerName))
	})
	return all[:min(len(all), found)], nil
}

var kinds = map[check.ObjectKind]protocol.SymbolKind{
	check.MeshName: protocol.SymbolKindNamespace, check.ServiceName: protocol.SymbolKindClass,
	check.GroupName: protocol.SymbolKindArray, check.ExternalName: protocol.SymbolKindInterface,
}

func matches(name, query string) bool {
	for _, r := range query {
		i := strings.IndexRune(name, r)
		if i < 0 {
			return false
		}
		name = name[i+1:]
	}
	return true
}

// within reports whether a path is a folder or below it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}

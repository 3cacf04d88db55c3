package lsp

import (
	"context"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// PrepareCallHierarchy returns the service at a position.
func (s *server) PrepareCallHierarchy(ctx context.Context, p *protocol.CallHierarchyPrepareParams) ([]protocol.CallHierarchyItem, error) {
	at, ok := s.place(ctx, p.TextDocument.URI, p.Position)
	if !ok {
		return nil, nil
	}
	n, ok := at.index().at(at.file, at.offset)
	if !ok || at.index().services()[n.of] == nil {
		return nil, nil
	}
	return []protocol.CallHierarchyItem{at.callItem(at.index().services()[n.of], n.at)}, nil
}

// callItem is a service as the protocol has it, with its ID to be found again by. It is shown where it is declared,
// else at a place that names it.
func (v *view) callItem(s *policy.Service, named source.Span) protocol.CallHierarchyItem {
	at := v.index().def(symbol{check.ServiceName, s.Namespace, s.Name})
	if at.IsZero() {
		at = named
	}
	id, _ := protocol.Marshal(s.ID())
	l := v.location(at)
	item := protocol.CallHierarchyItem{Name: s.Name, Kind: protocol.SymbolKindClass, Detail: &s.Namespace, URI: l.URI, Range: l.Range, SelectionRange: l.Range, Data: id}
	if s.Namespace == "" {
		item.Detail = nil
	}
	return item
}

// called returns the service of an item, and the project that it is in.
func (s *server) called(ctx context.Context, item *protocol.CallHierarchyItem) (*view, *policy.Service) {
	var id string
	if protocol.Unmarshal(item.Data, &id) != nil {
		return nil, nil
	}
	s.mutex.Lock()
	var all []*workspace
	for root, w := range s.projects {
		if within(root, item.URI.FsPath()) {
			all = append(all, w)
		}
	}
	s.mutex.Unlock()
	for _, w := range all {
		if v := w.current(ctx); v != nil {
			namespace, name, found := strings.Cut(id, "/")
			if !found {
				namespace, name = "", id
			}
			if service := v.index().services()[symbol{check.ServiceName, namespace, name}]; service != nil {
				return v, service
			}
		}
	}
	return nil, nil
}

// IncomingCalls is who may call a service.
func (s *server) IncomingCalls(ctx context.Context, p *protocol.CallHierarchyIncomingCallsParams) (all []protocol.CallHierarchyIncomingCall, err error) {
	v, service := s.called(ctx, &p.Item)
	if service == nil {
		return nil, nil
	}
	seen := map[policy.Source]int{}
	for e := range v.Checked().Policy.Edges().To(service) {
		at := e.At()
		for i, f := range e.Rule.From {
			if f == e.From {
				at = e.Rule.SourceAt(i)
			}
		}
		l := v.location(at)
		i, known := seen[e.From]
		if !known {
			item := protocol.CallHierarchyItem{Name: e.From.String(), Kind: protocol.SymbolKindNamespace}
			if e.From.Service != nil {
				item = v.callItem(e.From.Service, at)
			}
			// Editors open the document of the caller at the ranges, so it is the one that has the edge.
			item.URI, item.Range, item.SelectionRange = l.URI, l.Range, l.Range
			i = len(all)
			seen[e.From], all = i, append(all, protocol.CallHierarchyIncomingCall{From: item})
		}
		if all[i].From.URI == l.URI {
			all[i].FromRanges = append(all[i].FromRanges, l.Range)
		}
	}
	return all, nil
}

// OutgoingCalls is whom a service may call.
func (s *server) OutgoingCalls(ctx context.Context, p *protocol.CallHierarchyOutgoingCallsParams) (all []protocol.CallHierarchyOutgoingCall, err error) {
	v, service := s.called(ctx, &p.Item)
	if service == nil {
		return nil, nil
	}
	seen := map[string]int{}
	for e := range v.Checked().Policy.Edges().From(policy.Source{Service: service}) {
		var item protocol.CallHierarchyItem
		at := e.At()
		if e.To != nil {
			item, at = v.callItem(e.To, e.Rule.ToAt), e.Rule.ToAt
		} else {
			l := v.location(e.External.At)
			item = protocol.CallHierarchyItem{Name: e.External.Name, Kind: protocol.SymbolKindInterface, Detail: &e.External.Namespace, URI: l.URI, Range: l.Range, SelectionRange: l.Range}
		}
		key := item.Name
		if item.Detail != nil {
			key = *item.Detail + "/" + key
		}
		i, known := seen[key]
		if !known {
			i = len(all)
			seen[key], all = i, append(all, protocol.CallHierarchyOutgoingCall{To: item, FromRanges: []protocol.Range{}})
		}
		if l := v.location(at); l.URI == p.Item.URI {
			all[i].FromRanges = append(all[i].FromRanges, l.Range)
		}
	}
	return all, nil
}

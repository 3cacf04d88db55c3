package lsp

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/source"
)

// Formatting formats intents, unless they have a mistake.
func (s *server) Formatting(_ context.Context, p *protocol.DocumentFormattingParams) ([]protocol.TextEdit, error) {
	d := s.document(p.TextDocument.URI)
	if d == nil || !isIntents(d.path) {
		return nil, nil
	}
	tree, _ := lang.Parse(d.path, []byte(d.text))
	if tree.Broken {
		return nil, nil
	}
	text, err := format.Format(tree)
	if err != nil || string(text) == d.text {
		return nil, err
	}
	f := source.NewFile(d.path, d.text)
	return []protocol.TextEdit{{Range: rangeOf(f.Span(0, len(d.text)), s.encoding), NewText: string(text)}}, nil
}

// FoldingRanges folds the section of each mesh, and comments of several lines.
func (s *server) FoldingRanges(ctx context.Context, p *protocol.FoldingRangeParams) ([]protocol.FoldingRange, error) {
	v, f := s.view(ctx, p.TextDocument.URI)
	if f == nil || v.tree(f.Name) == nil {
		return nil, nil
	}
	tree := v.tree(f.Name)
	var all []protocol.FoldingRange
	add := func(from, to int32, kind protocol.FoldingRangeKind) {
		first, last := position(f, int(from), s.encoding).Line, position(f, int(to), s.encoding).Line
		if last > first {
			all = append(all, protocol.FoldingRange{StartLine: first, EndLine: last, Kind: kind})
		}
	}
	for i, stmt := range tree.Stmts {
		if _, opens := stmt.(*lang.Mesh); !opens {
			continue
		}
		end := stmt.Span().End
		for _, inner := range tree.Stmts[i+1:] {
			if _, opens := inner.(*lang.Mesh); opens {
				break
			}
			end = inner.Span().End
		}
		add(stmt.Span().Start, end, protocol.FoldingRangeKindRegion)
	}
	var first, last lang.Token
	for _, t := range tree.Tokens {
		switch {
		case t.Kind == lang.KindComment && first.End == 0:
			first, last = t, t
		case t.Kind == lang.KindComment:
			last = t
		case t.Blank() || t.Kind == lang.KindEnd:
		case first.End != 0:
			add(first.Start, last.Start, protocol.FoldingRangeKindComment)
			first = lang.Token{}
		}
	}
	if first.End != 0 {
		add(first.Start, last.Start, protocol.FoldingRangeKindComment)
	}
	return all, nil
}

// InlayHint is the account behind each caller of an edge, which is what policies have in place of the name.
func (s *server) InlayHint(ctx context.Context, p *protocol.InlayHintParams) (all []protocol.InlayHint, err error) {
	v, f := s.view(ctx, p.TextDocument.URI)
	if f == nil || v.tree(f.Name) == nil {
		return nil, nil
	}
	shown := f.Span(offset(f, p.Range.Start, s.encoding), offset(f, p.Range.End, s.encoding))
	yes := true
	known := v.known(f, s.rehints, &v.workspace.rehint)
	for _, stmt := range v.tree(f.Name).Stmts {
		e, ok := stmt.(*lang.Edge)
		if !ok || !touches(e.Range, shown) {
			continue
		}
		for _, hop := range e.Hops[:len(e.Hops)-1] {
			for _, t := range hop.Targets {
				n, ok := known.at(t.Name.Range)
				if !ok {
					continue
				}
				if service := known.index().services()[n.of]; service != nil && service.Account != "" && service.Dataplane != policy.NoProxy {
					all = append(all, protocol.InlayHint{
						Position: position(f, int(t.Name.Range.End), s.encoding), Label: protocol.String(service.Account), Kind: protocol.InlayHintKindType, PaddingLeft: &yes,
					})
				}
			}
		}
	}
	return all, nil
}

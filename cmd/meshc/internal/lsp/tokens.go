package lsp

import (
	"context"
	"slices"
	"unicode/utf16"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

var legend = protocol.SemanticTokensLegend{
	TokenTypes:     []string{"namespace", "class", "enum", "interface", "variable", "keyword", "method", "string", "number", "comment", "operator"},
	TokenModifiers: []string{"declaration"},
}

var tokenTypes = map[check.ObjectKind]string{
	check.MeshName: "namespace", check.ServiceName: "class", check.GroupName: "enum", check.ExternalName: "interface", check.AccountName: "variable",
}

var literals = map[lang.Kind]string{
	lang.KindMethod: "method", lang.KindPath: "string", lang.KindString: "string", lang.KindComment: "comment",
	lang.KindArrow: "operator", lang.KindReach: "operator", lang.KindStar: "operator",
}

// SemanticTokensFull colours a document by what its names stand for. Words of a statement that are no names are
// keywords.
func (s *server) SemanticTokensFull(ctx context.Context, p *protocol.SemanticTokensParams) (*protocol.SemanticTokens, error) {
	v, f := s.view(ctx, p.TextDocument.URI)
	if f == nil || v.tree(f.Name) == nil {
		return nil, nil
	}
	tree := v.tree(f.Name)
	words := wordsOf(tree)
	known := v.known(f, s.recolours, &v.workspace.recolour)
	out := &protocol.SemanticTokens{Data: []uint32{}}
	var last protocol.Position
	for _, t := range tree.Tokens {
		at := f.Span(int(t.Start), int(t.End))
		kind, declares := literals[t.Kind], uint32(0)
		if n, ok := known.at(at); ok {
			kind = tokenTypes[n.of.kind]
			if n.at == n.to {
				declares = 1
			}
		} else if t.Kind == lang.KindName {
			kind = words.kind(at)
		}
		i := slices.Index(legend.TokenTypes, kind)
		if i < 0 {
			continue
		}
		r := rangeOf(at, s.encoding)
		column := r.Start.Character
		if r.Start.Line == last.Line {
			column -= last.Character
		}
		length := uint32(len(at.Text()))
		if s.encoding != protocol.PositionEncodingKindUTF8 {
			length = uint32(len(utf16.Encode([]rune(at.Text()))))
		}
		out.Data = append(out.Data, r.Start.Line-last.Line, column, length, uint32(i), declares)
		last = r.Start
	}
	return out, nil
}

// words is what the words of a file are, by their places: those that the tree has as names, and those of statements.
type words struct {
	names      map[source.Span]string
	statements []source.Span
}

func wordsOf(tree *lang.File) words {
	w := words{names: map[source.Span]string{}}
	keyword := func(names ...lang.Name) {
		for _, n := range names {
			w.names[n.Range] = "keyword"
		}
	}
	for _, stmt := range tree.Stmts {
		w.statements = append(w.statements, stmt.Span())
		lang.Walk(stmt, func(n lang.Node) bool {
			switch n := n.(type) {
			case *lang.Name:
				if _, known := w.names[n.Range]; !known {
					kind := ""
					if n.Text != "" && n.Text[0] >= '0' && n.Text[0] <= '9' {
						kind = "number"
					}
					w.names[n.Range] = kind
				}
			case *lang.Mesh:
				keyword(n.Mode, n.Default)
			case *lang.Service:
				keyword(n.Outside, n.Gateway)
			case *lang.MTLS:
				keyword(n.Mode)
			case *lang.Issuer:
				keyword(n.Forward)
			case *lang.Credential:
				keyword(n.None)
			case *lang.Passed:
				keyword(n.Payload)
			case *lang.Port:
				keyword(n.Protocol, n.TLS)
			}
			return true
		})
	}
	return w
}

func (w *words) kind(at source.Span) string {
	if kind, named := w.names[at]; named {
		return kind
	}
	i, _ := slices.BinarySearchFunc(w.statements, at.Start, func(s source.Span, start int32) int { return int(s.End - start - 1) })
	if i < len(w.statements) && w.statements[i].Start <= at.Start {
		return "keyword"
	}
	return ""
}

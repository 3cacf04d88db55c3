package lsp

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/source"
)

// Every feature is tried at every name and every statement of the examples: bookinfo and the microservices demo are
// among them.
func TestFeaturesOfExamples(t *testing.T) {
	for _, name := range []string{"ambient", "bookinfo", "bookstore", "brownfield/project", "cilium", "migration", "networkpolicy", "online-boutique", "online-shop", "shop", "shop-written-out"} {
		t.Run(name, func(t *testing.T) {
			folder := "../../../../examples/" + name
			s, err := compiler.OpenSnapshot(t.Context(), compiler.Options{}, folder)
			require.NoError(t, err)
			e := edit(t, folder, nil)
			w := walker{editor: e, done: map[string]int{}}
			for _, f := range s.Files() {
				e.open(f.Source.Name)
				w.file(f)
			}
			for _, kind := range []string{"hover", "hover of an edge", "definition", "references", "tokens", "symbols"} {
				assert.NotZero(t, w.done[kind], kind)
			}
			t.Log(w.done)
		})
	}
}

// walker does in a file whatever an editor can.
type walker struct {
	*editor
	done map[string]int
}

func (w *walker) file(f *lang.File) {
	name, doc := f.Source.Name, protocol.TextDocumentIdentifier{URI: w.uri(f.Source.Name)}
	guards, meshes := 0, 0
	for _, stmt := range f.Stmts {
		switch stmt := stmt.(type) {
		case *lang.Mesh:
			if stmt.Name.Text != "*" { // that is all of them
				meshes++
			}
		case *lang.Guard:
			guards++
		case *lang.Edge:
			first := stmt.Hops[0]
			w.hover(f.Source, int(first.Span().End)+1, "hover of an edge")
		}
		lang.Walk(stmt, func(n lang.Node) bool {
			if n, ok := n.(*lang.Name); ok && n.Range.End > n.Range.Start {
				w.name(f.Source, n)
			}
			return true
		})
	}
	lenses, err := w.server.CodeLens(w.t.Context(), &protocol.CodeLensParams{TextDocument: doc})
	require.NoError(w.t, err)
	require.Len(w.t, lenses, meshes+guards)
	for _, l := range lenses {
		assert.NotContains(w.t, l.Command.Title, "not judged", name)
	}
	symbols, err := w.server.DocumentSymbol(w.t.Context(), &protocol.DocumentSymbolParams{TextDocument: doc})
	require.NoError(w.t, err)
	w.done["symbols"] += len(symbols.(protocol.DocumentSymbolSlice))
	tokens, err := w.server.SemanticTokensFull(w.t.Context(), &protocol.SemanticTokensParams{TextDocument: doc})
	require.NoError(w.t, err)
	w.done["tokens"] += len(tokens.Data) / 5
	hints, err := w.server.InlayHint(w.t.Context(), &protocol.InlayHintParams{TextDocument: doc, Range: protocol.Range{End: protocol.Position{Line: 10_000}}})
	require.NoError(w.t, err)
	w.done["hints"] += len(hints)
	edits, err := w.server.Formatting(w.t.Context(), &protocol.DocumentFormattingParams{TextDocument: doc})
	require.NoError(w.t, err)
	formatted, err := format.Format(f)
	require.NoError(w.t, err)
	require.Equal(w.t, string(formatted) == f.Source.Text, len(edits) == 0)
	actions, err := w.server.CodeAction(w.t.Context(), &protocol.CodeActionParams{TextDocument: doc, Range: rangeOf(f.Source.Span(0, len(f.Source.Text)), protocol.PositionEncodingKindUTF16)})
	require.NoError(w.t, err)
	w.done["actions"] += len(actions)
	for line := range strings.Count(f.Source.Text, "\n") {
		_, err := w.server.Completion(w.t.Context(), &protocol.CompletionParams{TextDocumentPositionParams: protocol.TextDocumentPositionParams{
			TextDocument: doc, Position: protocol.Position{Line: uint32(line), Character: uint32(len(f.Source.Line(line + 1)))},
		}})
		require.NoError(w.t, err)
	}
}

func (w *walker) hover(f *source.File, offset int, kind string) {
	at := protocol.TextDocumentPositionParams{TextDocument: protocol.TextDocumentIdentifier{URI: w.uri(f.Name)}, Position: position(f, offset, protocol.PositionEncodingKindUTF16)}
	h, err := w.server.Hover(w.t.Context(), &protocol.HoverParams{TextDocumentPositionParams: at})
	require.NoError(w.t, err)
	if h != nil {
		w.done[kind]++
		text := h.Contents.(*protocol.MarkupContent).Value
		assert.NotContains(w.t, text, "rule -1")
		assert.NotContains(w.t, text, "%!")
	}
}

// name does what can be done with a name.
func (w *walker) name(f *source.File, n *lang.Name) {
	at := protocol.TextDocumentPositionParams{TextDocument: protocol.TextDocumentIdentifier{URI: w.uri(f.Name)}, Position: position(f, int(n.Range.Start), protocol.PositionEncodingKindUTF16)}
	place := f.Name + " " + n.Range.Text()
	w.hover(f, int(n.Range.Start), "hover")
	references, err := w.server.References(w.t.Context(), &protocol.ReferenceParams{TextDocumentPositionParams: at, Context: protocol.ReferenceContext{IncludeDeclaration: true}})
	require.NoError(w.t, err)
	if len(references) == 0 {
		return // a keyword, a port, a method
	}
	w.done["references"]++
	var own bool
	for _, l := range references {
		own = own || w.text(l) == place && l.Range == rangeOf(n.Range, protocol.PositionEncodingKindUTF16)
	}
	assert.True(w.t, own, "the references of %s do not have it", place)
	definition, err := w.server.Definition(w.t.Context(), &protocol.DefinitionParams{TextDocumentPositionParams: at})
	require.NoError(w.t, err)
	locations, _ := definition.(protocol.LocationSlice)
	w.done["definition"] += len(locations)
	for _, l := range locations {
		assert.NotEmpty(w.t, w.text(l))
	}
	items, err := w.server.PrepareCallHierarchy(w.t.Context(), &protocol.CallHierarchyPrepareParams{TextDocumentPositionParams: at})
	require.NoError(w.t, err)
	for _, item := range items {
		incoming, err := w.server.IncomingCalls(w.t.Context(), &protocol.CallHierarchyIncomingCallsParams{Item: item})
		require.NoError(w.t, err)
		outgoing, err := w.server.OutgoingCalls(w.t.Context(), &protocol.CallHierarchyOutgoingCallsParams{Item: item})
		require.NoError(w.t, err)
		w.done["calls"] += len(incoming) + len(outgoing)
	}
	w.rename(at, place)
}

// rename gives a name another one: the project that results has as many findings, and manifests if it had some.
func (w *walker) rename(at protocol.TextDocumentPositionParams, place string) {
	prepared, err := w.server.PrepareRename(w.t.Context(), &protocol.PrepareRenameParams{TextDocumentPositionParams: at})
	if err != nil {
		w.done["not renamed"]++
		return
	}
	before := prepared.(*protocol.PrepareRenamePlaceholder).Placeholder
	changed, err := w.server.Rename(w.t.Context(), &protocol.RenameParams{TextDocumentPositionParams: at, NewName: "quite-another"})
	if err != nil {
		w.done["not renamed"]++
		return
	}
	w.done["renamed"]++
	texts := w.applied(changed)
	require.NotEmpty(w.t, texts, place)
	root := w.t.TempDir()
	require.NoError(w.t, os.CopyFS(root, os.DirFS(w.root)))
	for name, text := range texts {
		require.NoError(w.t, os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte(text), 0o644))
	}
	now, then := buildOf(w.t, root), buildOf(w.t, w.root)
	require.Equal(w.t, len(then.Findings), len(now.Findings), "%s renamed from %s:\n%s", place, before, strings.Join(slices.Sorted(maps.Values(texts)), "\n----\n"))
	require.Equal(w.t, len(then.Manifests) > 0, len(now.Manifests) > 0)
}

func buildOf(t *testing.T, root string) *compiler.Build {
	p, err := compiler.Open(t.Context(), compiler.Options{}, root)
	require.NoError(t, err)
	b, err := p.Build(t.Context())
	require.NoError(t, err)
	return b
}

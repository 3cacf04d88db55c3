package lsp

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/lang/source"
)

func TestFindingsWhileTyping(t *testing.T) {
	e := edit(t, "", twoTeams)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	e.replace("shop.mesh", "-> backend\n", "-> backen\n")
	d := e.wait("shop.mesh", "MESH1001")[0]
	assert.Equal(t, "shop.mesh backen", e.text(protocol.Location{URI: e.uri("shop.mesh"), Range: d.Range}))
	assert.Contains(t, d.Message, "did you mean backend?")
	assert.Equal(t, uri.URI(explanations+"mesh1001"), d.CodeDescription.Href)

	actions, err := e.server.CodeAction(t.Context(), &protocol.CodeActionParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}, Range: d.Range})
	require.NoError(t, err)
	require.NotEmpty(t, actions)
	fixed := e.applied(actions[0].(*protocol.CodeAction).Edit)
	assert.Contains(t, fixed["shop.mesh"], "frontend -> backend\n")

	// A broken file keeps no other from its findings.
	e.open("bank.mesh")
	e.replace("bank.mesh", "mesh bank strict", "mesh bank strict strict {")
	e.wait("bank.mesh", "MESH0003")
	e.replace("bank.mesh", " strict {", "")
	e.replace("shop.mesh", "-> backen\n", "-> backend\n")
	e.wait("shop.mesh")
	e.wait("bank.mesh")
}

func TestGuardsAndExportsAcrossFiles(t *testing.T) {
	e := edit(t, "", twoTeams)
	e.open("shop.mesh")
	e.replace("shop.mesh", "frontend -> backend\n", "frontend -> backend\nfrontend -> bank/ledger:5432\n")
	d := e.wait("shop.mesh", "MESH2003")[0]
	require.NotEmpty(t, d.RelatedInformation)
	assert.Equal(t, "bank.mesh bank", e.text(d.RelatedInformation[0].Location))

	actions, err := e.server.CodeAction(t.Context(), &protocol.CodeActionParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}, Range: d.Range})
	require.NoError(t, err)
	require.NotEmpty(t, actions)
	changed := e.applied(actions[0].(*protocol.CodeAction).Edit)
	assert.Equal(t, map[string]string{"bank.mesh": twoTeams["bank.mesh"][:len(twoTeams["bank.mesh"])-1] + "\nexport ledger:5432 to shop/frontend\n"}, changed)

	// With the export the edge holds, and breaks the guard.
	e.open("bank.mesh")
	e.replace("bank.mesh", "audit -> ledger\n", "audit -> ledger\nexport ledger:5432 to shop/frontend\n")
	e.wait("shop.mesh", "MESH2011")
	lenses, err := e.server.CodeLens(t.Context(), &protocol.CodeLensParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}})
	require.NoError(t, err)
	require.Len(t, lenses, 2)
	assert.Equal(t, "2 services, 1 edge from 1 caller, 0 guards", lenses[0].Command.Title)
	assert.Contains(t, lenses[1].Command.Title, "fails: ")
	e.replace("shop.mesh", "frontend -> bank/ledger:5432\n", "backend -> bank/ledger:5432\n")
	e.replace("bank.mesh", "to shop/frontend", "to shop/backend")
	e.wait("shop.mesh")
	lenses, err = e.server.CodeLens(t.Context(), &protocol.CodeLensParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}})
	require.NoError(t, err)
	assert.Equal(t, "passed", lenses[1].Command.Title)
}

func TestMissingEdgeOfAnAlways(t *testing.T) {
	e := edit(t, "", map[string]string{"shop.mesh": "mesh shop strict\nservice a account a-sa port 80 http\nservice b account b-sa port 80 http\nalways a -> b\n"})
	e.open("shop.mesh")
	d := e.wait("shop.mesh", "MESH2012", "MESH2108", "MESH2108")[2]
	actions, err := e.server.CodeAction(t.Context(), &protocol.CodeActionParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}, Range: d.Range})
	require.NoError(t, err)
	require.NotEmpty(t, actions)
	assert.Contains(t, e.applied(actions[0].(*protocol.CodeAction).Edit)["shop.mesh"], "always a -> b\na -> b\n")
}

func TestNames(t *testing.T) {
	e := edit(t, "../../../../examples/shop", nil)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	definition, err := e.server.Definition(t.Context(), &protocol.DefinitionParams{TextDocumentPositionParams: e.at("shop.mesh", "-> back|end")})
	require.NoError(t, err)
	locations := definition.(protocol.LocationSlice)
	require.Len(t, locations, 1)
	assert.Contains(t, e.text(locations[0]), "k8s/backend.yaml backend")

	hover, err := e.server.Hover(t.Context(), &protocol.HoverParams{TextDocumentPositionParams: e.at("shop.mesh", "-> back|end")})
	require.NoError(t, err)
	text := hover.Contents.(*protocol.MarkupContent).Value
	for _, want := range []string{"**service** `shop/backend`", "account `backend-sa`", "mutual TLS strict", "Called by: `shop/frontend`", "Calls: `shop/db`", "k8s/backend.yaml"} {
		assert.Contains(t, text, want)
	}
	hover, err = e.server.Hover(t.Context(), &protocol.HoverParams{TextDocumentPositionParams: e.at("shop.mesh", "frontend -|> backend")})
	require.NoError(t, err)
	assert.Contains(t, hover.Contents.(*protocol.MarkupContent).Value, "`shop/frontend` may call `shop/backend`: AuthorizationPolicy `shop/backend-ingress`, rule 0")

	// What only manifests name is not renamed.
	_, err = e.server.Rename(t.Context(), &protocol.RenameParams{TextDocumentPositionParams: e.at("shop.mesh", "-> back|end"), NewName: "api"})
	assert.ErrorContains(t, err, "declare it first")
}

func TestFromManifestToIntents(t *testing.T) {
	e := edit(t, "../../../../examples/shop", map[string]string{
		"shop.mesh": "mesh shop strict\nservice backend account backend-sa\nistio-ingress/ingress -> frontend -> backend -> db\n",
	})
	e.open("shop.mesh")
	e.wait("shop.mesh")
	definition, err := e.server.Definition(t.Context(), &protocol.DefinitionParams{TextDocumentPositionParams: e.at("shop.mesh", "service back|end")})
	require.NoError(t, err)
	locations, _ := definition.(protocol.LocationSlice)
	require.Len(t, locations, 1)
	assert.Equal(t, "k8s/backend.yaml backend-sa", e.text(locations[0]))
	assert.Equal(t, "backend-sa", strings.TrimSpace(strings.SplitAfter(lineOf(e, locations[0]), "serviceAccountName:")[1]))

	e.open("k8s/backend.yaml")
	definition, err = e.server.Definition(t.Context(), &protocol.DefinitionParams{TextDocumentPositionParams: e.at("k8s/backend.yaml", "labels:\n        app: back|end")})
	require.NoError(t, err)
	locations, _ = definition.(protocol.LocationSlice)
	require.Len(t, locations, 1)
	assert.Equal(t, "shop.mesh backend", e.text(locations[0]))
	assert.EqualValues(t, 1, locations[0].Range.Start.Line)

	// No statement declares db: it is declared by its label, which leads on to the account, and knows who names it.
	definition, err = e.server.Definition(t.Context(), &protocol.DefinitionParams{TextDocumentPositionParams: e.at("shop.mesh", "-> d|b")})
	require.NoError(t, err)
	locations, _ = definition.(protocol.LocationSlice)
	require.Len(t, locations, 1)
	assert.Equal(t, "k8s/db.yaml db", e.text(locations[0]))
	e.open("k8s/db.yaml")
	label := protocol.TextDocumentPositionParams{TextDocument: protocol.TextDocumentIdentifier{URI: locations[0].URI}, Position: locations[0].Range.Start}
	definition, err = e.server.Definition(t.Context(), &protocol.DefinitionParams{TextDocumentPositionParams: label})
	require.NoError(t, err)
	locations, _ = definition.(protocol.LocationSlice)
	require.Len(t, locations, 1)
	assert.Equal(t, "k8s/db.yaml db-sa", e.text(locations[0]))
	references, err := e.server.References(t.Context(), &protocol.ReferenceParams{TextDocumentPositionParams: label})
	require.NoError(t, err)
	require.Len(t, references, 1)
	assert.Equal(t, "shop.mesh db", e.text(references[0]))
}

func lineOf(e *editor, l protocol.Location) string {
	data, err := os.ReadFile(l.URI.FsPath())
	require.NoError(e.t, err)
	return source.NewFile("", string(data)).Line(int(l.Range.Start.Line) + 1)
}

func TestRename(t *testing.T) {
	e := edit(t, "", twoTeams)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	changed, err := e.server.Rename(t.Context(), &protocol.RenameParams{TextDocumentPositionParams: e.at("shop.mesh", "bank/led|ger"), NewName: "book"})
	require.NoError(t, err)
	texts := e.applied(changed)
	assert.Contains(t, texts["shop.mesh"], "never * -> bank/book except backend\n")
	assert.Contains(t, texts["bank.mesh"], "service book account ledger-sa port 5432 tcp label app=ledger\n")
	assert.Contains(t, texts["bank.mesh"], "audit -> book\n")

	for name, want := range map[string]string{"audit": "audit", "Ledger": "not a name"} {
		_, err = e.server.Rename(t.Context(), &protocol.RenameParams{TextDocumentPositionParams: e.at("shop.mesh", "bank/led|ger"), NewName: name})
		assert.ErrorContains(t, err, want)
	}
	references, err := e.server.References(t.Context(), &protocol.ReferenceParams{TextDocumentPositionParams: e.at("shop.mesh", "bank/led|ger"), Context: protocol.ReferenceContext{IncludeDeclaration: true}})
	require.NoError(t, err)
	var places []string
	for _, l := range references {
		places = append(places, e.text(l))
	}
	assert.Equal(t, []string{"bank.mesh ledger", "bank.mesh ledger", "shop.mesh ledger"}, places)
}

func TestCompletion(t *testing.T) {
	e := edit(t, "", twoTeams)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	for typed, want := range map[string][]string{
		"backend -> |\n":             {"frontend", "bank/ledger", "*"},
		"backend -> bank/|\n":        {"ledger", "audit"},
		"backend -> bank/led|\n":     {"ledger"},
		"backend -> frontend:|\n":    {"8080"},
		"backend -> bank/ledger:|\n": {"5432"},
		"|\n":                        {"mesh", "service", "never", "frontend"},
		"mesh |\n":                   {"bank", "shop"},
		"mesh shop |\n":              {"strict", "closed"},
		"mtls backend |\n":           {"permissive"},
		"issuer corp url https://a.example.com\nverify |\n":                   {"corp", "any"},
		"issuer corp url https://a.example.com\nverify corp at |\n":           {"backend", "pods"},
		"issuer corp url https://a.example.com\nfrontend -> backend with |\n": {"corp", "no token"},
		"export backend to |\n":   {"bank", "bank/audit"},
		"service x |\n":           {"account", "port"},
		"service x port 80 |\n":   {"http"},
		"frontend -> backend |\n": {"GET", "until"},
	} {
		e.replace("shop.mesh", "never *", strings.Replace(typed, "|", "", 1)+"never *")
		result, err := e.server.Completion(t.Context(), &protocol.CompletionParams{TextDocumentPositionParams: e.at("shop.mesh", typed+"never")})
		require.NoError(t, err)
		list, _ := result.(*protocol.CompletionList)
		if assert.NotNil(t, list, typed) {
			var labels []string
			for _, i := range list.Items {
				labels = append(labels, i.Label)
			}
			for _, w := range want {
				assert.Contains(t, labels, w, typed)
			}
		}
		e.replace("shop.mesh", strings.Replace(typed, "|", "", 1)+"never *", "never *")
	}
}

func TestStructure(t *testing.T) {
	e := edit(t, "", twoTeams)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	doc := protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}
	symbols, err := e.server.DocumentSymbol(t.Context(), &protocol.DocumentSymbolParams{TextDocument: doc})
	require.NoError(t, err)
	require.Len(t, symbols.(protocol.DocumentSymbolSlice), 1)
	assert.Len(t, symbols.(protocol.DocumentSymbolSlice)[0].Children, 4)

	found, err := e.server.Symbols(t.Context(), &protocol.WorkspaceSymbolParams{Query: "bank/ldg"})
	require.NoError(t, err)
	require.Len(t, found.(protocol.SymbolInformationSlice), 1)
	assert.Equal(t, "ledger", found.(protocol.SymbolInformationSlice)[0].Name)

	folds, err := e.server.FoldingRanges(t.Context(), &protocol.FoldingRangeParams{TextDocument: doc})
	require.NoError(t, err)
	require.Len(t, folds, 1)
	assert.EqualValues(t, 1, folds[0].StartLine)
	assert.EqualValues(t, 6, folds[0].EndLine)

	hints, err := e.server.InlayHint(t.Context(), &protocol.InlayHintParams{TextDocument: doc, Range: protocol.Range{End: protocol.Position{Line: 100}}})
	require.NoError(t, err)
	require.Len(t, hints, 1)
	assert.Equal(t, protocol.String("frontend-sa"), hints[0].Label)

	items, err := e.server.PrepareCallHierarchy(t.Context(), &protocol.CallHierarchyPrepareParams{TextDocumentPositionParams: e.at("shop.mesh", "service back|end")})
	require.NoError(t, err)
	require.Len(t, items, 1)
	incoming, err := e.server.IncomingCalls(t.Context(), &protocol.CallHierarchyIncomingCallsParams{Item: items[0]})
	require.NoError(t, err)
	require.Len(t, incoming, 1)
	assert.Equal(t, "frontend", incoming[0].From.Name)
	outgoing, err := e.server.OutgoingCalls(t.Context(), &protocol.CallHierarchyOutgoingCallsParams{Item: incoming[0].From})
	require.NoError(t, err)
	require.Len(t, outgoing, 1)
	assert.Equal(t, "backend", outgoing[0].To.Name)

	tokens, err := e.server.SemanticTokensFull(t.Context(), &protocol.SemanticTokensParams{TextDocument: doc})
	require.NoError(t, err)
	assert.Equal(t, []uint32{0, 0, 10, uint32(slices.Index(legend.TokenTypes, "comment")), 0}, tokens.Data[:5], "the emoji has two units")
	assert.Equal(t, []uint32{1, 0, 4, uint32(slices.Index(legend.TokenTypes, "keyword")), 0}, tokens.Data[5:10])
	assert.Equal(t, []uint32{0, 5, 4, uint32(slices.Index(legend.TokenTypes, "namespace")), 1}, tokens.Data[10:15])

	e.replace("shop.mesh", "frontend -> backend", "frontend   ->   backend")
	edits, err := e.server.Formatting(t.Context(), &protocol.DocumentFormattingParams{TextDocument: doc})
	require.NoError(t, err)
	require.Len(t, edits, 1)
	assert.Contains(t, edits[0].NewText, "frontend -> backend\n")
}

func TestFilesOnDisk(t *testing.T) {
	e := edit(t, "../../../../examples/shop", nil)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	path := filepath.Join(e.root, "k8s", "backend.yaml")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(data), "backend-sa", "default")), 0o644))
	require.NoError(t, e.server.DidChangeWatchedFiles(t.Context(), &protocol.DidChangeWatchedFilesParams{Changes: []protocol.FileEvent{{URI: uri.File(path), Type: protocol.FileChangeTypeChanged}}}))
	hover, err := e.server.Hover(t.Context(), &protocol.HoverParams{TextDocumentPositionParams: e.at("shop.mesh", "-> back|end")})
	require.NoError(t, err)
	assert.Contains(t, hover.Contents.(*protocol.MarkupContent).Value, "account `default`")
}

// Of an edge only what lets its calls through is told, not what refuses other ones: here, tokens that are no good.
func TestHoverOfAnEdge(t *testing.T) {
	e := edit(t, "", map[string]string{"shop.mesh": "mesh shop strict\nissuer corp url https://a.example.com keys https://a.example.com/keys\n" +
		"service web account web-sa port 80 http\nservice api account api-sa port 80 http\nweb -> api GET /x with corp\n"})
	e.open("shop.mesh")
	hover, err := e.server.Hover(t.Context(), &protocol.HoverParams{TextDocumentPositionParams: e.at("shop.mesh", "web -|> api")})
	require.NoError(t, err)
	require.NotNil(t, hover)
	assert.Equal(t, "`shop/web` may call `shop/api`: AuthorizationPolicy `shop/api-ingress`, rule 0", hover.Contents.(*protocol.MarkupContent).Value)
}

// A meshc.yaml that was never saved makes the project, too.
func TestUnsavedSettings(t *testing.T) {
	e := edit(t, "../../../../examples/shop", nil)
	require.NoError(t, os.Remove(filepath.Join(e.root, "meshc.yaml")))
	e.open("shop.mesh")
	e.wait("shop.mesh", "MESH1001", "MESH1001", "MESH1001", "MESH1002")
	text := "apiVersion: meshc.dev/v1alpha1\nkind: Project\nworkloads: [k8s/*.yaml]\n"
	e.texts["meshc.yaml"], e.versions["meshc.yaml"] = text, 1
	require.NoError(t, e.server.DidOpen(t.Context(), &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{URI: e.uri("meshc.yaml"), LanguageID: "yaml", Version: 1, Text: text}}))
	e.wait("shop.mesh")
	e.replace("meshc.yaml", "workloads", "workload")
	e.wait("meshc.yaml", "MESH1202")
	e.replace("meshc.yaml", "workload", "workloads")
	e.wait("meshc.yaml")
	require.NoError(t, e.server.DidClose(t.Context(), &protocol.DidCloseTextDocumentParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("meshc.yaml")}}))
	e.wait("shop.mesh", "MESH1001", "MESH1001", "MESH1001", "MESH1002")
}

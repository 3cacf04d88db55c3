package lsp

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.lsp.dev/protocol"
)

// While a text is not judged yet, what did not change in it is known from before.
func TestAnswersFromBefore(t *testing.T) {
	e := edit(t, "", twoTeams)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	_, err := e.server.CodeLens(t.Context(), &protocol.CodeLensParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}})
	require.NoError(t, err)
	defer func(before waits) { usual = before }(usual)
	usual.patience = 0
	hover := func(marked string) (string, string) {
		h, err := e.server.Hover(t.Context(), &protocol.HoverParams{TextDocumentPositionParams: e.at("shop.mesh", marked)})
		require.NoError(t, err)
		require.NotNil(t, h, marked)
		return h.Contents.(*protocol.MarkupContent).Value, e.text(protocol.Location{URI: e.uri("shop.mesh"), Range: *h.Range})
	}
	for _, typed := range []string{"# a line more\n", "# and one 😀\nservice third account t-sa\n", ""} {
		e.replace("shop.mesh", "frontend -> backend\n", typed+"frontend -> backend\n")
		text, at := hover("never * -> bank/led|ger")
		assert.Contains(t, text, "**service** `bank/ledger`")
		assert.Equal(t, "shop.mesh ledger", at)
		text, at = hover("service front|end")
		assert.Contains(t, text, "account `frontend-sa`")
		assert.Equal(t, "shop.mesh frontend", at)
		text, at = hover("frontend -|> backend")
		assert.Contains(t, text, "`shop/frontend` may call `shop/backend`: AuthorizationPolicy `shop/backend-ingress`, rule 0")
		assert.Equal(t, "shop.mesh frontend -> backend", at)
	}
	// What is being typed is not.
	e.replace("shop.mesh", "frontend -> backend\n", "backend -> bank/audit\n")
	text, at := hover("backend -> bank/aud|it")
	assert.Contains(t, text, "**service** `bank/audit`")
	assert.Equal(t, "shop.mesh audit", at)
	result, err := e.server.Completion(t.Context(), &protocol.CompletionParams{TextDocumentPositionParams: e.at("shop.mesh", "backend -> bank/au|dit")})
	require.NoError(t, err)
	assert.NotEmpty(t, result.(*protocol.CompletionList).Items)
}

// Colours and hints do not wait for a check: what did not change has those of before, and the client asks again after
// it.
func TestColoursFromBefore(t *testing.T) {
	defer func(before waits) { usual = before }(usual)
	usual.patience, usual.moment, usual.pause = 0, 0, time.Hour
	e := edit(t, "", twoTeams)
	doc := protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}
	check := func() {
		_, err := e.server.CodeLens(t.Context(), &protocol.CodeLensParams{TextDocument: doc})
		require.NoError(t, err)
	}
	ask := func() (kinds, accounts []string) {
		tokens, err := e.server.SemanticTokensFull(t.Context(), &protocol.SemanticTokensParams{TextDocument: doc})
		require.NoError(t, err)
		for i := 3; i < len(tokens.Data); i += 5 {
			kinds = append(kinds, legend.TokenTypes[tokens.Data[i]])
		}
		hints, err := e.server.InlayHint(t.Context(), &protocol.InlayHintParams{TextDocument: doc, Range: protocol.Range{End: protocol.Position{Line: 100}}})
		require.NoError(t, err)
		for _, h := range hints {
			accounts = append(accounts, string(h.Label.(protocol.String)))
		}
		return kinds, accounts
	}
	e.open("shop.mesh")
	e.wait("shop.mesh")
	check()
	before, accounts := ask()
	e.replace("shop.mesh", "frontend -> backend\n", "# a line more\nfrontend -> backend\n")
	kinds, same := ask()
	assert.Equal(t, accounts, same)
	line := slices.Index(kinds[1:], "comment") + 1
	assert.Equal(t, before, slices.Delete(kinds, line, line+1))
	askedAgain := func() {
		check()
		again := []string{<-e.again, <-e.again}
		slices.Sort(again)
		assert.Equal(t, []string{"colours", "hints"}, again)
	}
	askedAgain()
	e.replace("shop.mesh", "frontend -> backend\n", "frontend -> backend\nbackend -> frontend\n")
	_, same = ask()
	assert.Equal(t, accounts, same, "what is typed has none yet")
	askedAgain()
	_, same = ask()
	assert.Len(t, same, len(accounts)+1)
}

// A large project is built once nobody types, or once its lenses are asked for. Findings of a check and answers do not
// wait for that.
func TestPause(t *testing.T) {
	defer func(before waits) { usual = before }(usual)
	usual.patience, usual.moment = 0, 0
	project := map[string]string{"shop.mesh": "mesh shop strict\nservice a account a-sa port 80 http\nservice b account b-sa port 80 http\na -> b\nnever b -> a\n"}
	for _, pause := range []time.Duration{time.Hour, time.Millisecond} {
		t.Run(pause.String(), func(t *testing.T) {
			usual.pause = pause
			e := edit(t, "", project)
			lens := func() string {
				lenses, err := e.server.CodeLens(t.Context(), &protocol.CodeLensParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri("shop.mesh")}})
				require.NoError(t, err)
				return lenses[1].Command.Title
			}
			e.open("shop.mesh")
			e.wait("shop.mesh")
			require.Equal(t, "passed", lens())
			e.replace("shop.mesh", "a -> b", "a -> c")
			e.wait("shop.mesh", "MESH1001")
			e.replace("shop.mesh", "a -> c", "b -> a")
			if pause < time.Hour {
				e.wait("shop.mesh", "MESH2011")
				return
			}
			e.wait("shop.mesh")
			hover, err := e.server.Hover(t.Context(), &protocol.HoverParams{TextDocumentPositionParams: e.at("shop.mesh", "service |b")})
			require.NoError(t, err)
			require.NotNil(t, hover)
			require.Contains(t, lens(), "fails: ")
			e.wait("shop.mesh")
		})
	}
}

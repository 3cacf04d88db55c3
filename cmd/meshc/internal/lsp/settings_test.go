package lsp

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.lsp.dev/protocol"
)

func TestLocate(t *testing.T) {
	for marked, want := range map[string]string{
		"|":                                       "",
		"sou|":                                    "",
		"targets:\n  |":                           "targets",
		"targets:\n  istio:\n    side|":           "targets istio",
		"targets:\n  istio:\n    sidecars: t|":    "targets istio sidecars =",
		"targets:\n  istio: {side|":               "targets istio",
		"targets: {istio: {sidecars: true, re|":   "targets istio",
		"targets: {istio: {sidecars: true}, |":    "targets",
		"targets: {istio: {sidecars: true}}\nso|": "",
		"workloads:\n- pa|":                       "workloads []",
		"workloads:\n- path: a\n  name|":          "workloads []",
		"workloads:\n  - path: a\n  - {path: b, namespace: |":                           "workloads [] namespace =",
		"workloads:\n- path: a\nowners:\n  |":                                           "owners",
		"sources: [a, |":                                                                "sources []",
		"environments:\n  prod:\n    modes: {\"*\": p|":                                 "environments prod modes * =",
		"environments:\n  prod:\n    modes:\n      \"*\": strict\n    # why\n\n    fo|": "environments prod",
		"kind: Project # no|":                                                           "comment",
	} {
		before, _, _ := strings.Cut(marked, "|")
		at, ok := locate(before+"\n", len(before))
		got := strings.Join(at.path, " ")
		switch {
		case !ok:
			got = "comment"
		case at.value:
			got += " ="
		}
		assert.Equal(t, want, got, marked)
	}
}

func TestSettings(t *testing.T) {
	name := "meshc.yaml"
	files := maps.Clone(twoTeams)
	files[name] = "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets:\n  istio: {sidecars: true}\n"
	e := edit(t, "", files)
	e.open(name)
	e.wait(name)
	labels := func(typed string) (labels []string) {
		t.Helper()
		e.replace(name, "targets:", strings.Replace(typed, "|", "", 1)+"\ntargets:")
		result, err := e.server.Completion(t.Context(), &protocol.CompletionParams{TextDocumentPositionParams: e.at(name, typed+"\ntargets")})
		require.NoError(t, err)
		for _, i := range result.(*protocol.CompletionList).Items {
			labels = append(labels, i.Label)
		}
		e.replace(name, strings.Replace(typed, "|", "", 1)+"\ntargets:", "targets:")
		return labels
	}
	assert.Contains(t, labels("work|"), "workloads")
	assert.Equal(t, []string{"namespace", "path"}, labels("workloads:\n- |"))
	assert.Contains(t, labels("owners:\n  |"), "bank")
	assert.Contains(t, labels("warnings:\n  |"), "MESH2108")
	assert.Equal(t, []string{"silence", "warn", "error"}, labels("warnings:\n  MESH2108: |"))
	assert.Contains(t, labels("environments: {prod: {modes: {|"), "shop/backend")
	assert.Equal(t, []string{"sidecar", "ambient"}, labels("dataplanes: {shop: |"))

	hover, err := e.server.Hover(t.Context(), &protocol.HoverParams{TextDocumentPositionParams: e.at(name, "side|cars")})
	require.NoError(t, err)
	require.NotNil(t, hover)
	assert.Contains(t, hover.Contents.(*protocol.MarkupContent).Value, "**targets.istio.sidecars**")

	e.replace(name, "sidecars", "sidecar")
	e.wait(name, "MESH1202")
}

func TestPreview(t *testing.T) {
	e := edit(t, "", twoTeams)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	preview := func(name string) (text string) {
		argument, err := json.Marshal(e.uri(name))
		require.NoError(t, err)
		got, err := e.server.ExecuteCommand(t.Context(), &protocol.ExecuteCommandParams{Command: previewCommand, Arguments: []protocol.LSPAny{argument}})
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(got, &text))
		return text
	}
	text := preview("shop.mesh")
	assert.Contains(t, text, "name: backend-ingress\n")
	assert.NotContains(t, text, "namespace: bank\n")
	e.replace("shop.mesh", "backend", "bakend")
	assert.Contains(t, preview("shop.mesh"), "# no manifests: the project has ")
	_, err := e.server.ExecuteCommand(t.Context(), &protocol.ExecuteCommandParams{Command: "rm"})
	assert.Error(t, err)
}

// A file that was never saved is read by its folder: its mistakes are seen, and it is formatted.
func TestNeverSaved(t *testing.T) {
	e := edit(t, "", twoTeams)
	e.open("shop.mesh")
	e.wait("shop.mesh")
	name := "new.mesh"
	e.versions[name], e.texts[name] = 1, "mesh shop\nfrontend -> nobody\n"
	require.NoError(t, e.server.DidOpen(t.Context(), &protocol.DidOpenTextDocumentParams{
		TextDocument: protocol.TextDocumentItem{URI: e.uri(name), LanguageID: "mesh", Version: 1, Text: e.texts[name]},
	}))
	e.wait(name, "MESH1001")
	e.replace(name, "nobody", "backend")
	e.wait(name)
	hover, err := e.server.Hover(t.Context(), &protocol.HoverParams{TextDocumentPositionParams: e.at(name, "-> back|end")})
	require.NoError(t, err)
	require.NotNil(t, hover)
}

// Of many services those are offered that the typed letters fit, and the client is told to ask again.
func TestCompletionOfManyServices(t *testing.T) {
	var text strings.Builder
	text.WriteString("mesh shop strict\n")
	for i := range 600 {
		fmt.Fprintf(&text, "service s%04d account a%04d\n", i, i)
	}
	e := edit(t, "", map[string]string{"shop.mesh": text.String() + "s0000 -> s0599\n"})
	e.open("shop.mesh")
	e.wait("shop.mesh")
	ask := func(marked string) *protocol.CompletionList {
		got, err := e.server.Completion(t.Context(), &protocol.CompletionParams{TextDocumentPositionParams: e.at("shop.mesh", marked)})
		require.NoError(t, err)
		return got.(*protocol.CompletionList)
	}
	all := ask("s0000 -> |s0599")
	assert.Len(t, all.Items, offered)
	assert.True(t, all.IsIncomplete)
	one := ask("s0000 -> s059|9")
	assert.Len(t, one.Items, 24, "those with 0, 5 and 9 in this order")
	for _, i := range one.Items[:10] {
		assert.True(t, strings.HasPrefix(i.Label, "s059"), i.Label)
	}
	assert.False(t, slices.ContainsFunc(one.Items, func(i protocol.CompletionItem) bool { return i.Label == "s0600" || i.Label == "s0400" }))
}

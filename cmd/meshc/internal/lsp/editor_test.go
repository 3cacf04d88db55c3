package lsp

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/lang/source"
)

// editor is a client that speaks the protocol with a server over pipes.
type editor struct {
	protocol.UnimplementedClient
	t      *testing.T
	server protocol.Server
	root   string

	mutex     sync.Mutex
	findings  map[string][]protocol.Diagnostic // by name in the project
	published chan struct{}
	again     chan string // what the server has the client ask for again
	versions  map[string]int32
	texts     map[string]string
}

func (e *editor) PublishDiagnostics(_ context.Context, p *protocol.PublishDiagnosticsParams) error {
	name, err := filepath.Rel(e.root, p.URI.FsPath())
	if err != nil {
		return err
	}
	e.mutex.Lock()
	e.findings[filepath.ToSlash(name)] = p.Diagnostics
	e.mutex.Unlock()
	select {
	case e.published <- struct{}{}:
	default:
	}
	return nil
}

func (e *editor) SemanticTokensRefresh(context.Context) error {
	e.again <- "colours"
	return nil
}

func (e *editor) InlayHintRefresh(context.Context) error {
	e.again <- "hints"
	return nil
}

// A test of what an answer is waits for the newest one.
func init() { usual.patience, usual.pause = time.Minute, 0 }

// edit opens an editor on a project: the files of a folder, and others in their place.
func edit(t *testing.T, folder string, files map[string]string) *editor {
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	if folder != "" {
		require.NoError(t, os.CopyFS(root, os.DirFS(folder)))
	}
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	e := &editor{t: t, root: root, findings: map[string][]protocol.Diagnostic{}, published: make(chan struct{}, 1), again: make(chan string, 100), versions: map[string]int32{}, texts: map[string]string{}}
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	ended := make(chan error, 1)
	session, cancel := context.WithCancel(context.Background()) // the context of a test ends before it is cleaned up
	go func() { ended <- Serve(session, fromClient, toClient, Options{Version: "test"}) }()
	_, _, server := protocol.NewClient(session, e, jsonrpc2.NewHeaderStream(stdio{fromServer, toServer}))
	e.server = server
	folders := protocol.NewNullable([]protocol.WorkspaceFolder{{URI: uri.File(root), Name: "project"}})
	yes := true
	var can protocol.ClientCapabilities
	can.Workspace = &protocol.WorkspaceClientCapabilities{
		SemanticTokens: &protocol.SemanticTokensWorkspaceClientCapabilities{RefreshSupport: &yes}, InlayHint: &protocol.InlayHintWorkspaceClientCapabilities{RefreshSupport: &yes},
	}
	got, err := server.Initialize(t.Context(), &protocol.InitializeParams{Capabilities: can, WorkspaceFoldersInitializeParams: protocol.WorkspaceFoldersInitializeParams{WorkspaceFolders: folders}})
	require.NoError(t, err)
	require.Equal(t, protocol.PositionEncodingKindUTF16, got.Capabilities.PositionEncoding)
	require.NoError(t, server.Initialized(t.Context(), &protocol.InitializedParams{}))
	t.Cleanup(func() {
		defer cancel()
		assert.NoError(t, server.Shutdown(context.Background()))
		assert.NoError(t, server.Exit(context.Background()))
		select {
		case err := <-ended:
			assert.NoError(t, err)
		case <-time.After(10 * time.Second):
			t.Error("the server does not end after exit")
		}
		fromClient.Close()
		toClient.Close()
	})
	return e
}

func (e *editor) uri(name string) uri.URI {
	return uri.File(filepath.Join(e.root, filepath.FromSlash(name)))
}

func (e *editor) open(name string) {
	text, err := os.ReadFile(filepath.Join(e.root, filepath.FromSlash(name)))
	require.NoError(e.t, err)
	e.versions[name], e.texts[name] = 1, string(text)
	require.NoError(e.t, e.server.DidOpen(e.t.Context(), &protocol.DidOpenTextDocumentParams{
		TextDocument: protocol.TextDocumentItem{URI: e.uri(name), LanguageID: "mesh", Version: 1, Text: string(text)},
	}))
}

// replace types a text in place of the first occurrence of another one.
func (e *editor) replace(name, old, text string) {
	at := strings.Index(e.texts[name], old)
	require.GreaterOrEqual(e.t, at, 0, "%s has no %q", name, old)
	f := source.NewFile(name, e.texts[name])
	e.versions[name]++
	change := &protocol.DidChangeTextDocumentParams{ContentChanges: []protocol.TextDocumentContentChangeEvent{
		&protocol.TextDocumentContentChangePartial{Range: rangeOf(f.Span(at, at+len(old)), protocol.PositionEncodingKindUTF16), Text: text},
	}}
	change.TextDocument.URI, change.TextDocument.Version = e.uri(name), e.versions[name]
	require.NoError(e.t, e.server.DidChange(e.t.Context(), change))
	e.texts[name] = e.texts[name][:at] + text + e.texts[name][at+len(old):]
}

// at is the position of the mark | in a text that occurs in a file.
func (e *editor) at(name, marked string) protocol.TextDocumentPositionParams {
	before, after, _ := strings.Cut(marked, "|")
	at := strings.Index(e.texts[name], before+after)
	require.GreaterOrEqual(e.t, at, 0, "%s has no %q", name, before+after)
	f := source.NewFile(name, e.texts[name])
	return protocol.TextDocumentPositionParams{TextDocument: protocol.TextDocumentIdentifier{URI: e.uri(name)}, Position: position(f, at+len(before), protocol.PositionEncodingKindUTF16)}
}

// wait waits until the findings of a file are those with these codes.
func (e *editor) wait(name string, codes ...string) []protocol.Diagnostic {
	e.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		e.mutex.Lock()
		now := slices.Clone(e.findings[name])
		e.mutex.Unlock()
		var got []string
		for _, d := range now {
			got = append(got, string(d.Code.(protocol.String)))
		}
		slices.Sort(got)
		if slices.Equal(got, codes) {
			return now
		}
		select {
		case <-e.published:
		case <-time.After(200 * time.Millisecond):
		case <-timeout:
			require.Equal(e.t, codes, got, "the findings of %s", name)
		}
	}
}

// text is what a range of a document has.
func (e *editor) text(l protocol.Location) string {
	name, err := filepath.Rel(e.root, l.URI.FsPath())
	require.NoError(e.t, err)
	name = filepath.ToSlash(name)
	text, open := e.texts[name]
	if !open {
		data, err := os.ReadFile(l.URI.FsPath())
		require.NoError(e.t, err)
		text = string(data)
	}
	f := source.NewFile(name, text)
	return name + " " + text[offset(f, l.Range.Start, protocol.PositionEncodingKindUTF16):offset(f, l.Range.End, protocol.PositionEncodingKindUTF16)]
}

// applied is the texts of the files that an edit changes.
func (e *editor) applied(edit *protocol.WorkspaceEdit) map[string]string {
	out := map[string]string{}
	for u, edits := range edit.Changes {
		name, err := filepath.Rel(e.root, u.FsPath())
		require.NoError(e.t, err)
		name = filepath.ToSlash(name)
		text, open := e.texts[name]
		if !open {
			data, err := os.ReadFile(u.FsPath())
			require.NoError(e.t, err)
			text = string(data)
		}
		f := source.NewFile(name, text)
		at := func(p protocol.Position) int { return offset(f, p, protocol.PositionEncodingKindUTF16) }
		slices.SortFunc(edits, func(a, b protocol.TextEdit) int { return at(b.Range.Start) - at(a.Range.Start) })
		for _, one := range edits {
			text = text[:at(one.Range.Start)] + one.NewText + text[at(one.Range.End):]
		}
		out[name] = text
	}
	return out
}

var twoTeams = map[string]string{
	"shop.mesh": "# größe 😀\nmesh shop strict\n\nservice frontend account frontend-sa port 8080 http\nservice backend account backend-sa port 8080 http\nfrontend -> backend\nnever * -> bank/ledger except backend\n",
	"bank.mesh": "mesh bank strict\n\nservice ledger account ledger-sa port 5432 tcp\nservice audit account audit-sa\naudit -> ledger\n",
}

// Package lsp is the language server: it answers an editor from the compiler.Snapshot of the project that a document
// belongs to.
//
// It knows the protocol, documents and positions. What a name means, whether a guard holds and how a mistake is fixed
// are questions for package compiler; nothing is resolved or judged here. Notifications are handled in order, requests
// concurrently. Findings cover the whole project, no matter which of its files are open.
package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/project"
)

// Options is what a server is told on the command line.
type Options struct {
	Compile compiler.Options // how every project is read
	Version string
}

// Serve answers one client until it leaves or ctx ends. The error is that of the streams or of ctx.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{options: o, projects: map[string]*workspace{}, documents: map[string]*document{}, context: ctx, exited: make(chan struct{})}
	conn := jsonrpc2.NewConn(jsonrpc2.NewHeaderStream(stdio{in, out}), jsonrpc2.WithCodec(codec{}))
	s.client = protocol.ClientDispatcher(conn)
	conn.Go(ctx, s.ordered(protocol.CancelHandler(protocol.ServerHandler(s, jsonrpc2.MethodNotFoundHandler))))
	select {
	case <-s.exited:
	case <-ctx.Done():
		return ctx.Err()
	case <-conn.Done():
		if err := conn.Err(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// stdio is the two streams of a client as one.
type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error { return nil }

// codec writes the types of the protocol, with its unions.
type codec struct{}

func (codec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(jsonrpc2.RawMessage); ok {
		return raw, nil
	}
	return protocol.Marshal(v)
}

func (codec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(*jsonrpc2.RawMessage); ok {
		*raw = append(jsonrpc2.RawMessage(nil), data...)
		return nil
	}
	return protocol.Unmarshal(data, v)
}

// ordered handles notifications one after the other, since an edit must not overtake another one, and each request
// beside what follows it. A request that panics has an error for an answer, and a notification that makes no sense is
// passed over.
func (s *server) ordered(handler jsonrpc2.Handler) jsonrpc2.Handler {
	return func(ctx context.Context, req *jsonrpc2.Request) (result any, err error) {
		if req.IsCall() {
			jsonrpc2.Async(ctx) // first of all: until then the context is one that the connection uses again for the next request
			s.asked.Add(1)
			defer s.asked.Add(-1)
		}
		defer func() {
			if trouble := recover(); trouble != nil {
				result, err = nil, jsonrpc2.NewError(jsonrpc2.ErrInternal.Code, fmt.Sprintf("bug in meshc: %v\n%s", trouble, debug.Stack()))
			}
			if !req.IsCall() {
				err = nil // an error would end the connection, and nobody waits for an answer
			}
		}()
		return handler(ctx, req)
	}
}

// server is the connection to one client.
type server struct {
	protocol.UnimplementedServer
	options Options
	client  protocol.Client
	context context.Context // of what outlives a request
	exited  chan struct{}   // closed once the client has said that it leaves
	asked   atomic.Int32    // how many questions are being answered

	encoding  encoding
	refresh   bool // the client can be told that lenses have changed
	recolours bool // and that colours have
	rehints   bool // and that hints have
	watches   bool // the client can be asked to watch files

	mutex     sync.Mutex
	folders   []string              // that the client has open
	projects  map[string]*workspace // by their roots
	documents map[string]*document  // that are open, by their paths
}

// document is a text that the editor has.
type document struct {
	path    string
	uri     uri.URI
	version int32
	text    string
	project *workspace // nil where no project is found
}

func (s *server) Initialize(_ context.Context, p *protocol.InitializeParams) (*protocol.InitializeResult, error) {
	s.encoding = protocol.PositionEncodingKindUTF16
	if c := p.Capabilities.General; c != nil {
		for _, e := range c.PositionEncodings {
			if e == protocol.PositionEncodingKindUTF8 {
				s.encoding = e
			}
		}
	}
	if w := p.Capabilities.Workspace; w != nil {
		s.refresh = w.CodeLens != nil && w.CodeLens.RefreshSupport != nil && *w.CodeLens.RefreshSupport
		s.recolours = w.SemanticTokens != nil && w.SemanticTokens.RefreshSupport != nil && *w.SemanticTokens.RefreshSupport
		s.rehints = w.InlayHint != nil && w.InlayHint.RefreshSupport != nil && *w.InlayHint.RefreshSupport
		s.watches = w.DidChangeWatchedFiles != nil && w.DidChangeWatchedFiles.DynamicRegistration != nil && *w.DidChangeWatchedFiles.DynamicRegistration
	}
	folders, _ := p.WorkspaceFolders.Get()
	for _, f := range folders {
		s.folders = append(s.folders, f.URI.FsPath())
	}
	//lint:ignore SA1019 clients that know no workspace folders send it alone
	if root := p.RootURI; len(folders) == 0 && root != nil {
		s.folders = append(s.folders, root.FsPath())
	}
	yes, incremental := true, protocol.TextDocumentSyncKindIncremental
	return &protocol.InitializeResult{
		ServerInfo: protocol.ServerInfo{Name: "meshc", Version: protocol.NewOptional(s.options.Version)},
		Capabilities: protocol.ServerCapabilities{
			PositionEncoding:           s.encoding,
			TextDocumentSync:           &protocol.TextDocumentSyncOptions{OpenClose: &yes, Change: &incremental, Save: protocol.Boolean(true)},
			HoverProvider:              protocol.Boolean(true),
			DefinitionProvider:         protocol.Boolean(true),
			ReferencesProvider:         protocol.Boolean(true),
			DocumentHighlightProvider:  protocol.Boolean(true),
			DocumentSymbolProvider:     protocol.Boolean(true),
			WorkspaceSymbolProvider:    protocol.Boolean(true),
			DocumentFormattingProvider: protocol.Boolean(true),
			FoldingRangeProvider:       protocol.Boolean(true),
			CallHierarchyProvider:      protocol.Boolean(true),
			InlayHintProvider:          protocol.Boolean(true),
			CodeLensProvider:           &protocol.CodeLensOptions{},
			RenameProvider:             &protocol.RenameOptions{PrepareProvider: &yes},
			CodeActionProvider:         &protocol.CodeActionOptions{CodeActionKinds: []protocol.CodeActionKind{protocol.CodeActionKindQuickFix}},
			ExecuteCommandProvider:     protocol.ExecuteCommandOptions{Commands: []string{previewCommand}},
			CompletionProvider:         &protocol.CompletionOptions{TriggerCharacters: []string{">", "/", ":", ",", " "}},
			SemanticTokensProvider:     &protocol.SemanticTokensOptions{Legend: legend, Full: protocol.Boolean(true)},
		},
	}, nil
}

// Initialized asks the client to watch the files of projects, and reports on the folders that it has open.
func (s *server) Initialized(context.Context, *protocol.InitializedParams) error {
	if s.watches {
		options, err := protocol.Marshal(&protocol.DidChangeWatchedFilesRegistrationOptions{Watchers: []protocol.FileSystemWatcher{
			{GlobPattern: protocol.Pattern("**/*.mesh")}, {GlobPattern: protocol.Pattern("**/*.{yaml,yml,json}")},
		}})
		if err != nil {
			return err
		}
		go s.client.RegisterCapability(s.context, &protocol.RegistrationParams{Registrations: []protocol.Registration{
			{ID: "files", Method: protocol.MethodWorkspaceDidChangeWatchedFiles, RegisterOptions: options},
		}})
	}
	for _, folder := range s.folders {
		s.projectOf(folder)
	}
	return nil
}

func (s *server) Shutdown(context.Context) error { return nil }

func (s *server) Exit(context.Context) error {
	close(s.exited)
	return nil
}

// projectOf returns the project that a folder is in; nil where it has no intents. The first call opens it.
func (s *server) projectOf(folder string) *workspace {
	found, _, err := project.Open([]string{folder})
	if err != nil {
		return nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	w := s.projects[found.Root]
	if w == nil {
		w = newWorkspace(s, found.Root)
		snapshot, err := w.open(s.context)
		if err != nil {
			return nil
		}
		w.snapshot = snapshot
		s.projects[found.Root] = w
		go w.report(s.context)
	}
	return w
}

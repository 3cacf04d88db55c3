package lsp

import (
	"context"
	"path/filepath"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/lang/source"
)

func (s *server) DidOpen(_ context.Context, p *protocol.DidOpenTextDocumentParams) error {
	path := p.TextDocument.URI.FsPath()
	w := s.projectOf(filepath.Dir(path))
	s.mutex.Lock()
	s.documents[path] = &document{path, p.TextDocument.URI, p.TextDocument.Version, p.TextDocument.Text, w}
	s.mutex.Unlock()
	if w != nil {
		w.reopen()
	}
	return nil
}

func (s *server) DidChange(_ context.Context, p *protocol.DidChangeTextDocumentParams) error {
	s.mutex.Lock()
	d := s.documents[p.TextDocument.URI.FsPath()]
	if d == nil {
		s.mutex.Unlock()
		return nil
	}
	text := d.text
	for _, c := range p.ContentChanges {
		switch c := c.(type) {
		case *protocol.TextDocumentContentChangeWholeDocument:
			text = c.Text
		case *protocol.TextDocumentContentChangePartial:
			f := source.NewFile(d.path, text)
			start, end := offset(f, c.Range.Start, s.encoding), offset(f, c.Range.End, s.encoding)
			text = text[:start] + c.Text + text[max(start, end):]
		}
	}
	changed := &document{d.path, d.uri, p.TextDocument.Version, text, d.project}
	s.documents[d.path] = changed
	s.mutex.Unlock()
	if d.project != nil {
		d.project.edit(d.path, text)
	}
	return nil
}

func (s *server) DidSave(_ context.Context, p *protocol.DidSaveTextDocumentParams) error {
	if d := s.document(p.TextDocument.URI); d != nil && d.project != nil {
		d.project.reopen()
	}
	return nil
}

func (s *server) DidClose(_ context.Context, p *protocol.DidCloseTextDocumentParams) error {
	d := s.document(p.TextDocument.URI)
	if d == nil {
		return nil
	}
	s.mutex.Lock()
	delete(s.documents, d.path)
	s.mutex.Unlock()
	if d.project != nil {
		d.project.reopen()
	}
	return nil
}

// DidChangeWatchedFiles reads the projects again that have files which changed on disk.
func (s *server) DidChangeWatchedFiles(_ context.Context, p *protocol.DidChangeWatchedFilesParams) error {
	touched := map[*workspace]bool{}
	for _, c := range p.Changes {
		if w := s.projectOf(filepath.Dir(c.URI.FsPath())); w != nil && !touched[w] {
			touched[w] = true
			w.reopen()
		}
	}
	return nil
}

// DidChangeWorkspaceFolders reports on folders that the client opens.
func (s *server) DidChangeWorkspaceFolders(_ context.Context, p *protocol.DidChangeWorkspaceFoldersParams) error {
	for _, f := range p.Event.Added {
		s.projectOf(f.URI.FsPath())
	}
	return nil
}

// document returns the open document of a URI; nil where there is none.
func (s *server) document(u uri.URI) *document {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.documents[u.FsPath()]
}

// unsaved returns the texts of the open documents of a project, by their paths.
func (s *server) unsaved(w *workspace) map[string]string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	texts := map[string]string{}
	for path, d := range s.documents {
		if d.project == w {
			texts[path] = d.text
		}
	}
	return texts
}

// uriOf returns the URI of a file: as the editor wrote it where it has the file open.
func (s *server) uriOf(path string) uri.URI {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if d := s.documents[path]; d != nil {
		return d.uri
	}
	return uri.File(path)
}

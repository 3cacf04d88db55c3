package lsp

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// view is a snapshot with what an editor asks for by place.
type view struct {
	*compiler.Snapshot
	server    *server
	workspace *workspace
	number    int // of the views of the workspace
	index     func() *index

	checked, built chan struct{} // closed once it is
	checking       sync.Once
	building       sync.Once
}

func newView(w *workspace, snapshot *compiler.Snapshot, number int) *view {
	v := &view{Snapshot: snapshot, server: w.server, workspace: w, number: number, checked: make(chan struct{}), built: make(chan struct{})}
	v.index = sync.OnceValue(func() *index {
		var inv *inventory.Set
		if v.Parsed != nil {
			inv = v.Parsed.Inventory
		}
		return newIndex(v.Checked(), inv)
	})
	return v
}

// know checks the project, and makes what most questions need. From then on the workspace knows the project as it is
// here.
func (v *view) know() {
	x := v.index()
	x.services()
	x.meshes()
	x.runs()
	x.offers()
	x.Policy.Edges()
	v.checking.Do(func() {
		v.workspace.remember(&v.workspace.checked, v)
		close(v.checked)
		v.workspace.askAgain()
	})
}

// Build is that of the Snapshot, of which all is known first. From then on the workspace knows what this project
// becomes.
func (v *view) Build(ctx context.Context) (*compiler.Build, error) {
	began := time.Now()
	v.know()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	b, err := v.Snapshot.Build(ctx)
	if err == nil {
		v.building.Do(func() {
			v.workspace.remember(&v.workspace.built, v)
			v.workspace.took(time.Since(began))
			close(v.built)
		})
	}
	return b, err
}

// tree returns the intents of a file by its name in the project; nil where it has none.
func (v *view) tree(name string) *lang.File {
	files := v.Files()
	i, found := slices.BinarySearchFunc(files, name, func(f *lang.File, name string) int { return strings.Compare(f.Source.Name, name) })
	if !found {
		return nil
	}
	return files[i]
}

// file returns a file of the project by its name; nil where there is none.
func (v *view) file(name string) *source.File {
	if tree := v.tree(name); tree != nil {
		return tree.Source
	}
	if v.File != nil && v.File.Name == name {
		return v.File
	}
	if v.Parsed != nil {
		for i := range v.Parsed.Workloads {
			if f := v.Parsed.Workloads[i].File; f.Name == name {
				return f
			}
		}
	}
	return nil
}

func (v *view) location(at source.Span) protocol.Location {
	return protocol.Location{URI: v.server.uriOf(v.Path(at.File.Name)), Range: rangeOf(at, v.server.encoding)}
}

// place is a position in a project.
type place struct {
	*view
	file   *source.File
	tree   *lang.File // nil in a manifest
	offset int
	later  int // how many bytes what is here is further on in the newest text; it may be negative
	newest *source.File
}

// place returns where a position is, and false where that is in no file of a project.
func (s *server) place(ctx context.Context, u uri.URI, p protocol.Position) (place, bool) {
	v, f := s.view(ctx, u)
	if f == nil {
		return place{}, false
	}
	return place{v, f, v.tree(f.Name), offset(f, p, s.encoding), 0, f}, true
}

// in returns the same place in an earlier view, or p itself if its line is not there as it is now.
func (p place) in(earlier *view) place {
	f := earlier.file(p.file.Name)
	if earlier == p.view || f == nil {
		return p
	}
	now, was := p.file.Text, f.Text
	same, end := unchanged(now, was)
	later := 0
	switch start := strings.LastIndexByte(now[:same], '\n') + 1; {
	case same == len(now) && same == len(was) || p.offset < start:
	case p.offset > len(now)-end && strings.Contains(now[len(now)-end:p.offset], "\n"):
		later = len(now) - len(was)
	default:
		return p
	}
	return place{earlier, f, earlier.tree(f.Name), p.offset - later, later, p.newest}
}

// unchanged is how many bytes at the beginning and at the end of a text are those of an earlier one.
func unchanged(now, was string) (same, end int) {
	most := min(len(now), len(was))
	for same < most && now[same] == was[same] {
		same++
	}
	for end < most-same && now[len(now)-1-end] == was[len(was)-1-end] {
		end++
	}
	return same, end
}

// earlier is the names of a file as they were known when the project was checked last, for a client that asks again
// once that is done for what the file is now.
type earlier struct {
	*view
	now, was  *source.File
	same, end int
}

// known returns the names of a file of the view: those of now, or earlier ones if that would take too long and the
// client can be told to ask again, which is owed to it then.
func (v *view) known(f *source.File, told bool, owed *atomic.Bool) earlier {
	if told {
		if known := v.workspace.known(v); known != v {
			if was := known.file(f.Name); was != nil {
				owed.Store(true)
				same, end := unchanged(f.Text, was.Text)
				return earlier{known, f, was, same, end}
			}
		}
	}
	return earlier{v, f, f, len(f.Text), 0}
}

// at returns the name that a span of the file is in, and whether there is one. What has been typed since has none.
func (e *earlier) at(at source.Span) (name, bool) {
	start := int(at.Start)
	switch {
	case int(at.End) <= e.same:
	case start >= len(e.now.Text)-e.end:
		start += len(e.was.Text) - len(e.now.Text)
	default:
		return name{}, false
	}
	n, ok := e.index().at(e.was, start)
	return n, ok && int(n.at.Start) <= start && start+int(at.End-at.Start) <= int(n.at.End)
}

// shown is the range in the newest text of a span in the file of the place.
func (p *place) shown(at source.Span) protocol.Range {
	at.File, at.Start, at.End = p.newest, at.Start+int32(p.later), at.End+int32(p.later)
	return rangeOf(at, p.server.encoding)
}

// view returns the project of a document and the document's file in it; nil where it has none.
func (s *server) view(ctx context.Context, u uri.URI) (*view, *source.File) {
	d := s.document(u)
	if d == nil || d.project == nil {
		return nil, nil
	}
	v := d.project.current(ctx)
	if v == nil {
		return nil, nil
	}
	return v, v.file(v.Name(d.path))
}

// statement returns the statement at an offset; nil where there is none.
func (p *place) statement() lang.Stmt {
	if p.tree == nil {
		return nil
	}
	for _, s := range p.tree.Stmts {
		if at := s.Span(); int(at.Start) <= p.offset && p.offset <= int(at.End) {
			return s
		}
	}
	return nil
}

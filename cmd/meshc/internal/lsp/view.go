package lsp

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// view is a snapshot with what an editor asks for by place.
type view struct {
	*compiler.Snapshot
	server *server
	index  func() *index
}

// index is the names of a project by their places, and the places by what is named.
type index struct {
	files     map[string]*source.File
	trees     map[string]*lang.File
	names     map[*source.File][]name // sorted by place, without those that overlap an earlier one
	places    map[symbol][]source.Span
	defs      map[symbol]source.Span
	services  map[symbol]*policy.Service
	externals map[symbol]*policy.External
	meshes    map[string]*policy.Mesh
	workloads map[*policy.Service][]*inventory.Workload
}

// name is a place with a name.
type name struct {
	at     source.Span
	of     symbol
	to     source.Span // where it is declared
	object bool        // in a workload manifest, where it is a value of Kubernetes
}

// symbol is what a name stands for.
type symbol struct {
	kind            check.ObjectKind
	namespace, name string
}

func symbolOf(o check.Object) symbol { return symbol{o.Kind, o.Namespace, o.Name} }

func newView(s *server, snapshot *compiler.Snapshot) *view {
	v := &view{Snapshot: snapshot, server: s}
	v.index = sync.OnceValue(v.makeIndex)
	return v
}

func (v *view) makeIndex() *index {
	c := v.Checked()
	x := &index{
		files: map[string]*source.File{}, trees: map[string]*lang.File{}, names: map[*source.File][]name{}, places: map[symbol][]source.Span{},
		defs: map[symbol]source.Span{}, services: map[symbol]*policy.Service{}, externals: map[symbol]*policy.External{},
		meshes: map[string]*policy.Mesh{}, workloads: map[*policy.Service][]*inventory.Workload{},
	}
	for _, f := range v.Files() {
		x.files[f.Source.Name], x.trees[f.Source.Name] = f.Source, f
	}
	if v.File != nil {
		x.files[v.File.Name] = v.File
	}
	add := func(at source.Span, o check.Object, object bool) {
		s := symbolOf(o)
		x.names[at.File] = append(x.names[at.File], name{at, s, o.At, object})
		x.places[s] = append(x.places[s], at)
		if at == o.At || x.defs[s].IsZero() {
			x.defs[s] = o.At
		}
	}
	for _, n := range c.Info.Names {
		add(n.At, *n.Object, false)
	}
	for _, m := range c.Policy.Meshes {
		x.meshes[m.Name] = m
		for _, s := range m.Services {
			x.services[symbol{check.ServiceName, m.Name, s.Name}] = s
		}
		for _, e := range m.Externals {
			x.externals[symbol{check.ExternalName, m.Name, e.Name}] = e
		}
	}
	if v.Parsed != nil {
		for _, w := range v.Parsed.Workloads {
			x.files[w.File.Name] = w.File
		}
		x.addManifests(v.Parsed.Inventory, add)
	}
	for f, all := range x.names {
		slices.SortFunc(all, func(a, b name) int {
			return cmp.Or(cmp.Compare(a.at.Start, b.at.Start), cmp.Compare(a.at.End, b.at.End))
		})
		x.names[f] = slices.CompactFunc(all, func(a, b name) bool { return max(a.at.Start, b.at.Start) < min(a.at.End, b.at.End) })
	}
	for s, all := range x.places {
		slices.SortFunc(all, source.Span.Compare)
		x.places[s] = slices.Compact(all)
	}
	return x
}

// addManifests enters the values of manifests that name a service or an account.
func (x *index) addManifests(inv *inventory.Set, add func(source.Span, check.Object, bool)) {
	byNamespace := map[string][]*policy.Service{}
	for _, s := range x.services {
		if len(s.Pods) > 0 {
			byNamespace[s.Namespace] = append(byNamespace[s.Namespace], s)
		}
	}
	for _, w := range inv.Workloads {
		for _, s := range byNamespace[w.Namespace] {
			if !selects(s, w) {
				continue
			}
			x.workloads[s] = append(x.workloads[s], w)
			object := check.Object{Kind: check.ServiceName, Namespace: s.Namespace, Name: s.Name, At: s.At}
			if def := x.defs[symbolOf(object)]; !def.IsZero() {
				object.At = def
			}
			if w.NameAt != object.At {
				add(w.NameAt, object, true)
			}
			if w.AccountAt != w.At && w.AccountAt.Text() != "" {
				account := check.Object{Kind: check.AccountName, Namespace: w.Namespace, Name: w.Account, At: w.AccountAt}
				if def := x.defs[symbolOf(account)]; !def.IsZero() {
					account.At = def
				}
				add(w.AccountAt, account, true)
			}
		}
	}
}

func selects(s *policy.Service, w *inventory.Workload) bool {
	return len(s.Labels) > 0 && !slices.ContainsFunc(s.Labels, func(l policy.Label) bool { return w.Labels[l.Key] != l.Value })
}

// file returns a file of the project by its name; nil where there is none.
func (v *view) file(name string) *source.File { return v.index().files[name] }

// at returns the name at an offset of a file, and whether there is one. The end of a name counts as in it.
func (x *index) at(f *source.File, offset int) (name, bool) {
	all := x.names[f]
	i, _ := slices.BinarySearchFunc(all, offset, func(n name, offset int) int { return cmp.Compare(int(n.at.End), offset) })
	if i < len(all) && int(all[i].at.Start) <= offset {
		return all[i], true
	}
	return name{}, false
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
}

// place returns where a position is, and false where that is in no file of a project.
func (s *server) place(ctx context.Context, u uri.URI, p protocol.Position) (place, bool) {
	v, f := s.view(ctx, u)
	if f == nil {
		return place{}, false
	}
	return place{v, f, v.index().trees[f.Name], offset(f, p, s.encoding)}, true
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

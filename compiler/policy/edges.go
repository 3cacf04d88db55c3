package policy

import (
	"iter"
	"sync"

	"github.com/meshc/meshc/lang/source"
)

// Edge is a caller and what it may call: a service, as one of its rules allows, or an external.
type Edge struct {
	From     Source
	To       *Service  // nil where it leads to an external
	Rule     *Rule     // nil where it leads to an external
	External *External // nil where it leads to a service
}

// File returns the name of the file with the statement of an edge; empty if it has no statement.
func (e *Edge) File() string {
	at := e.At()
	if at.File == nil {
		return ""
	}
	return at.File.Name
}

// Edges indexes the edges of a policy by caller and by callee. Edges are in the order of the meshes, their services and
// externals, and the rules of a service.
type Edges struct {
	All  []Edge
	from map[Source][]int32
	to   map[*Service][]int32
}

// Edges returns the index of a policy's edges. The first call makes it, and all calls share it.
func (p *Policy) Edges() *Edges {
	p.index.once.Do(func() { p.index.edges = newEdges(p) })
	return p.index.edges
}

type index struct {
	once  sync.Once
	edges *Edges
}

func newEdges(p *Policy) *Edges {
	e := &Edges{from: map[Source][]int32{}, to: map[*Service][]int32{}}
	add := func(edge Edge) {
		n := int32(len(e.All))
		e.All = append(e.All, edge)
		e.from[edge.From] = append(e.from[edge.From], n)
		if edge.To != nil {
			e.to[edge.To] = append(e.to[edge.To], n)
		}
	}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			for i := range s.Allow {
				for _, f := range s.Allow[i].From {
					add(Edge{From: f, To: s, Rule: &s.Allow[i]})
				}
			}
		}
		for _, x := range m.Externals {
			for _, f := range x.Callers {
				add(Edge{From: f, External: x})
			}
		}
	}
	return e
}

// From visits the edges of exactly this source, not those of a wider source that includes it.
func (e *Edges) From(s Source) iter.Seq[*Edge] { return e.each(e.from[s]) }

// To visits the edges that lead to a service.
func (e *Edges) To(s *Service) iter.Seq[*Edge] { return e.each(e.to[s]) }

func (e *Edges) each(list []int32) iter.Seq[*Edge] {
	return func(yield func(*Edge) bool) {
		for _, i := range list {
			if !yield(&e.All[i]) {
				return
			}
		}
	}
}

// Callee returns the name of what an edge leads to, with its namespace.
func (e *Edge) Callee() string {
	if e.External != nil {
		return e.External.ID()
	}
	return e.To.ID()
}

// At returns the span of the statement of an edge.
func (e *Edge) At() source.Span {
	if e.Rule != nil {
		return e.Rule.At
	}
	return e.External.At
}

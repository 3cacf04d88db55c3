package lsp

import (
	"context"
	"fmt"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// CodeLens counts what a mesh has, and says of every never, always and only whether it holds.
func (s *server) CodeLens(ctx context.Context, p *protocol.CodeLensParams) ([]protocol.CodeLens, error) {
	v, f := s.view(ctx, p.TextDocument.URI)
	if f == nil || v.tree(f.Name) == nil {
		return nil, nil
	}
	b, err := v.Build(ctx)
	if err != nil {
		return nil, err
	}
	judged := map[source.Span]string{}
	for _, j := range b.Judgements {
		judged[j.Guard.At] = "passed"
		if j.Broken != nil {
			judged[j.Guard.At] = "fails: " + j.Broken.Message
		}
	}
	var all []protocol.CodeLens
	add := func(at source.Span, title string) {
		all = append(all, protocol.CodeLens{Range: rangeOf(at, s.encoding), Command: protocol.Command{Title: title}})
	}
	for _, stmt := range v.tree(f.Name).Stmts {
		switch stmt := stmt.(type) {
		case *lang.Mesh:
			if m := v.index().meshes()[stmt.Name.Text]; m != nil {
				add(stmt.Range, v.counts(m))
			}
		case *lang.Guard:
			text, ok := judged[stmt.Range]
			if !ok {
				text = notJudged(b)
			}
			add(stmt.Range, text)
		}
	}
	return all, nil
}

func notJudged(b *compiler.Build) string {
	if b.Judgeable() {
		return "applies to nothing"
	}
	return "not judged while the project has errors"
}

// counts is such as `3 services, 12 edges from 5 callers, 2 guards`.
func (v *view) counts(m *policy.Mesh) string {
	edges, guards := 0, 0
	callers := map[policy.Source]bool{}
	for _, s := range m.Services {
		for e := range v.Checked().Policy.Edges().To(s) {
			edges++
			callers[e.From] = true
		}
	}
	for _, g := range v.Checked().Policy.Guards {
		for _, s := range g.To {
			if s.Namespace == m.Name {
				guards++
				break
			}
		}
	}
	return fmt.Sprintf("%s, %s from %s, %s", count(len(m.Services), "service"), count(edges, "edge"), count(len(callers), "caller"), count(guards, "guard"))
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

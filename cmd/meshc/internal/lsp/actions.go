package lsp

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// CodeAction is the fixes of the findings in a range, and the statements that an `always` wants.
func (s *server) CodeAction(ctx context.Context, p *protocol.CodeActionParams) (all []protocol.CommandOrCodeAction, err error) {
	v, f := s.view(ctx, p.TextDocument.URI)
	if f == nil {
		return nil, nil
	}
	within := f.Span(offset(f, p.Range.Start, s.encoding), offset(f, p.Range.End, s.encoding))
	found := v.Found() // which are there before a build is
	for i := range found {
		d := &found[i]
		if touches(d.Primary, within) {
			for _, fix := range d.Fixes {
				all = append(all, v.action(d, fix))
			}
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	build, err := v.Build(ctx)
	if err != nil {
		return nil, nil
	}
	for i := range build.Findings {
		d := &build.Findings[i]
		if !touches(d.Primary, within) {
			continue
		}
		for _, fix := range d.Fixes {
			all = append(all, v.action(d, fix))
		}
		if d.Code == diag.AlwaysBroken {
			for _, fix := range v.missing(build, d) {
				all = append(all, v.action(d, fix))
			}
		}
	}
	return all, nil
}

func touches(a, b source.Span) bool { return a.File == b.File && a.Start <= b.End && b.Start <= a.End }

func (v *view) action(d *diag.Diagnostic, fix diag.Fix) *protocol.CodeAction {
	kind := protocol.CodeActionKindQuickFix
	preferred := fix.Safe
	return &protocol.CodeAction{
		Title: fix.Title, Kind: &kind, Edit: v.workspaceEdit(fix.Edits), IsPreferred: &preferred,
		Diagnostics: []protocol.Diagnostic{v.diagnostic(d, d.Primary)},
	}
}

// missing is the ways to let through what a guard demands, each of which was tried.
func (v *view) missing(b *compiler.Build, d *diag.Diagnostic) (fixes []diag.Fix) {
	asking := b.Asking(nil)
	for _, j := range b.Judgements {
		if j.Broken == nil || j.Guard.At.File != d.Primary.File || j.Guard.Kind != policy.Always || !touches(j.Guard.At, d.Primary) {
			continue
		}
		for _, from := range j.Guard.From {
			for _, to := range j.Guard.To {
				queries, err := asking.Queries(from.String(), to.ID())
				if err != nil {
					continue
				}
				for _, q := range queries {
					q.Ops = j.Guard.Ops
					if len(j.Guard.Ports) == 1 {
						q.Port = j.Guard.Ports[0]
					}
					answer, err := asking.Answer(q)
					if err != nil || answer.Verdict == explain.Allowed {
						continue
					}
					for _, way := range answer.Remedy.Ways {
						if fix, ok := v.written(way); ok {
							fixes = append(fixes, fix)
						}
					}
				}
			}
		}
	}
	return fixes
}

// written is a way as a fix: its statements in the sections that they belong to.
func (v *view) written(way explain.Way) (fix diag.Fix, ok bool) {
	if len(way.Narrow)+len(way.Replaced) > 0 || len(way.Write) == 0 {
		return fix, false
	}
	for i := range way.Write {
		s := &way.Write[i]
		tree := v.tree(s.File)
		if tree == nil {
			return fix, false
		}
		statement := compiler.Written(s)
		edit, found := lang.Append(tree, s.Mesh, statement)
		if !found {
			return fix, false
		}
		fix.Edits = append(fix.Edits, edit)
		if i > 0 {
			fix.Title += ", and "
		}
		fix.Title += "write `" + statement + "` in mesh " + s.Mesh
	}
	return fix, true
}

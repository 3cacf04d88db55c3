package accounts

import (
	"context"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/source"
)

// intents is the files of intents of a project while they are edited.
type intents struct {
	files []*lang.File
	edits []diag.Edit
}

func open(inputs []compiler.Input) *intents {
	in := &intents{}
	for _, i := range inputs {
		f, _ := lang.Parse(i.Name, i.Text)
		in.files = append(in.files, f)
	}
	return in
}

// apply returns the files after the edits, those that were formatted formatted anew, and what changed.
func (in *intents) apply() (after []compiler.Input, changed []Change) {
	fixed := diag.ApplyFixes(diag.List{{Fixes: []diag.Fix{{Safe: true, Edits: in.edits}}}})
	for _, f := range in.files {
		name, text := f.Source.Name, f.Source.Text
		if i := slices.IndexFunc(fixed, func(x diag.Fixed) bool { return x.File == f.Source }); i >= 0 {
			text = fixed[i].Text
			if was, err := format.Format(f); err == nil && string(was) == f.Source.Text {
				edited, _ := lang.Parse(name, []byte(text))
				if formatted, err := format.Format(edited); err == nil {
					text = string(formatted)
				}
			}
			changed = append(changed, Change{name, f.Source.Text, text})
		}
		after = append(after, compiler.Input{Name: name, Text: []byte(text)})
	}
	return after, changed
}

// declaration returns the statement that declares the service of a move; nil where only manifests do.
func (in *intents) declaration(m *Move) *lang.Service {
	at := m.Service.At
	for _, f := range in.files {
		if at.File == nil || f.Source.Name != at.File.Name {
			continue
		}
		for _, s := range f.Stmts {
			if d, ok := s.(*lang.Service); ok && d.Name.Range.Start == at.Start && d.Name.Text == m.Service.Name {
				return d
			}
		}
	}
	return nil
}

// admit plans the step that lets both accounts in. It returns the files after it.
func (p *planner) admit(ctx context.Context) ([]compiler.Input, error) {
	in := open(p.of.Files)
	var undeclared []*Move
	for _, m := range p.Moves {
		if m.Admitted {
			continue
		}
		to := lang.Name{Text: m.To}.Written() + " was " + lang.Name{Text: m.Service.Account}.Written()
		switch d := in.declaration(m); {
		case d == nil:
			undeclared = append(undeclared, m)
		case len(d.Accounts) > 0:
			in.edits = append(in.edits, diag.Edit{Span: d.Accounts[0].Range, New: to})
		default:
			in.edits = append(in.edits, diag.Edit{Span: after(d.Name.Range), New: " account " + to})
		}
	}
	in.declare(undeclared)
	files, changed := in.apply()
	blocked, err := p.build(ctx, files, p.of.Workloads)
	p.Admit = Intents{changed, blocked}
	return files, err
}

// retire plans the step that deletes the earlier accounts. What it leads to is judged if all workloads could be moved.
func (p *planner) retire(ctx context.Context, admitted []compiler.Input, moved []inventory.Input) error {
	in := open(admitted)
	moving := map[string]*Move{}
	for _, m := range p.Moves {
		moving[m.Service.ID()] = m
	}
	for _, f := range in.files {
		section := ""
		for _, s := range f.Stmts {
			switch s := s.(type) {
			case *lang.Mesh:
				section = s.Name.Text
			case *lang.Service:
				for _, was := range s.Was {
					if m := moving[section+"/"+s.Name.Text]; m != nil && slices.Contains(m.From, was.Text) {
						in.edits = append(in.edits, diag.Edit{Span: clause(was.Range), New: ""})
					}
				}
			}
		}
	}
	files, changed := in.apply()
	p.Retire.Files = changed
	if moved == nil {
		return nil
	}
	blocked, err := p.build(ctx, files, moved)
	p.Retire.Blocked = blocked
	return err
}

// clause is the span of `was ACCOUNT`, with the space before it.
func clause(account source.Span) source.Span {
	before := account.File.Text[:account.Start]
	before = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(before, " \t"), "was"), " \t")
	return account.File.Span(len(before), int(account.End))
}

// build returns the errors of the project with other files.
func (p *planner) build(ctx context.Context, files []compiler.Input, workloads []inventory.Input) (diag.List, error) {
	inputs := p.of.Inputs
	inputs.Files, inputs.Workloads = files, workloads
	parsed, err := compiler.Parse(ctx, inputs)
	if err != nil {
		return nil, err
	}
	b, err := parsed.Build(ctx, p.settings)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(b.Findings, func(d diag.Diagnostic) bool { return d.Severity != diag.Error }), nil
}

// declare adds statements for services that only manifests declare: behind the last service of a section of their mesh,
// or in a section at the end of the last file.
func (in *intents) declare(undeclared []*Move) {
	byMesh := map[string][]string{}
	var meshes []string
	for _, m := range undeclared {
		statement := format.Statement(&lang.Service{
			Name:     lang.Name{Text: m.Service.Name},
			Accounts: []lang.Name{{Text: m.To}},
			Was:      []lang.Name{{Text: m.Service.Account}},
		})
		mesh := m.Service.Namespace
		if byMesh[mesh] == nil {
			meshes = append(meshes, mesh)
		}
		byMesh[mesh] = append(byMesh[mesh], statement)
	}
	rest := ""
	for _, mesh := range meshes {
		if at := in.place(mesh); !at.IsZero() {
			in.edits = append(in.edits, inserted(at, byMesh[mesh]))
			continue
		}
		rest += "\nmesh " + lang.Name{Text: mesh}.Written() + "\n" + strings.Join(byMesh[mesh], "\n") + "\n"
	}
	if rest != "" && len(in.files) > 0 {
		f := in.files[len(in.files)-1].Source
		if !strings.HasSuffix(f.Text, "\n") {
			rest = "\n" + rest
		}
		in.edits = append(in.edits, diag.Edit{Span: f.Span(len(f.Text), len(f.Text)), New: rest})
	}
}

// place returns the statement behind which a service of a mesh is declared; zero if the mesh has no section.
func (in *intents) place(mesh string) (at source.Span) {
	for _, f := range in.files {
		inside := false
		for _, s := range f.Stmts {
			switch s := s.(type) {
			case *lang.Mesh:
				if !at.IsZero() {
					return at
				}
				if inside = s.Name.Text == mesh; inside {
					at = s.Range
				}
			case *lang.Service:
				if inside {
					at = s.Range
				}
			}
		}
		if !at.IsZero() {
			return at
		}
	}
	return at
}

// inserted is the edit that adds statements behind another: on lines of their own, unless more follows on its line.
func inserted(at source.Span, statements []string) diag.Edit {
	text := at.File.Text[at.End:]
	line, _, _ := strings.Cut(text, "\n")
	if code, _, _ := strings.Cut(line, "#"); strings.Contains(code, ";") {
		return diag.Edit{Span: after(at), New: "; " + strings.Join(statements, "; ")}
	}
	end, eol := int(at.End)+len(line), "\n"
	if strings.HasSuffix(line, "\r") {
		end, eol = end-1, "\r\n"
	}
	return diag.Edit{Span: at.File.Span(end, end), New: eol + strings.Join(statements, eol)}
}

// after is the empty span after a span.
func after(at source.Span) source.Span { return at.File.Span(int(at.End), int(at.End)) }

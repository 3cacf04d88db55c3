package compiler

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/format"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// mostDenies bounds the denies that a query is let through of.
const mostDenies = 16

// try tries a way of a remedy. What denies the query is narrowed to all but the query, and so is what denies it then.
// Where no statements say that, nothing is offered.
func (b *Build) try(q explain.Query, w explain.Way) (t explain.Trial, err error) {
	for range mostDenies {
		instead, ok := b.narrowed(w.Narrow, &q)
		if t, err = b.attempt(q, w, instead); err != nil {

			return t, err
		}
		t.Narrow, t.Instead, t.Exceeds = w.Narrow, instead, t.Exceeds || !ok
		if len(t.Denied) == 0 {
			break
		}
		w.Narrow = slices.Concat(w.Narrow, t.Denied)
	}
	return t, nil
}

// attempt writes a way of a remedy into the project and asks again: it checks the whole project, and emits and judges
// the meshes that the query is about. The build itself stays as it is.
func (b *Build) attempt(q explain.Query, w explain.Way, instead [][]explain.Text) (t explain.Trial, err error) {
	edited := &Parsed{Inputs: b.parsed.Inputs, Inventory: b.parsed.Inventory, syntax: b.parsed.syntax, manifests: b.parsed.manifests}
	texts := newEdit(b.parsed.files)
	for _, at := range w.Narrow {
		texts.remove(at)
	}
	for _, all := range instead {
		for _, one := range all {
			texts.write(one)
		}
	}
	for i := range w.Write {
		if s := &w.Write[i]; s.Kind == explain.Mode {
			t.Replaced = append(t.Replaced, texts.removeMode(s)...)
		}
	}
	for i := range w.Write {
		texts.add(&w.Write[i])
	}
	var syntax diag.List
	edited.files, syntax = texts.files()
	edited.syntax = slices.Concat(edited.syntax, syntax)
	checked, findings := edited.policy(b.config)
	if findings.HasErrors() {
		return explain.Trial{Refused: errorsOf(findings)}, nil
	}
	around := reduced(checked, &q)
	all, _ := Targets(b.config, edited.WithNamespaces)
	var beside *network.Network
	if b.Model != nil && b.Model.Network != nil {
		beside, _ = edited.networkOf(around, all)
	}
	for _, target := range all {
		target, ok := target.(targets.Mesh)
		if !ok {
			continue
		}
		manifests, cannot := target.Emit(around)
		if cannot = cannot.Apply(b.config.Warnings); cannot.HasErrors() {
			return explain.Trial{Refused: errorsOf(cannot)}, nil
		}
		settings := model.MeshSettings(around)
		settings.Aside = b.Model.Manifests.Mesh.Aside
		layer, found := target.Read(Sources(manifests), settings)
		if found.HasErrors() {
			return t, &InternalError{found.Err()}
		}
		after := model.New(around, layer.With(b.accepted))
		after.Network = beside
		asked := translate(q, around)
		e, err := explain.Explain(after, asked, explain.Options{Sidecars: hasSidecars(manifests)})
		if err != nil {
			return t, err
		}
		if t.Allows = e.Allows(); !t.Allows && e.Shut() != nil {
			after.Network = nil
			alone, err := explain.Explain(after, asked, explain.Options{Sidecars: hasSidecars(manifests)})
			if err != nil {
				return t, err
			}
			if alone.Allows() {
				t.Shut = e.Shut()
			}
		}
		switch {
		case asked.To == nil:
		case t.Allows:
			if t.Exceeds, err = w.Exceeds(b.Model, after, &asked); err != nil {
				return t, err
			}
			if t.Breaks, err = b.breaks(&q, &asked, &w, after, t.Exceeds); err != nil {
				return t, err
			}
		default:
			for _, at := range e.Denying() {
				if deny, _ := b.denyAt(at); deny != nil && !slices.Contains(w.Narrow, deny.Span()) {
					t.Denied = append(t.Denied, deny.Span())
				}
			}
		}
	}
	return t, nil
}

func errorsOf(all diag.List) diag.List {
	return slices.DeleteFunc(slices.Clone(all), func(d diag.Diagnostic) bool { return d.Severity != diag.Error })
}

func hasSidecars(manifests []targets.Manifest) bool {
	return slices.ContainsFunc(manifests, func(m targets.Manifest) bool { return m.Kind == "Sidecar" })
}

// reduced is a policy with only those meshes that decide about a query.
func reduced(p *policy.Policy, q *explain.Query) *policy.Policy {
	namespaces := []string{p.RootNamespace, q.From.Mesh}
	if q.From.Kind == policy.FromService {
		namespaces = append(namespaces, q.From.Service.Namespace)
	}
	if q.External != nil {
		namespaces = append(namespaces, q.External.Namespace)
	} else {
		namespaces = append(namespaces, q.To.Namespace)
	}
	out := &policy.Policy{TrustDomain: p.TrustDomain, Previous: p.Previous, Elsewhere: p.Elsewhere, RootNamespace: p.RootNamespace, Environment: p.Environment, DryRun: p.DryRun, Meshless: p.Meshless, Mode: p.Mode, ModeAt: p.ModeAt, ClosedAt: p.ClosedAt, Guards: p.Guards}
	for _, m := range p.Meshes {
		if slices.Contains(namespaces, m.Name) {
			out.Meshes = append(out.Meshes, m)
		}
	}
	return out
}

// translate is a query about the same names of another policy.
func translate(q explain.Query, p *policy.Policy) explain.Query {
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			if from := q.From.Service; from != nil && from.ID() == s.ID() {
				q.From.Service = s
			}
			if q.To != nil && q.To.ID() == s.ID() {
				q.To = s
			}
		}
		for _, x := range m.Externals {
			if q.External != nil && q.External.Namespace == m.Name && q.External.Name == x.Name {
				q.External = x
			}
		}
	}
	return q
}

// breaks is the guards that a way breaks which allows a query: each holds before, and not afterwards. Where others than
// the query are let through too, guards count for the query alone.
func (b *Build) breaks(q, asked *explain.Query, w *explain.Way, after *model.Model, exceeds bool) (breaks []source.Span, err error) {
	guards := after.Policy.Guards
	for i, g := range b.Policy.Guards {
		var broken bool
		switch {
		case g.Kind == policy.Never && g.Transitive:
			last, err := after.CallersOf(asked.To, &g.Requests)
			if err != nil {
				return nil, err
			}
			callers := [][2]policy.Source{{q.From, asked.From}}
			if world := (policy.Source{Kind: policy.FromWorld}); w.Everyone() {
				callers = append(callers, [2]policy.Source{world, world})
			}
			for _, from := range callers {
				closes, err := b.Model.ClosesChain(g, from[0], q.To, last.Admits(after, from[1]))
				if err != nil {
					return nil, err
				}
				broken = broken || closes
			}
		case slices.Contains(g.To, q.To):
			about := [][2]*policy.Guard{{forQuery(g, q), forQuery(guards[i], asked)}}
			if !exceeds {
				about = append(about, [2]*policy.Guard{forCallee(g, q.To), forCallee(guards[i], asked.To)})
			}
			for _, one := range about {
				if one[0] == nil {
					continue
				}
				before, err := b.Model.Breaks(one[0])
				if err == nil && !before {
					before, err = after.Breaks(one[1])
					broken = broken || before
				}
				if err != nil {
					return nil, err
				}
			}
		}
		if broken && !slices.Contains(breaks, g.At) {
			breaks = append(breaks, g.At)
		}
	}
	return breaks, nil
}

// forCallee is a guard about one of its callees alone.
func forCallee(g *policy.Guard, s *policy.Service) *policy.Guard {
	one := *g
	one.To = []*policy.Service{s}
	return &one
}

// forQuery is what a guard forbids of a query, as a never; nil where that is nothing.
func forQuery(g *policy.Guard, q *explain.Query) *policy.Guard {
	one := forCallee(g, q.To)
	switch {
	case g.Kind == policy.Always:
		return nil
	case g.Kind == policy.Only:
		one.Except = slices.Concat(g.From, g.Except)
	case !policy.Includes(g.From, q.From):
		return nil
	}
	one.Kind, one.From = policy.Never, []policy.Source{q.From}
	if q.Port != 0 {
		if len(g.Ports) > 0 && !slices.Contains(g.Ports, q.Port) {
			return nil
		}
		one.Ports = []uint16{q.Port}
	}
	if len(g.Ops) == 0 {
		one.Ops = q.Ops
	}
	return one
}

// edit is files of intents in which statements are taken out and added. Everything else stays at its place.
type edit struct {
	parsed []*lang.File
	texts  map[string]string // of the files that change, by name
}

func newEdit(parsed []*lang.File) *edit { return &edit{parsed, map[string]string{}} }

func (e *edit) text(name string) string {
	if text, ok := e.texts[name]; ok {
		return text
	}
	for _, f := range e.parsed {
		if f.Source.Name == name {
			return f.Source.Text
		}
	}
	return ""
}

// remove blanks out a statement.
func (e *edit) remove(at source.Span) {
	text := e.text(at.File.Name)
	e.texts[at.File.Name] = text[:at.Start] + strings.Repeat(" ", int(at.End-at.Start)) + text[at.End:]
}

// removeMode blanks out the mtls statement that a new one takes the place of, and returns its span.
func (e *edit) removeMode(s *explain.Statement) []source.Span {
	want := tree(s).(*lang.MTLS).Targets[0]
	for _, f := range e.parsed {
		mesh := ""
		for _, stmt := range f.Stmts {
			switch stmt := stmt.(type) {
			case *lang.Mesh:
				mesh = stmt.Name.Text
			case *lang.MTLS:
				if mesh == s.Mesh && len(stmt.Targets) == 1 && stmt.Targets[0].Name.Text == want.Name.Text && stmt.Targets[0].Port.Text == want.Port.Text {
					e.remove(stmt.Range)
					return []source.Span{stmt.Range}
				}
			}
		}
	}
	return nil
}

// add writes a statement at the end of its file, in a section of its mesh.
func (e *edit) add(s *explain.Statement) {
	e.write(explain.Text{Mesh: s.Mesh, File: s.File, Text: Written(s)})
}

func (e *edit) write(t explain.Text) {
	section := format.Statement(&lang.Mesh{Name: lang.Name{Text: t.Mesh}})
	e.texts[t.File] = e.text(t.File) + "\n" + section + "\n" + t.Text + "\n"
}

// files is all files with their changes, and the syntax errors of those that changed.
func (e *edit) files() (files []*lang.File, syntax diag.List) {
	files = slices.Clone(e.parsed)
	for _, name := range slices.Sorted(maps.Keys(e.texts)) {
		f, found := lang.Parse(name, []byte(e.texts[name]))
		syntax = append(syntax, found...)
		i := slices.IndexFunc(files, func(f *lang.File) bool { return f.Source.Name == name })
		if i < 0 {
			files = append(files, f)
		} else {
			files[i] = f
		}
	}
	return files, syntax
}

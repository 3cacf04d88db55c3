// Package playground serves a page that keeps a project in text fields instead of files: findings, manifests, the
// picture, and why one service may or may not call another.
package playground

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/meshc/meshc/cmd/meshc/internal/graph"
	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// Request is what the page has.
type Request struct {
	Files map[string]string `json:"files"` // intents, manifests and meshc.yaml, by their names
	Why   []string          `json:"why"`   // a query in the words of `meshc why`; may be empty
}

// Response is what the page shows.
type Response struct {
	Findings  []Finding `json:"findings"`
	Manifests string    `json:"manifests"` // one YAML stream; empty where a finding is an error
	Graph     string    `json:"graph"`     // SVG
	Why       string    `json:"why"`
	Failure   string    `json:"failure,omitempty"` // a bug in meshc
}

// Finding is a finding with places in UTF-16 units from the start of the file, as editors in browsers count.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Help     string `json:"help,omitempty"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	From     int    `json:"from"`
	To       int    `json:"to"`
	Fixes    []Fix  `json:"fixes,omitempty"`
}

// Fix is a change that resolves a finding.
type Fix struct {
	Title string `json:"title"`
	Edits []Edit `json:"edits"`
}

// Edit replaces a part of a file.
type Edit struct {
	File string `json:"file"`
	From int    `json:"from"`
	To   int    `json:"to"`
	Text string `json:"text"`
}

// Page is a page that asks again and again, mostly about a project of which one file has changed.
type Page struct {
	parsed *compiler.Parsed // of the last question
}

// Answer answers a Request in JSON with a Response in JSON, whatever happens.
func (p *Page) Answer(ctx context.Context, request []byte) (response []byte) {
	defer func() {
		if trouble := recover(); trouble != nil {
			response, _ = json.Marshal(Response{Findings: []Finding{}, Failure: fmt.Sprintf("%v\n%s", trouble, debug.Stack())})
		}
	}()
	var q Request
	if err := json.Unmarshal(request, &q); err != nil {
		panic(err)
	}
	response, err := json.Marshal(p.answer(ctx, q))
	if err != nil {
		panic(err)
	}
	return response
}

func (p *Page) answer(ctx context.Context, q Request) Response {
	out := Response{Findings: []Finding{}}
	in := compiler.Inputs{Config: config.Default(), Today: time.Now().UTC().Truncate(24 * time.Hour)}
	var found diag.List
	if text, has := q.Files[project.ConfigName]; has {
		in.Config, found = config.Parse(source.NewFile(project.ConfigName, text))
	}
	_, wrong := compiler.Targets(in.Config, false)
	found = append(found, wrong...)
	if !found.HasErrors() {
		var missing diag.List
		in.Files, in.Workloads, missing = project.Texts(in.Config, q.Files)
		found = append(found, missing...)
		p.build(ctx, in, q.Why, &out, &found)
	}
	for _, d := range found.Sort() {
		out.Findings = append(out.Findings, findingOf(&d))
	}
	return out
}

func (p *Page) build(ctx context.Context, in compiler.Inputs, why []string, out *Response, found *diag.List) {
	if p.parsed == nil {
		p.parsed = new(compiler.Parsed)
	}
	parsed, err := p.parsed.Reparse(ctx, in)
	if err != nil {
		panic(err)
	}
	p.parsed = parsed
	b, err := parsed.Build(ctx, in.Config)
	if err != nil {
		out.Failure = err.Error()
		return
	}
	*found = append(*found, b.Findings...)
	if !b.Judgeable() {
		return
	}
	if !b.Findings.HasErrors() {
		out.Manifests = string(targets.Stream(b.Manifests))
	}
	if len(why) > 1 {
		out.Why = explained(b, why)
	}
	out.Graph = string(graph.SVG(graph.New(b.Policy, b.Model.Network)))
}

// explained says whether one service may call another, by what, and which statements would let it.
func explained(b *compiler.Build, words []string) string {
	answers, err := b.Explain(words...)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	for _, a := range answers {
		fmt.Fprintf(&out, "%s: %s\n", a.Query.String(), a.Verdict)
		for _, line := range reasons(a) {
			fmt.Fprintf(&out, "  %s\n", line)
		}
		for i, w := range a.Remedy.Ways {
			lead := "to allow it, "
			if i > 0 {
				lead = "or "
			}
			for j, at := range w.Narrow {
				fmt.Fprintf(&out, "  %sin place of: %s\n", lead, lang.OneLine(at.Text()))
				for _, one := range w.Instead[j] {
					fmt.Fprintf(&out, "    in mesh %s: %s\n", one.Mesh, one.Text)
				}
				lead = "and "
			}
			for j := range w.Write {
				s := &w.Write[j]
				fmt.Fprintf(&out, "  %swrite in mesh %s: %s\n", lead, s.Mesh, compiler.Written(s))
				lead = "and "
			}
		}
		for _, at := range a.Remedy.Breaks {
			fmt.Fprintf(&out, "  it cannot be allowed without breaking: %s\n", lang.OneLine(at.Text()))
		}
		for _, at := range a.Remedy.Whole {
			fmt.Fprintf(&out, "  this cannot be written so that it denies all but this: %s\n", lang.OneLine(at.Text()))
		}
		if refused := a.Remedy.Refused; len(refused) > 0 {
			fmt.Fprintf(&out, "  an edge for it, as asked, is refused: %s [%s]\n", refused[0].Message, refused[0].Code)
		}
	}
	return out.String()
}

func reasons(a *explain.Explanation) (all []string) {
	if a.Answer == nil {
		return nil
	}
	for _, p := range a.Answer.Ports {
		for _, c := range p.Callers {
			for _, k := range c.Cases {
				line := "no rule lets it in"
				switch {
				case k.Policy == nil:
				case k.Rule < 0:
					line = fmt.Sprintf("no rule of %s %s lets it in", k.Policy.Kind, k.Policy.ID())
				default:
					line = fmt.Sprintf("by %s %s, rule %d", k.Policy.Kind, k.Policy.ID(), k.Rule)
				}
				for _, at := range k.Intents {
					line += fmt.Sprintf(" (%s:%d)", at.File.Name, at.StartPosition().Line)
				}
				if !slices.Contains(all, line) {
					all = append(all, line)
				}
			}
		}
	}
	return all
}

func findingOf(d *diag.Diagnostic) Finding {
	f := Finding{Code: string(d.Code), Severity: d.Severity.String(), Message: d.Message, Help: d.Help, Line: 1}
	if !d.Primary.IsZero() {
		f.File, f.Line = d.Primary.File.Name, d.Primary.StartPosition().Line
		f.From, f.To = units(d.Primary)
	}
	for _, fix := range d.Fixes {
		one := Fix{Title: fix.Title}
		for _, e := range fix.Edits {
			from, to := units(e.Span)
			one.Edits = append(one.Edits, Edit{e.Span.File.Name, from, to, e.New})
		}
		f.Fixes = append(f.Fixes, one)
	}
	return f
}

func units(s source.Span) (from, to int) {
	from = len(utf16.Encode([]rune(s.File.Text[:s.Start])))
	return from, from + len(utf16.Encode([]rune(s.Text())))
}

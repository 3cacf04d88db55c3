package lsp

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
)

// Hover tells of the name, or of the edge, at a position, and explains the findings there.
func (s *server) Hover(ctx context.Context, p *protocol.HoverParams) (*protocol.Hover, error) {
	at, ok := s.place(ctx, p.TextDocument.URI, p.Position)
	if !ok {
		return nil, nil
	}
	var parts []string
	var shown *protocol.Range
	if at.inSettings() {
		parts = append(parts, at.describeSettings())
	}
	newest := at
	at = newest.in(newest.workspace.known(newest.view))
	if n, ok := at.index().at(at.file, at.offset); ok {
		r := at.shown(n.at)
		parts, shown = append(parts, at.describe(n.of)), &r
	} else if _, ok := newest.statement().(*lang.Edge); ok {
		built := newest.in(newest.workspace.proved(newest.view))
		if e, ok := built.statement().(*lang.Edge); ok {
			if text := built.enforced(ctx, e); text != "" {
				r := built.shown(e.Range)
				parts, shown = append(parts, text), &r
			}
		}
	}
	for _, d := range at.Checked().Findings {
		if d.Primary.File == at.file && int(d.Primary.Start) <= at.offset && at.offset <= int(d.Primary.End) {
			if e := diag.Explain(d.Code); e != nil {
				parts = append(parts, fmt.Sprintf("**%s**: %s", d.Code, e.Explanation().Text))
			}
		}
	}
	parts = slices.DeleteFunc(parts, func(t string) bool { return t == "" })
	if len(parts) == 0 {
		return nil, nil
	}
	return &protocol.Hover{Contents: &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: strings.Join(parts, "\n\n---\n\n")}, Range: shown}, nil
}

// describe tells of what a name stands for.
func (v *view) describe(of symbol) string {
	x := v.index()
	switch of.kind {
	case check.ServiceName:
		if s := x.services()[of]; s != nil {
			return v.describeService(s)
		}
	case check.ExternalName:
		if e := x.externals()[of]; e != nil {
			text := fmt.Sprintf("**external** `%s/%s`\n\n%s", e.Namespace, e.Name, code(e.Hosts))
			for _, p := range e.Ports {
				text += fmt.Sprintf(" · port `%d %s`", p.Number, p.Protocol)
			}
			return text + listOf("Called by", sources(e.Callers))
		}
	case check.MeshName:
		if m := x.meshes()[of.name]; m != nil {
			text := fmt.Sprintf("**mesh** `%s`\n\n%d services", m.Name, len(m.Services))
			if m.Mode != policy.ModeUnset {
				text += " · mutual TLS " + m.Mode.String()
			}
			return text
		}
	case check.GroupName:
		if m := x.meshes()[of.namespace]; m != nil {
			for _, g := range m.Groups {
				if g.Name == of.name {
					var names []string
					for _, s := range g.Members {
						names = append(names, s.ID())
					}
					return fmt.Sprintf("**group** `%s/%s`", m.Name, g.Name) + listOf("Members", names)
				}
			}
		}
	case check.AccountName:
		var users []string
		for _, s := range x.services() {
			if s.Namespace == of.namespace && s.RunsAs(of.name) {
				users = append(users, s.ID())
			}
		}
		slices.Sort(users)
		return fmt.Sprintf("**account** `%s/%s`", of.namespace, of.name) + listOf("Runs", users)
	}
	return ""
}

func (v *view) describeService(s *policy.Service) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**service** `%s`\n\n", s.ID())
	var facts []string
	if s.Account != "" {
		facts = append(facts, "account `"+s.Account+"`")
	}
	for _, l := range s.Labels {
		facts = append(facts, "label `"+l.Key+"="+l.Value+"`")
	}
	for _, p := range s.Ports {
		facts = append(facts, "port `"+strings.TrimSpace(fmt.Sprintf("%d %s", p.Number, p.Protocol))+"`")
	}
	facts = append(facts, dataplanes[s.Dataplane])
	if m := v.index().meshes()[s.Namespace]; m != nil && s.Proxied() && !v.Checked().Policy.Meshless {
		facts = append(facts, "mutual TLS "+v.Checked().Policy.ModeOf(m, s, 0).String())
	}
	b.WriteString(strings.Join(facts, " · "))
	edges := v.Checked().Policy.Edges()
	var callers, callees []string
	for e := range edges.To(s) {
		callers = append(callers, e.From.String())
	}
	for e := range edges.From(policy.Source{Service: s}) {
		if e.To != nil {
			callees = append(callees, e.To.ID())
		} else {
			callees = append(callees, e.External.Namespace+"/"+e.External.Name)
		}
	}
	b.WriteString(listOf("Called by", callers) + listOf("Calls", callees))
	var workloads []string
	for _, w := range v.index().workloads(s) {
		workloads = append(workloads, fmt.Sprintf("%s %s (%s:%d)", w.Kind, w.Object, w.At.File.Name, w.At.StartPosition().Line))
	}
	b.WriteString(listOf("Runs as", workloads))
	return b.String()
}

var dataplanes = [...]string{
	policy.Sidecar: "sidecar", policy.Ambient: "ambient mode", policy.NoProxy: "no proxy", policy.Gateway: "gateway",
	policy.Unjudged: "a proxy that is not judged", policy.Proxyless: "no proxy but a library",
}

func sources(all []policy.Source) (names []string) {
	for _, s := range all {
		names = append(names, s.String())
	}
	return names
}

// listed is how many names of a list a hover shows.
const listed = 12

func listOf(title string, names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return ""
	}
	more := ""
	if n := len(names) - listed; n > 0 {
		names, more = names[:listed], fmt.Sprintf(" and %d more", n)
	}
	return "\n\n" + title + ": " + code(names) + more
}

func code(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// enforced tells by which policies and rules the calls of an edge are let through.
func (v *view) enforced(ctx context.Context, e *lang.Edge) string {
	b, err := v.Build(ctx)
	if err != nil || !b.Judgeable() {
		return ""
	}
	var lines []string
	asking := b.Asking(nil)
	for edge := range slices.Values(b.Policy.Edges().All) {
		if edge.At().File != e.Range.File || edge.At().Start < e.Range.Start || edge.At().End > e.Range.End {
			continue
		}
		if edge.To == nil {
			lines = append(lines, fmt.Sprintf("`%s` may call the external `%s`", edge.From, edge.External.Name))
		} else if by := enforcers(asking, &edge); by != "" {
			lines = append(lines, fmt.Sprintf("`%s` may call `%s`: %s", edge.From, edge.To.ID(), by))
		}
		if len(lines) == listed {
			break
		}
	}
	return strings.Join(lines, "\n\n")
}

// enforcers is the policies and rules that let an edge through, as in `AuthorizationPolicy shop/db-ingress, rule 0`.
func enforcers(asking interface {
	Judge(explain.Query) (*explain.Explanation, error)
	Queries(...string) ([]explain.Query, error)
}, edge *policy.Edge) string {
	queries, err := asking.Queries(edge.From.String(), edge.To.ID())
	if err != nil {
		return ""
	}
	var all []string
	for _, q := range queries {
		answer, err := asking.Judge(q)
		if err != nil || answer.Answer == nil {
			continue
		}
		for _, p := range answer.Answer.Ports {
			for _, c := range p.Callers {
				for _, k := range c.Cases {
					if k.Policy == nil || k.Verdict != enforce.Allowed {
						continue
					}
					if text := k.Policy.Kind + " `" + k.Policy.ID() + "`, rule " + strconv.Itoa(k.Rule); !slices.Contains(all, text) {
						all = append(all, text)
					}
				}
			}
		}
	}
	return strings.Join(all, "; ")
}

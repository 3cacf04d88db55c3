package read

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// once settles what is in force of objects with several manifests. A cluster keeps the one that is applied last. That
// makes no difference if all ask for the same, however they are written. Otherwise the manifests do not say which one
// it is: the first is kept, and its effect counts as unknown.
func (r *reader) once() {
	var disputed []*enforce.Object
	for _, p := range r.policies {
		others := r.again[p]
		if slices.ContainsFunc(others, func(q *enforce.Object) bool { return !enforce.Same(p, q) && p.Canonical() != q.Canonical() }) {
			disputed = append(disputed, p)
			continue
		}
		for _, q := range others {
			if q.Created.After(p.Created) {
				p.Created = q.Created
			}
			r.findings.Add(diag.Ineffective, q.At, "the second manifest of the %s %s has no effect: it says the same", p.Kind, p.ID()).
				WithRelated(p.At, "the first one").
				WithHelp("remove one of them")
		}
	}
	if len(disputed) == 0 {
		return
	}
	contents := r.contents(disputed)
	for _, p := range disputed {
		said := []string{contents[p.At]}
		for _, q := range r.again[p] {
			said = append(said, contents[q.At])
			if q.Gateways != p.Gateways || !slices.Equal(q.Selector, p.Selector) || !slices.Equal(q.Targets, p.Targets) {
				p.Selector, p.Added, p.Gateways, p.Targets = nil, nil, false, nil // it may bind any pods of its namespace
			}
			r.findings.Add(diag.Unevaluable, q.At, "two manifests of the %s %s: a cluster keeps the one that is applied last", p.Kind, p.ID()).
				WithRelated(p.At, "the other one").
				WithHelp("remove one of them")
		}
		slices.Sort(said)
		p.Broken, p.AnyEffect, p.Disputed, p.Refusal = true, true, true, ""
		p.Document, p.Content = source.Span{}, strings.Join(slices.Compact(said), " and ")
	}
}

// contents is what all manifests of some objects say, by the places of their names. Their files are read once more,
// since so few are asked for.
func (r *reader) contents(objects []*enforce.Object) map[source.Span]string {
	all := map[source.Span]string{}
	var files []*source.File
	want := func(p *enforce.Object) {
		if all[p.At] = ""; !slices.Contains(files, p.At.File) {
			files = append(files, p.At.File)
		}
	}
	for _, p := range objects {
		want(p)
		for _, q := range r.again[p] {
			want(q)
		}
	}
	d := &decoder{tree: &tree{}}
	var visit func(n int32)
	visit = func(n int32) {
		if name := d.at(d.at(n, "metadata"), "name"); name != 0 {
			if _, wanted := all[d.span(name)]; wanted {
				all[d.span(name)] = d.content(n)
			}
		}
		for c := d.Nodes[d.at(n, "items")].First; c != 0; c = d.Nodes[c].Next {
			visit(c)
		}
	}
	for _, f := range files {
		d.documents(f, func(bad *fault) {
			if bad == nil {
				visit(1)
			}
		})
	}
	return all
}

package compiler

import (
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/directory"
)

// Asking answers questions about who may call whom, by the manifests of a build or by deployed ones.
type Asking struct {
	Model   *model.Model
	names   explain.Names
	options explain.Options
}

// Asking answers questions by the manifests of a build, which must be Judgeable. The directory knows addresses and
// pods; it may be nil. What an answer offers as a remedy has been checked and judged.
func (b *Build) Asking(pods *directory.Directory) *Asking {
	a := &Asking{b.Model, explain.Names{Directory: pods}, explain.Options{Sidecars: hasSidecars(b.Manifests), Try: b.try}}
	if b.Policy.DryRun {
		a.options.Notes = []explain.Note{explain.DryRun{Environment: b.Policy.Environment}}
	}
	return a
}

// Asking answers questions by deployed manifests. A caller may also be an account that nothing names, as
// NAMESPACE/ACCOUNT.
func (d *Deployed) Asking(pods *directory.Directory) *Asking {
	a := &Asking{d.Model, explain.Names{Accounts: true, Directory: pods}, explain.Options{Assumed: d.Assumptions}}
	if d.Workloads != nil {
		a.names.Workloads = true
		a.options.Workloads, a.options.Unread = true, d.Workloads.Unread.RunsAs
	}
	return a
}

// Explain answers why one workload may or may not call another, by the manifests of a build. The query is the words of
// the command line, SRC DST[:PORT] [METHOD] [PATH], such as "frontend", "db:5432". There is one answer for each pair of
// services, so several if a name is that of a group. The error is an *explain.QueryError if the query has no meaning.
func (b *Build) Explain(query ...string) ([]*explain.Explanation, error) {
	return b.Asking(nil).Explain(query...)
}

// Explain answers the same question by deployed manifests.
func (d *Deployed) Explain(query ...string) ([]*explain.Explanation, error) {
	return d.Asking(nil).Explain(query...)
}

// Explain answers a query in the words of the command line.
func (a *Asking) Explain(words ...string) ([]*explain.Explanation, error) {
	queries, err := a.Queries(words...)
	if err != nil {
		return nil, err
	}
	all := make([]*explain.Explanation, len(queries))
	for i, q := range queries {
		if all[i], err = a.Answer(q); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Queries reads a query in the words of the command line. The error is an *explain.QueryError if it has no meaning.
func (a *Asking) Queries(words ...string) ([]explain.Query, error) {
	return explain.Parse(a.Model.Policy, words, a.names)
}

// Directory returns the pods that are known; nil where none are.
func (a *Asking) Directory() *directory.Directory { return a.names.Directory }

// Answer answers a query.
func (a *Asking) Answer(q explain.Query) (*explain.Explanation, error) {
	return explain.Explain(a.Model, q, a.options)
}

// Judge is Answer without a remedy, which takes longer than everything else.
func (a *Asking) Judge(q explain.Query) (*explain.Explanation, error) {
	o := a.options
	o.Try = nil
	return explain.Explain(a.Model, q, o)
}

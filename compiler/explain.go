package compiler

import (
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/model"
)

// Explain answers why one workload may or may not call another, by the manifests of a build. The query is the words of the
// command line, SRC DST[:PORT] [METHOD] [PATH], such as "frontend", "db:5432". There is one answer for each pair of services,
// so several if a name is that of a group. The build must be Judgeable; the error is an *explain.QueryError if the query has
// no meaning. What an answer offers as a remedy has been checked and judged.
func (b *Build) Explain(query ...string) ([]*explain.Explanation, error) {
	o := explain.Options{Sidecars: hasSidecars(b.Manifests), Try: b.try}
	if b.Policy.DryRun {
		o.Notes = []explain.Note{explain.DryRun{Environment: b.Policy.Environment}}
	}
	return explainAll(b.Model, query, o)
}

// Explain answers the same question by deployed manifests. The caller may also be an account that nothing names, as
// NAMESPACE/ACCOUNT.
func (d *Deployed) Explain(query ...string) ([]*explain.Explanation, error) {
	o := explain.Options{Assumed: d.Assumptions}
	if d.Workloads != nil {
		o.Workloads, o.Unread = true, d.Workloads.Unread.RunsAs
	}
	return explainAll(d.Model, query, o)
}

func explainAll(m *model.Model, words []string, o explain.Options) ([]*explain.Explanation, error) {
	queries, err := explain.Parse(m.Policy, words, explain.Names{Accounts: o.Try == nil, Workloads: o.Workloads})
	if err != nil {
		return nil, err
	}
	all := make([]*explain.Explanation, len(queries))
	for i, q := range queries {
		if all[i], err = explain.Explain(m, q, o); err != nil {
			return nil, err
		}
	}
	return all, nil
}

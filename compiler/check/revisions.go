package check

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/diag"
)

// Revisions reports where the revisions of Istio in a mesh have different settings. All pods are judged alike.
func Revisions(all []*inventory.MeshConfig) (list diag.List) {
	for _, m := range all[min(1, len(all)):] {
		first := all[0]
		for _, s := range []struct{ what, one, other string }{
			{"trust domain", cmp.Or(first.TrustDomain, "cluster.local"), cmp.Or(m.TrustDomain, "cluster.local")},
			{"trustDomainAliases", aliases(first), aliases(m)},
			{"root namespace", cmp.Or(first.RootNamespace, m.RootNamespace), cmp.Or(m.RootNamespace, first.RootNamespace)},
			{"path normalization", cmp.Or(first.PathNormalization, "BASE"), cmp.Or(m.PathNormalization, "BASE")},
		} {
			if s.one != s.other {
				list.Add(diag.RevisionsDiffer, m.At, "%s of the mesh: %s here, and %s in another revision of Istio; meshc evaluates all pods by one of them", s.what, s.other, s.one).
					WithRelated(first.At, "the other revision").
					WithHelp("give all revisions of one mesh the same")
			}
		}
	}
	return list
}

func aliases(m *inventory.MeshConfig) string {
	if len(m.Aliases) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(slices.Values(m.Aliases)), ", ")
}

package importer

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// renamed returns the trust domains, sorted, under which policies name each of their accounts, as in a mesh that gets another
// one. It is nil where there is one alone, or some account is not named under all of them.
func renamed(layer *enforce.Layer) []string {
	var domains []string
	counts := map[int]bool{} // under how many domains accounts are named
	for _, p := range layer.Policies {
		for _, clause := range p.Clauses {
			for _, box := range clause.From {
				for _, c := range box {
					for _, list := range [][]space.Pattern{c.Is, c.Not} {
						accounts := map[policy.Identity]int{}
						for _, pattern := range list {
							id, ok := policy.ParseIdentity(pattern.Principal())
							if !ok {
								continue
							}
							if !slices.Contains(domains, id.TrustDomain) {
								domains = append(domains, id.TrustDomain)
							}
							id.TrustDomain = ""
							accounts[id]++
						}
						for _, n := range accounts {
							counts[n] = true
						}
					}
				}
			}
		}
	}
	if len(domains) < 2 || len(counts) != 1 || !counts[len(domains)] {
		return nil
	}
	slices.Sort(domains)
	return domains
}

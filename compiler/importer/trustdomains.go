package importer

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// renamed returns the trust domains, sorted, under which policies name each of their accounts, as in a mesh that gets
// another one. It is nil where there is one alone, or some account is not named under all of them.
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

// findElsewhere learns which namespaces are in other meshes of Istio: those of which all callers that policies name
// have one and the same other trust domain. In the intents a namespace of this mesh cannot have the same name.
func (i *importer) findElsewhere() {
	i.domains = map[string][]string{}
	within := map[string]bool{}
	for _, o := range i.objects {
		if o.read == nil || o.Outcome == Refused {
			continue
		}
		within[o.Namespace] = true
		named := o.read.Mentions()
		for _, namespace := range named.Namespaces {
			within[namespace] = true
		}
		for _, principal := range named.Principals {
			switch id, ok := policy.ParseIdentity(principal); {
			case !ok:
			case id.TrustDomain == i.mesh.TrustDomain || slices.Contains(i.mesh.Aliases, id.TrustDomain):
				within[id.Namespace] = true
			case !slices.Contains(i.domains[id.Namespace], id.TrustDomain):
				i.domains[id.Namespace] = append(i.domains[id.Namespace], id.TrustDomain)
			}
		}
	}
	for _, w := range i.known.Workloads {
		within[w.Namespace] = true
	}
	for _, n := range i.known.Namespaces {
		within[n.Name] = true
	}
	for namespace, domains := range i.domains {
		slices.Sort(domains)
		if within[namespace] {
			i.domains[namespace] = append([]string{i.mesh.TrustDomain}, domains...)
		}
	}
}

// elsewhere is the trust domain of the other mesh of Istio in which a namespace is; empty if it is in this one, or in
// several.
func (i *importer) elsewhere(namespace string) string {
	if domains := i.domains[namespace]; len(domains) == 1 && policy.IsLabel(namespace) {
		return domains[0]
	}
	return ""
}

// otherDomains is the trust domains of a namespace apart from that of one of its callers.
func (i *importer) otherDomains(id policy.Identity) string {
	others := slices.DeleteFunc(slices.Clone(i.domains[id.Namespace]), func(d string) bool { return d == id.TrustDomain })
	return strings.Join(others, " and ")
}

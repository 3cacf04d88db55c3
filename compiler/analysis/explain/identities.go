package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// identityNames are the names of single identities in an answer, by what follows the name, then by identity.
type identityNames map[string]map[string]string

func (n identityNames) add(identity, name, rest string) {
	if n[rest] == nil {
		n[rest] = map[string]string{}
	}
	n[rest][identity] = name
}

// joined is names in which a service stands for all identities that it may have, where all of them are among the names.
func (n identityNames) joined(names []string, p *policy.Policy, shifted []*policy.Service) []string {
	gone := map[string]bool{}
	var joined []string
	for rest, byIdentity := range n {
		for _, s := range shifted {
			all := p.Identities(s)
			if slices.ContainsFunc(all, func(i policy.Identity) bool { return byIdentity[i.String()] == "" }) {
				continue
			}
			for _, i := range all {
				gone[byIdentity[i.String()]] = true
			}
			joined = append(joined, s.ID()+rest)
		}
	}
	if len(joined) == 0 {
		return names
	}
	return append(slices.DeleteFunc(names, func(name string) bool { return gone[name] }), joined...)
}

// shifted is the services that a question about a caller may name and that have several identities.
func shifted(p *policy.Policy, from policy.Source) []*policy.Service {
	all := p.Services()
	if from.Kind == policy.FromService {
		all = []*policy.Service{from.Service}
	}
	return slices.DeleteFunc(all, func(s *policy.Service) bool { return len(p.Identities(s)) < 2 })
}

package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// aside is the callers of a policy that pass no waypoint, as long as those that move have sidecars or once they have none; nil
// where calls pass none.
func aside(p *policy.Policy, sidecars bool) *enforce.Aside {
	if !slices.ContainsFunc(p.Services(), func(s *policy.Service) bool { return len(s.Through()) > 0 }) {
		return nil
	}
	return Aside(p, sidecars)
}

// Aside is the callers of a policy that would pass no waypoint, as long as those that move have sidecars or once they have none.
func Aside(p *policy.Policy, sidecars bool) *enforce.Aside {
	a := &enforce.Aside{Sidecars: map[string]bool{}, Gateways: map[string]bool{}, Meshes: map[string]bool{}}
	for _, m := range p.Meshes {
		a.Meshes[m.Name] = !m.Ambient || m.Moving && sidecars
	}
	for _, s := range p.Services() {
		for _, id := range p.Identities(s) {
			if s.Dataplane == policy.Gateway {
				a.Gateways[id.String()] = true
			} else {
				a.Sidecars[id.String()] = s.Dataplane != policy.Ambient || s.Moving && sidecars
			}
		}
	}
	return a
}

// kinds is callers that a waypoint may treat unlike others: the principals of services with sidecars, of those in ambient mode and of
// gateways, by namespace, and of all of them under "".
type kinds struct {
	services map[string]*[3][]string
	meshes   []string // with sidecars
}

func (m *Model) allKinds() *kinds {
	k := &kinds{services: map[string]*[3][]string{}}
	a := m.Manifests.Mesh.Aside
	for _, mesh := range m.Policy.Meshes {
		if a.Meshes[mesh.Name] {
			k.meshes = append(k.meshes, mesh.Name)
		}
		for _, s := range mesh.Services {
			for _, principal := range m.Principals(s) {
				kind := 0
				switch {
				case a.Gateways[principal]:
					kind = 2
				case !a.Sidecars[principal]:
					kind = 1
				}
				for _, of := range []string{"", mesh.Name} {
					if k.services[of] == nil {
						k.services[of] = &[3][]string{}
					}
					k.services[of][kind] = append(k.services[of][kind], principal)
				}
			}
		}
	}
	return k
}

// apart has callers whom rules of a service behind a waypoint mean, but do not name, distinguished by whether they pass it. One of each
// kind stands for the others.
func (m *Model) apart(a *space.Distinctions, s *policy.Service) {
	if m.Manifests.Mesh.Aside == nil || len(s.Through()) == 0 {
		return
	}
	var scopes []string
	named := map[string]bool{}
	for _, rules := range s.Rules() {
		for i := range rules {
			for _, f := range slices.Concat(rules[i].From, rules[i].Except) {
				switch f.Kind {
				case policy.FromService:
					for _, principal := range m.Principals(f.Service) {
						named[principal] = true
					}
				case policy.FromMesh:
					scopes = append(scopes, f.Mesh)
				default:
					scopes = append(scopes, "")
				}
			}
		}
	}
	slices.Sort(scopes)
	for _, scope := range slices.Compact(scopes) {
		if scope == "" && len(m.kinds().meshes) > 0 {
			a.Callers = append(a.Callers, space.Is(space.Identity, space.NamespacePattern(m.kinds().meshes[0])))
		}
		if m.kinds().services[scope] == nil {
			continue
		}
		for _, of := range m.kinds().services[scope] {
			if i := slices.IndexFunc(of, func(principal string) bool { return !named[principal] }); i >= 0 {
				a.Callers = append(a.Callers, space.Is(space.Identity, space.PrincipalPattern(of[i])))
			}
		}
	}
}

package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
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
		if !m.Ambient || m.Moving && sidecars {
			a.Meshes[m.Name] = true
		}
	}
	for _, s := range p.Services() {
		if has := s.Dataplane != policy.Ambient || s.Moving && sidecars; has != a.Meshes[s.Namespace] || s.Dataplane == policy.Gateway {
			for _, id := range p.Identities(s) {
				if s.Dataplane == policy.Gateway {
					a.Gateways[id.String()] = true
				} else {
					a.Sidecars[id.String()] = has
				}
			}
		}
	}
	return a
}

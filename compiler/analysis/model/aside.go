package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// aside is the callers of a policy that pass no waypoint, as long as those that move have sidecars or once they have
// none; nil where calls pass none.
func aside(p *policy.Policy, sidecars bool) *enforce.Aside {
	if !slices.ContainsFunc(p.Services(), func(s *policy.Service) bool { return len(s.Through()) > 0 }) {
		return nil
	}
	return Aside(p, sidecars)
}

// Aside is the callers of a policy that would pass no waypoint, as long as those that move have sidecars or once they
// have none.
func Aside(p *policy.Policy, sidecars bool) *enforce.Aside {
	a := &enforce.Aside{Callers: map[string]enforce.Kind{}, Meshes: map[string]bool{}}
	for _, m := range p.Meshes {
		if !m.Ambient || m.Moving && sidecars {
			a.Meshes[m.Name] = true
		}
	}
	kindOf := func(s *policy.Service) enforce.Kind {
		switch {
		case s.Dataplane == policy.Gateway:
			return enforce.AtGateways
		case s.Dataplane == policy.Ambient && !(s.Moving && sidecars):
			return enforce.InAmbient
		}
		return enforce.InSidecars
	}
	differs := func(s *policy.Service) bool {
		usual := enforce.InAmbient
		if a.Meshes[s.Namespace] {
			usual = enforce.InSidecars
		}
		return kindOf(s) != usual
	}
	for _, m := range p.Meshes {
		if !slices.ContainsFunc(m.Services, differs) {
			continue
		}
		for _, s := range m.Services {
			if differs(s) {
				for _, id := range p.Identities(s) {
					a.Callers[id.String()] |= kindOf(s)
				}
			}
		}
		for _, s := range m.Services { // of the same accounts
			for _, id := range p.Identities(s) {
				if kind := a.Callers[id.String()]; kind != 0 {
					a.Callers[id.String()] = kind | kindOf(s)
				}
			}
		}
	}
	return a
}

package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// moving is what else must be proved while pods move from sidecars to ambient mode. The policy says what holds once they have: its
// services are in ambient mode. On the way some pods of a service have sidecars, as callers and as callees, and a waypoint is
// passed only once the Services are labelled.
func (m *Model) moving(services []*policy.Service) (all []proof) {
	if !slices.ContainsFunc(services, func(s *policy.Service) bool { return s.Moving }) {
		return nil
	}
	// Callers with sidecars connect to the pods themselves.
	late := *m.Manifests
	late.Mesh.Aside = aside(m.Policy, true)
	behind := New(m.Policy, &late)
	for _, s := range services {
		if s.Moving {
			with := *s
			with.Dataplane, with.Moving = policy.Sidecar, false
			all = append(all, proof{model: m, of: &with})
			if len(s.Through()) > 0 {
				unlabelled := with
				unlabelled.Fronts = nil
				all = append(all, proof{model: m, of: &unlabelled, ways: &with})
			}
		}
		if s.Dataplane == policy.Ambient && len(s.Through()) > 0 {
			later := map[string]bool{}
			for _, c := range m.Policy.Before(s) {
				for _, principal := range m.Principals(c) {
					later[principal] = true
				}
			}
			all = append(all, proof{model: behind, of: s, later: later})
		}
	}
	return all
}

package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
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
			all = append(all, proof{model: m, of: &with, moving: true})
			if len(s.Through()) > 0 {
				unlabelled := with
				unlabelled.Fronts = nil
				all = append(all, proof{model: m, of: &unlabelled, moving: true, ways: &with})
			}
		}
		if s.Dataplane == policy.Ambient && len(s.Through()) > 0 {
			later := map[string]bool{}
			for _, w := range m.Policy.Waits(s) {
				for _, principal := range m.Principals(w.For) {
					later[principal] = true
				}
			}
			all = append(all, proof{model: behind, of: s, moving: s.Moving, later: later})
		}
	}
	return all
}

// Finding is about a service that cannot move to ambient mode as it is: no policy holds for its pods with sidecars and for those
// without.
func (u *Unproved) Finding() diag.Diagnostic {
	d := diag.New(diag.UnprovedMove, u.Moving.At, "no policy of %s is right for pods with sidecars and for those in ambient mode: then %s", u.Moving.ID(), u.Witnesses[0])
	d.WithRelated(u.Moving.DataplaneAt, "it moves because of this").
		WithHelp("declare the protocols of its ports; if they are declared, leave its denies of operations, headers and tokens out until its pods have moved")
	return d
}

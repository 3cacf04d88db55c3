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
	behind := m.late()
	for _, s := range services {
		if s.Moving {
			with := labelled(s)
			all = append(all, proof{model: m, of: &with, moving: true})
			if len(s.Through()) > 0 {
				without := unlabelled(s)
				all = append(all, proof{model: m, of: &without, moving: true, ways: &with})
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

// labelled and unlabelled are the pods of a service that have sidecars, once its Services name their waypoint and before.
func labelled(s *policy.Service) policy.Service {
	one := *s
	one.Dataplane, one.Moving = policy.Sidecar, false
	return one
}

func unlabelled(s *policy.Service) policy.Service {
	one := labelled(s)
	one.Fronts = nil
	return one
}

// Meanwhile is what else may hold while pods move: models of their pods with sidecars, and of callers with sidecars. There are none
// where no pods move.
func (m *Model) Meanwhile() (all []*Model) {
	if !slices.ContainsFunc(m.Policy.Services(), func(s *policy.Service) bool { return s.Moving }) {
		return nil
	}
	for _, as := range []func(*policy.Service) policy.Service{labelled, unlabelled} {
		one := New(m.Policy, m.Manifests)
		one.as = as
		all = append(all, one)
	}
	return append(all, m.late())
}

// late is the model of callers that still have sidecars, and so connect to the pods themselves.
func (m *Model) late() *Model {
	late := *m.Manifests
	late.Mesh.Aside = aside(m.Policy, true)
	return New(m.Policy, &late)
}

// Finding is about a service that cannot move to ambient mode as it is: no policy holds for its pods with sidecars and for those
// without.
func (u *Unproved) Finding() diag.Diagnostic {
	d := diag.New(diag.UnprovedMove, u.Moving.At, "no policy of %s is right for pods with sidecars and for those in ambient mode: then %s", u.Moving.ID(), u.Witnesses[0])
	d.WithRelated(u.Moving.DataplaneAt, "it moves because of this").
		WithHelp("declare the protocols of its ports; if they are declared, leave its denies of operations, headers and tokens out until its pods have moved")
	return d
}

package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// moving is what else must be proved while pods move from sidecars to ambient mode. The policy says what holds once
// they have: its services are in ambient mode. On the way some pods of a service have sidecars, as callers and as
// callees, and a waypoint is passed only once the Services are labelled.
func (m *Model) moving(services []*policy.Service) (all []proof) {
	if !slices.ContainsFunc(services, func(s *policy.Service) bool { return s.Moving || s.Joining }) {
		return nil
	}
	behind := m.late()
	for _, s := range services {
		if s.Joining {
			without := *s
			without.Fronts = nil
			all = append(all, proof{model: m, of: &without, ways: s})
		}
		if s.Moving {
			with := labelled(s)
			all = append(all, proof{model: m, of: &with, moving: true})
			if len(s.Through()) > 0 {
				without := unlabelled(s)
				all = append(all, proof{model: m, of: &without, moving: true, ways: &with})
			}
		}
		if s.Dataplane == policy.Ambient && len(s.Through()) > 0 {
			all = append(all, proof{model: behind, of: s, moving: s.Moving, later: m.later(s)})
		}
	}
	return all
}

// later returns which callers may be let through to a service less as long as they have sidecars: those that it waits
// for, and those that no service names, in namespaces that move with it. Nobody can say of these whether they still
// have sidecars.
func (m *Model) later(s *policy.Service) func(identity string) bool {
	waits := map[string]bool{}
	for _, w := range m.Policy.Waits(s) {
		for _, principal := range m.Principals(w.For) {
			waits[principal] = true
		}
	}
	return func(identity string) bool {
		id, ok := policy.ParseIdentity(identity)
		if !s.Moving || !ok || waits[identity] {
			return waits[identity]
		}
		mesh := m.meshes[id.Namespace]
		return mesh != nil && mesh.Moving && !slices.ContainsFunc(mesh.Services, func(s *policy.Service) bool { return slices.Contains(m.Policy.Identities(s), id) })
	}
}

// labelled and unlabelled are the pods of a service that have sidecars, once its Services name their waypoint and
// before.
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

// Divided is the findings about services whose pods move and that policies of others bind, where sidecars and ztunnel
// do not enforce those alike: the proof is about the manifests of the project alone. The error is that of a service
// which cannot be divided.
func (m *Model) Divided(others []*enforce.Object) (found diag.List, err error) {
	for _, s := range m.Policy.Services() {
		if !s.Moving {
			continue
		}
		with, without := labelled(s), unlabelled(s)
		points := []*enforce.Point{m.bound(s), m.bound(&with), m.bound(&without)}
		i := slices.IndexFunc(others, func(o *enforce.Object) bool {
			return slices.ContainsFunc(points, func(p *enforce.Point) bool { return p.Has(o) })
		})
		if i < 0 {
			continue
		}
		split, err := enforce.NewClasses(m.Distinctions(s), points...)
		if err != nil {
			return nil, AtService(s, err)
		}
		if m.alike(split, s, points) {
			continue
		}
		d := diag.New(diag.DividedPods, s.At, "the pods of %s with sidecars and those in ambient mode do not let the same through, because of %s %s", s.ID(), others[i].Kind, others[i].ID())
		d.WithRelated(s.DataplaneAt, "its pods move because of this").
			WithHelp("say in the intents what that policy lets through, and remove it before the pods move")
		found = append(found, d)
	}
	return found, nil
}

// alike reports whether all points of a service decide alike about every request that is not of a waypoint.
func (m *Model) alike(split *enforce.Classes, s *policy.Service, points []*enforce.Point) bool {
	relays := space.NewSet(len(split.Sources))
	for i := range split.Operations {
		r := &split.Operations[i]
		if !Occurs(s, &r.Request) {
			continue
		}
		clear(relays)
		for n, source := range split.Sources {
			if slices.ContainsFunc(points, func(p *enforce.Point) bool { return p.Relays(source.Identity(), r.Request.Port()) }) {
				relays.Add(n)
			}
		}
		first := &r.Outcomes[0]
		for k := range r.Outcomes[1:] {
			other := &r.Outcomes[k+1]
			if !first.Allowed.Minus(relays).Equal(other.Allowed.Minus(relays)) || !first.Undecided.Minus(relays).Equal(other.Undecided.Minus(relays)) {
				return false
			}
		}
	}
	return true
}

// late is the model of callers that still have sidecars, and so connect to the pods themselves.
func (m *Model) late() *Model {
	late := *m.Manifests
	late.Mesh.Aside = aside(m.Policy, true)
	return New(m.Policy, &late)
}

// Finding is about a service that cannot move to ambient mode as it is: no policy holds for its pods with sidecars and
// for those without.
func (u *Unproved) Finding() diag.Diagnostic {
	d := diag.New(diag.UnprovedMove, u.Moving.At, "no policy of %s is right for pods with sidecars and for those in ambient mode: then %s", u.Moving.ID(), u.Witnesses[0])
	d.WithRelated(u.Moving.DataplaneAt, "it moves because of this").
		WithHelp("declare the protocols of its ports; if they are declared, leave its denies of operations, headers and tokens, and `verify`, out until its pods have moved")
	return d
}

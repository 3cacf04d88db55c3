package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Exceeds reports whether a way lets through more than its query asks for, and than its kind says: requests of others,
// other requests, or requests to others. The query is one of the model afterwards, which may have fewer namespaces.
func (w *Way) Exceeds(before, after *model.Model, asked *Query) (bool, error) {
	for _, mesh := range after.Policy.Meshes {
		callees := slices.Clone(mesh.Services)
		if mesh.EveryPod() == nil {
			callees = append(callees, &policy.Service{Namespace: mesh.Name, Unnamed: true})
		}
		for _, s := range callees {
			was := sameService(before.Policy, s)
			if !s.Proxied() || s == asked.To && w.Everyone() {
				continue
			}
			points := [2]*enforce.Point{before.Callee(was), after.Callee(s)}
			if points[0].Same(points[1]) {
				continue
			}
			if more, err := risen(before, after, was, s, points, asked); more || err != nil {
				return more, err
			}
		}
	}
	return false, nil
}

// sameService is a service in another policy; the service itself where that has none of its name.
func sameService(p *policy.Policy, s *policy.Service) *policy.Service {
	for _, mesh := range p.Meshes {
		if mesh.Name == s.Namespace {
			if i := slices.IndexFunc(mesh.Services, func(o *policy.Service) bool { return o.Name == s.Name && o.Unnamed == s.Unnamed }); i >= 0 {
				return mesh.Services[i]
			}
		}
	}
	return s
}

// risen reports whether a service lets through requests that it did not, and that the query does not ask for.
func risen(before, after *model.Model, was, is *policy.Service, points [2]*enforce.Point, asked *Query) (bool, error) {
	distinctions := after.Distinctions(is)
	old := before.Distinctions(was)
	distinctions.Callers = append(distinctions.Callers, old.Callers...)
	distinctions.From = append(distinctions.From, old.From...)
	distinctions.Operations = append(distinctions.Operations, old.Operations...)
	requests := &policy.Requests{Ops: asked.Ops}
	if asked.Port != 0 {
		requests.Ports = []uint16{asked.Port}
	}
	after.AddSources(&distinctions, is, []policy.Source{asked.From})
	after.AddRequests(&distinctions, requests)
	split, err := enforce.NewClasses(distinctions, points[:]...)
	if err != nil {
		return false, model.AtService(is, err)
	}
	for i := range split.Operations {
		r := &split.Operations[i]
		if !model.Occurs(is, &r.Request) {
			continue
		}
		wanted := is == asked.To && model.Matches(&r.Request, requests)
		passed := slices.Clone(r.Outcomes[0].Allowed)
		passed.AddAll(r.Outcomes[0].Undecided)
		for _, now := range []space.Set{r.Outcomes[1].Allowed, r.Outcomes[1].Undecided} {
			for n := range now.Minus(passed).All() {
				caller := split.Sources[n]
				if model.Unproven(caller, r.Outcomes[1].Mode) || wanted && after.MatchesSource(is, caller, asked.From) {
					continue
				}
				return true, nil
			}
		}
	}
	return false, nil
}

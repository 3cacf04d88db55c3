package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Dataplane is what enforces the policies of a service, as far as its pods have to be restarted, or its Services
// labelled, for another one.
type Dataplane struct {
	policy.Dataplane
	Moving   bool   // some pods may have sidecars, and others be in ambient mode
	Joining  bool   // calls to its Services may pass the waypoint or not
	Waypoint string // NAMESPACE/NAME, with commas between several; empty: none
}

// Replacement is another data plane for services of a namespace. Neither pods nor labels change in the moment in which
// manifests do.
type Replacement struct {
	Namespace     string
	Services      []string // NAMESPACE/NAME of those; nil where they are all of the namespace
	Before, After Dataplane

	Late  []Stray // in pods that still have the data plane of before, once the manifests are applied
	Early []Stray // in pods that have the new one, until then
}

// Abrupt reports whether calls are treated as neither before nor after in whatever order manifests are applied and pods
// are restarted.
func (r *Replacement) Abrupt() bool {
	either := r.Before.either() || r.After.either()
	return !either && len(r.Late) > 0 && len(r.Early) > 0
}

// either reports whether policies hold for pods with one data plane and for those with the other.
func (d *Dataplane) either() bool { return d.Moving || d.Joining }

// Stray is calls to a service that are treated as neither before nor after.
type Stray struct {
	Callee  string // NAMESPACE/NAME
	Opens   bool   // they pass, and otherwise do not; if false, they are refused, and otherwise are not
	Share   bool   // it is those of them that pass one of two waypoints
	Callers []string
}

// Replacements returns which services get another data plane between two models, by namespace and by what changes, and
// what becomes of calls meanwhile. Callees that are too complicated to be divided into classes are left out of the
// latter.
func Replacements(ctx context.Context, before, after *model.Model) ([]Replacement, error) {
	all := replacements(before.Policy, after.Policy)
	if len(all) == 0 {
		return nil, nil
	}
	r := newReplacing(before, after)
	for _, s := range after.Policy.Services() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		late, early, err := r.strays(s)
		if errors.Is(err, space.ErrTooMany) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.ID(), err)
		}
		if one := concerned(all, s, slices.Concat(late, early)); one != nil {
			one.Late, one.Early = append(one.Late, late...), append(one.Early, early...)
		}
	}
	return all, nil
}

// dataplaneOf is the data plane of a service.
func dataplaneOf(s *policy.Service) Dataplane {
	d := Dataplane{Dataplane: s.Dataplane, Moving: s.Moving, Joining: s.Joining}
	var waypoints []string
	for _, f := range s.Through() {
		waypoints = append(waypoints, f.Waypoint.ID())
	}
	slices.Sort(waypoints)
	d.Waypoint = strings.Join(slices.Compact(waypoints), ", ")
	return d
}

// Replaces reports whether some services have another data plane in one policy than in another.
func Replaces(before, after *policy.Policy) bool { return len(replacements(before, after)) > 0 }

// replacements is the services whose data plane differs between two policies. Gateways have none to change, and that a
// service comes or goes is no change of it. Pods that no waypoint is in front of change over with those of their
// namespace that one is.
func replacements(before, after *policy.Policy) (all []Replacement) {
	was := map[string]Dataplane{}
	for _, s := range before.Services() {
		was[s.ID()] = dataplaneOf(s)
	}
	for _, m := range after.Meshes {
		first, services := len(all), 0
		for _, s := range m.Services {
			old, known := was[s.ID()]
			is := dataplaneOf(s)
			if s.Unnamed || !known || !replaceable(old) || !replaceable(is) {
				continue
			}
			if services++; old == is {
				continue
			}
			i := slices.IndexFunc(all[first:], func(r Replacement) bool {
				return r.Before.like(old) && r.After.like(is) && (!old.like(is) || r.Before == old && r.After == is)
			})
			if i < 0 {
				i = len(all) - first
				all = append(all, Replacement{Namespace: m.Name, Before: old, After: is})
			}
			one := &all[first+i]
			one.Services = append(one.Services, s.ID())
			one.Before.Waypoint, one.After.Waypoint = cmp.Or(one.Before.Waypoint, old.Waypoint), cmp.Or(one.After.Waypoint, is.Waypoint)
		}
		if len(all) == first+1 && len(all[first].Services) == services {
			all[first].Services = nil
		}
	}
	return all
}

// like reports whether two data planes differ by waypoints at most.
func (d Dataplane) like(other Dataplane) bool {
	d.Waypoint, other.Waypoint = "", ""
	return d == other
}

func replaceable(d Dataplane) bool {
	return d.Dataplane == policy.Sidecar || d.Dataplane == policy.Ambient
}

// concerned is the replacement that calls to a service are about: its own, or else that of one of the callers.
func concerned(all []Replacement, s *policy.Service, strays []Stray) *Replacement {
	i := slices.IndexFunc(all, func(r Replacement) bool { return r.of(s.ID()) })
	for _, stray := range strays {
		for _, caller := range stray.Callers {
			if i < 0 {
				i = slices.IndexFunc(all, func(r Replacement) bool { return r.of(caller) })
			}
		}
	}
	switch {
	case i >= 0:
		return &all[i]
	case len(strays) > 0:
		return &all[0]
	}
	return nil
}

// of reports whether a service, as NAMESPACE/NAME, is replaced.
func (r *Replacement) of(id string) bool {
	return slices.Contains(r.Services, id) || r.Services == nil && strings.HasPrefix(id, r.Namespace+"/")
}

// replacing judges services before, after and between. Services that move or join before have what is about to end: the
// policies of before hold for either.
type replacing struct {
	before, after *model.Model
	was           map[string]*policy.Service
	held          map[string]bool     // services for which the policies of before hold with either data plane
	names         map[string][]string // of services, by their identities
	aside         [2]*enforce.Aside   // of callers, before and after
}

func newReplacing(before, after *model.Model) *replacing {
	r := &replacing{before: before, after: after, was: map[string]*policy.Service{}, held: map[string]bool{}, names: map[string][]string{}}
	is := map[string]*policy.Service{}
	for _, s := range after.Policy.Services() {
		is[s.ID()] = s
		for _, principal := range after.Principals(s) {
			r.names[principal] = append(r.names[principal], s.ID())
		}
	}
	p := before.Policy
	ending := &policy.Policy{TrustDomain: p.TrustDomain, Previous: p.Previous, Elsewhere: p.Elsewhere, RootNamespace: p.RootNamespace}
	for _, m := range p.Meshes {
		one := *m
		one.Services = nil
		for _, s := range m.Services {
			r.held[s.ID()] = s.Moving || s.Joining
			if to := is[s.ID()]; to != nil {
				s = ends(s, to)
			}
			one.Services = append(one.Services, s)
			r.was[s.ID()] = s
		}
		ambient := func(s *policy.Service) bool { return s.Dataplane == policy.Ambient }
		one.Ambient, one.Moving = m.Ambient && (!m.Moving || slices.ContainsFunc(one.Services, ambient)), false
		ending.Meshes = append(ending.Meshes, &one)
	}
	r.aside = [2]*enforce.Aside{model.Aside(ending, false), model.Aside(after.Policy, false)}
	return r
}

// ends is a service with the data plane that it no longer has afterwards.
func ends(s, after *policy.Service) *policy.Service {
	one := *s
	switch {
	case s.Moving && !after.Moving && after.Dataplane == policy.Ambient:
		one.Dataplane, one.Moving = policy.Sidecar, false
	case s.Joining && !after.Joining && len(after.Through()) > 0:
		one.Fronts, one.Joining = nil, false
	}
	return &one
}

// The states between two deliveries: whether the manifests, the pods of a callee and those of its callers are the new
// ones.
var between = [...]struct{ manifests, callee, callers int }{
	{0, 0, 0}, {1, 1, 1}, // before and after
	{1, 0, 0}, {1, 0, 1}, {1, 1, 0},
	{0, 1, 1}, {0, 0, 1}, {0, 1, 0},
}

const (
	firstLate  = 2
	firstEarly = 5
)

// strays is the calls to a service that are treated as neither before nor after: in pods that still have the data plane
// of before, once the manifests are applied, and in those that have the new one until then.
func (r *replacing) strays(s *policy.Service) (late, early []Stray, err error) {
	was := r.was[s.ID()]
	if was == nil || s.Unnamed || !s.Proxied() || !was.Proxied() || len(s.Labels) == 0 {
		return nil, nil, nil
	}
	if dataplaneOf(was) == dataplaneOf(s) && len(was.Through())+len(s.Through()) == 0 {
		return nil, nil, nil
	}
	layers := [2]*enforce.Layer{r.before.Manifests, r.after.Manifests}
	callees := [2]*policy.Service{was, s}
	points := make([]*enforce.Point, len(between))
	for i, b := range between {
		layer, callee := *layers[b.manifests], callees[b.callee]
		layer.Mesh.Aside = r.aside[b.callers]
		points[i] = layer.For(enforce.Workload{Namespace: callee.Namespace, Labels: callee.Selector(), Dataplane: callee.Dataplane, Fronts: callee.Fronts})
	}
	if newManifests, newCallee := points[firstLate], points[len(points)-1]; dataplaneOf(was) == dataplaneOf(s) && points[0].Same(newManifests) && points[0].Same(newCallee) {
		return nil, nil, nil // nothing but callers changes, and these are as before or as after
	}
	split, err := enforce.NewClasses(space.Distinctions{}, points...)
	if err != nil {
		return nil, nil, err
	}
	lastLate, lastEarly := firstEarly, len(points)
	if is := dataplaneOf(s); is.either() { // in what order pods change over is the next question
		lastLate = firstLate + 1
	}
	if r.held[s.ID()] {
		lastEarly = firstEarly + 1
	}
	return r.stray(s, split, points, firstLate, lastLate), r.stray(s, split, points, firstEarly, lastEarly), nil
}

// stray is the calls that some of the states treat as neither before nor after.
func (r *replacing) stray(s *policy.Service, split *enforce.Classes, points []*enforce.Point, from, to int) (all []Stray) {
	opened, shut, partly := space.NewSet(len(split.Sources)), space.NewSet(len(split.Sources)), space.NewSet(len(split.Sources))
	relays := space.NewSet(len(split.Sources))
	for n := range split.Operations {
		class := &split.Operations[n]
		if !model.Occurs(s, &class.Request) {
			continue
		}
		clear(relays)
		for i, source := range split.Sources {
			if slices.ContainsFunc(points, func(p *enforce.Point) bool { return p.Relays(source.Identity(), class.Request.Port()) }) {
				relays.Add(i)
			}
		}
		before, after := &class.Outcomes[0], &class.Outcomes[1]
		for i := from; i < to; i++ {
			now := &class.Outcomes[i]
			passing := slices.Clone(now.Allowed)
			passing.AddAll(now.Undecided)
			shares := space.NewSet(len(split.Sources))
			for _, d := range split.Decide(class, i) {
				if d.Around { // calls to Services are refused, and those to the addresses of pods are not
					passing.RemoveAll(d.Sources)
				} else if d.Split {
					shares.AddAll(d.Sources)
				}
			}
			for word := range opened {
				opened[word] |= now.Allowed[word] &^ (before.Allowed[word] | before.Undecided[word] | after.Allowed[word] | after.Undecided[word] | relays[word])
				shut[word] |= before.Allowed[word] & after.Allowed[word] &^ (passing[word] | relays[word])
				partly[word] |= before.Allowed[word] & after.Allowed[word] & shares[word] &^ relays[word]
			}
		}
	}
	partly.RemoveAll(shut)
	for _, one := range []Stray{{Callee: s.ID()}, {Callee: s.ID(), Share: true}, {Callee: s.ID(), Opens: true}} {
		set := shut
		switch {
		case one.Opens:
			set = opened
		case one.Share:
			set = partly
		}
		if !set.Empty() {
			one.Callers = r.callers(split.Space, set)
			all = append(all, one)
		}
	}
	return all
}

// callers names the callers in a set, services by their names.
func (r *replacing) callers(s *space.Space, set space.Set) (names []string) {
	rest := space.NewSet(len(s.Sources))
	for n := range set.All() {
		services := r.names[s.Sources[n].Identity()]
		if _, one := s.Identities(n); !one || len(services) == 0 {
			rest.Add(n)
			continue
		}
		for _, name := range services {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return append(names, callers(s, rest)...)
}

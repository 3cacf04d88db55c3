package model

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Unproved is a difference between what manifests let through and what the policy says: a bug in meshc. The manifests
// must not be used.
type Unproved struct {
	Witnesses []string        // in the words of the language, at most ten
	Moving    *policy.Service // the first, if none is about a service whose pods stay as they are; otherwise nil
}

func (u *Unproved) Error() string {
	return "the manifests do not let through what the intents say:\n  " + strings.Join(u.Witnesses, "\n  ")
}

const maxWitnesses = 10

// Prove compares, for every service, what its manifests let through with what the policy says, as sets of
// requests. The error is an *Unproved, that of ctx, or says why a service could not be judged.
func (m *Model) Prove(ctx context.Context) error { return m.ProveIn(ctx, nil) }

// ProveIn is Prove for the services in some namespaces.
func (m *Model) ProveIn(ctx context.Context, scope policy.Scope) error {
	var services []*policy.Service
	for _, mesh := range m.Policy.Meshes {
		if !scope.Has(mesh.Name) {
			continue
		}
		unnamed := false
		for _, s := range mesh.Services {
			if unnamed = unnamed || s.Unnamed; s.Proxied() {
				services = append(services, s)
			}
		}
		if !unnamed && (mesh.Closed || !mesh.Declares && mesh.Name != m.Policy.RootNamespace) {
			// Pods that no service names are bound only by what binds the whole namespace, and nobody may call them.
			pod := &policy.Service{Namespace: mesh.Name, Name: "a pod that no service names"}
			if mesh.Ambient {
				pod.Dataplane, pod.Moving = policy.Ambient, mesh.Moving
			}
			services = append(services, pod)
		}
	}
	if root := m.meshes[m.Policy.RootNamespace]; !m.Policy.ClosedAt.IsZero() && (root == nil || root.EveryPod() == nil) { // otherwise that stands for it
		services = append(services, &policy.Service{Namespace: "any other namespace", Name: "a pod"})
	}
	cases := make([]proof, len(services))
	for i, s := range services {
		cases[i] = proof{model: m, of: s, moving: s.Moving}
	}
	return proveAll(ctx, append(cases, m.moving(services)...))
}

// proof is what is proved of one service: that a model lets through to it what its rules say.
type proof struct {
	model  *Model
	of     *policy.Service
	moving bool                       // its pods are
	later  func(identity string) bool // which callers may be let through less, and not more; nil: none
	ways   *policy.Service            // whose waypoints have no calls of their own; nil: those on the way to the service
}

// proveAll proves independently, a share on each processor.
func proveAll(ctx context.Context, services []proof) error {
	workers := min(runtime.GOMAXPROCS(0), len(services))
	found := make([][]string, workers)
	failed := make([]error, workers)
	of, other := make([]*policy.Service, workers), make([]bool, workers) // that is moving; that is not
	var wait sync.WaitGroup
	for w := range workers {
		share := services[len(services)*w/workers : len(services)*(w+1)/workers]
		wait.Go(func() {
			var with prover
			for _, p := range share {
				if failed[w] = ctx.Err(); failed[w] != nil {
					return
				}
				witnesses, err := p.prove(&with)
				if err != nil {
					failed[w] = fmt.Errorf("%s: %w", p.of.ID(), err)
					return
				}
				if len(witnesses) > 0 {
					if p.moving {
						of[w] = cmp.Or(of[w], p.of)
					} else {
						other[w] = true
					}
				}
				if found[w] = append(found[w], witnesses...); len(found[w]) > maxWitnesses {
					return
				}
			}
		})
	}
	wait.Wait()
	var all []string
	var moving *policy.Service
	for w := range workers {
		if failed[w] != nil {
			return failed[w]
		}
		all = append(all, found[w]...)
		moving = cmp.Or(moving, of[w])
	}
	if len(all) == 0 {
		return nil
	}
	if slices.Contains(other, true) {
		moving = nil
	}
	return &Unproved{all[:min(len(all), maxWitnesses)], moving}
}

// prover is the memory that one proof after another uses.
type prover struct {
	labels map[string]string
	point  enforce.Point
	enforce.Classifier
	identities
	literal
}

func (p *proof) prove(with *prover) ([]string, error) {
	if with.labels == nil {
		with.labels = map[string]string{}
	}
	clear(with.labels)
	p.of.Select(with.labels)
	at := p.model.boundBy(&with.point, with.labels, p.of)
	if p.later == nil && with.equal(p.model, p.of, at) {
		return nil, nil
	}
	return p.proveClasses(with, at)
}

func (p *proof) proveClasses(with *prover, at *enforce.Point) (witnesses []string, err error) {
	m, s := p.model, p.of
	relays := at
	if p.ways != nil {
		relays = m.bound(p.ways)
	}
	split, err := m.splitWith(&with.Classifier, s, at, space.Distinctions{})
	if err != nil {
		return nil, err
	}
	if !at.Judged() {
		return nil, nil
	}
	if !p.verifies(at) {
		witnesses = append(witnesses, s.ID()+" verifies other tokens by the manifests than by the intents, or in another way")
	}
	intents := m.intents(&with.identities, s, split)
	for i := range split.Operations {
		r := &split.Operations[i]
		if !Occurs(s, &r.Request) {
			continue
		}
		o := &r.Outcomes[0]
		mode, allowed, undecided := m.Mode(s, r.Request.Port()), o.Allowed, o.Undecided
		if o.Mode == enforce.Listener {
			mode = policy.Permissive
			allowed, undecided = split.authorized(r)
		} else if got := modes[o.Mode]; got != mode {
			witnesses = append(witnesses, fmt.Sprintf("%s is %s by the manifests and %s by the intents", split.Target(&r.Request), got, mode))
			continue
		}
		want, asked := intents.callers(&r.Request, mode)
		if want.Equal(allowed) && asked.Equal(undecided) {
			continue
		}
		for c, caller := range split.Sources {
			if relays.Relays(caller.Identity(), r.Request.Port()) || p.later != nil && p.later(caller.Identity()) && !allowed.Has(c) && !undecided.Has(c) {
				continue
			}
			if got := allowed.Has(c); got != want.Has(c) || undecided.Has(c) != asked.Has(c) {
				witnesses = append(witnesses, split.Witness(m.Caller(caller)+split.Facts(caller), &r.Request, got))
				if len(witnesses) > maxWitnesses {
					return witnesses, nil
				}
			}
		}
	}
	return witnesses, nil
}

// authorized is the callers that clauses let through, and those about whom they are undecided, at a gateway: whether
// its listeners ask for an identity is not known, so callers with one and without are looked at as they are.
func (s *Split) authorized(r *enforce.Class) (allowed, undecided space.Set) {
	allowed, undecided = space.NewSet(len(s.Sources)), space.NewSet(len(s.Sources))
	for _, d := range s.Authorize(r, 0) {
		switch d.Verdict {
		case enforce.Allowed:
			allowed.AddAll(d.Sources)
		case enforce.Undecided:
			undecided.AddAll(d.Sources)
		}
	}
	return allowed, undecided
}

var modes = map[enforce.Mode]policy.Mode{enforce.Disable: policy.Disable, enforce.Permissive: policy.Permissive, enforce.Strict: policy.Strict, enforce.Meshless: policy.Permissive}

// Mode is the mTLS mode of a port by the policy.
func (m *Model) Mode(s *policy.Service, port uint16) policy.Mode {
	mesh := m.meshes[s.Namespace]
	if mesh == nil {
		mesh = &policy.Mesh{Name: s.Namespace}
	}
	return m.Policy.ModeOf(mesh, s, port)
}

// closes reports whether calls to a service need an edge, in whatever namespace it is.
func (m *Model) closes(s *policy.Service) bool {
	if mesh := m.meshes[s.Namespace]; mesh != nil {
		return mesh.Closes(s)
	}
	return !m.Policy.ClosedAt.IsZero()
}

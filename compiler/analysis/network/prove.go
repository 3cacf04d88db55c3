package network

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

const maxWitnesses = 10

// Prove compares, for the pods of every service and waypoint and for those that no service names, what a layer lets
// through with what the network can see of the intents, in the directions in which it is to isolate pods. That is three
// proofs in one: what an edge needs passes, pods without an edge are closed to each other, and an edge of operations
// has no way around its waypoint. It returns differences, at most ten: a bug in meshc. The error is that of ctx.
func (in *Intents) Prove(ctx context.Context, l *Layer, isolates [2]bool) ([]string, error) {
	ends := in.ends()
	workers := min(runtime.GOMAXPROCS(0), len(ends))
	found := make([][]string, workers)
	var wait sync.WaitGroup
	for w := range workers {
		share := ends[len(ends)*w/workers : len(ends)*(w+1)/workers]
		wait.Go(func() {
			with := prover{Intents: in, layer: l, isolates: isolates}
			for _, s := range share {
				if ctx.Err() != nil || len(found[w]) > maxWitnesses {
					return
				}
				found[w] = append(found[w], with.prove(s)...)
			}
		})
	}
	wait.Wait()
	all := slices.Concat(found...)
	return all[:min(len(all), maxWitnesses)], ctx.Err()
}

// prover proves services one after another, in the same memory.
type prover struct {
	*Intents
	layer    *Layer
	isolates [2]bool // by direction

	grants  []Grant
	literal literal
	pods    [1]Labels // of a service whose pods are not known
}

// prove compares what policies let through to and from the pods of one service.
func (p *prover) prove(s *policy.Service) (witnesses []string) {
	pods := p.selected(s)
	point := p.layer.For(pods)
	for d, isolates := range p.isolates {
		if !isolates && !p.layer.Isolates[d] { // everything passes, as it is to
			continue
		}
		if d, isolated := Direction(d), isolates && p.isolated(Direction(d), s); !p.sayTheSame(point, d, isolated, s, &pods) {
			witnesses = append(witnesses, p.proveClasses(point, d, isolated, s, p.grants)...)
		}
	}
	return witnesses
}

// selected is PodsOf, until the next call.
func (p *prover) selected(s *policy.Service) Pods {
	if len(s.Pods) > 0 {
		return PodsOf(s)
	}
	if p.pods[0].Known == nil {
		p.pods[0].Known = map[string]string{}
	}
	clear(p.pods[0].Known)
	s.Select(p.pods[0].Known)
	return Pods{s.Namespace, p.pods[:]}
}

// sayTheSame finds what is granted, and reports whether policies say that word for word.
func (p *prover) sayTheSame(point *Point, d Direction, isolated bool, s *policy.Service, pods *Pods) bool {
	if p.grants = p.grants[:0]; isolated {
		p.grants = p.granted(p.grants, d, s, pods)
	}
	return p.literal.equal(point, d, isolated, p.grants)
}

// ends is the pods that the network may isolate.
func (in *Intents) ends() (all []*policy.Service) {
	for _, m := range in.policy.Meshes {
		var unnamed *policy.Service
		for _, s := range m.Services {
			switch {
			case s.Unnamed:
				unnamed = s
			case !s.HostNetwork && (s.Proxied() || len(s.Pods) > 0):
				all = append(all, s)
			}
		}
		if unnamed == nil {
			unnamed = &policy.Service{Namespace: m.Name, Name: "a pod that no service names", Unnamed: true}
		}
		all = append(append(all, unnamed), in.gates(m.Name)...)
	}
	return all
}

// proveClasses compares what policies let through to or from the pods of a service, for each kind of callers and ports.
func (in *Intents) proveClasses(point *Point, d Direction, isolated bool, s *policy.Service, grants []Grant) (witnesses []string) {
	others := in.others(d, s, grants, point)
	for _, port := range portsNear(s, point, d, grants) {
		for i := range others {
			c := &others[i]
			want := space.No
			if !isolated {
				want = space.Yes
			}
			for j := range grants {
				if g := &grants[j]; want < space.Yes && g.has(port) {
					want = max(want, g.admits(&c.Caller, c.service))
				}
			}
			got := point.Decide(d, c.Caller, port)
			if got.Verdict != [...]enforce.Verdict{space.No: enforce.Denied, space.Maybe: enforce.Undecided, space.Yes: enforce.Allowed}[want] {
				from, to := c.name, s.ID()
				if d == Egress {
					from, to = to, from
				}
				witnesses = append(witnesses, fmt.Sprintf("%s of %s to %s, %s port %d, is %s, not %s", d, from, to, port.Protocol, port.Number, got,
					[...]string{"denied", "undecided", "allowed"}[want]))
				if len(witnesses) > maxWitnesses {
					return witnesses
				}
			}
		}
	}
	return witnesses
}

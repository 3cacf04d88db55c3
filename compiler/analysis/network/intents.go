package network

import (
	"cmp"
	"slices"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Intents is what the network can see of the intents of a policy.
type Intents struct {
	policy *policy.Policy
	meshes map[string]*policy.Mesh

	agentless map[string]bool                // namespaces
	unnamed   map[string]*policy.Service     // what stands for every pod of a namespace
	tunnels   map[policy.Source]bool         // whether wildcards stand for pods in ambient mode
	passes    map[passage][2]bool            // whether some and all callers of a wildcard pass a waypoint
	through   map[string]*gate               // waypoints, by NAMESPACE/NAME
	edges     func() *policy.Edges           // by caller
	reach     func() map[string][]Connection // what all callers of a namespace may call
	taking    map[scope][]*policy.Service    // by the first label of their selectors
	running   map[scope][]*policy.Service    // by each label of their pods
}

type passage struct {
	policy.Source
	ingress, moving bool
}

// gate is the pods of a waypoint, and the services behind it.
type gate struct {
	pods   *policy.Service
	behind []*policy.Service
}

// NewIntents looks at the intents of a policy.
func NewIntents(p *policy.Policy) *Intents {
	in := &Intents{policy: p, meshes: map[string]*policy.Mesh{}, agentless: map[string]bool{}, unnamed: map[string]*policy.Service{}, tunnels: map[policy.Source]bool{}, passes: map[passage][2]bool{}, through: map[string]*gate{},
		edges: p.Edges, taking: map[scope][]*policy.Service{}, running: map[scope][]*policy.Service{}}
	in.reach = sync.OnceValue(in.ofWildcards)
	for _, m := range p.Meshes {
		in.meshes[m.Name], in.agentless[m.Name], in.unnamed[m.Name] = m, agentless(m), m.EveryPod()
		if m.Ambient || slices.ContainsFunc(m.Services, ambient) {
			in.tunnels[policy.Source{Kind: policy.FromMesh, Mesh: m.Name}] = true
			in.tunnels[policy.Source{Kind: policy.FromAny}] = true
			in.tunnels[policy.Source{Kind: policy.FromWorld}] = true
		}
		for _, s := range m.Services {
			for _, f := range s.Through() {
				g := in.through[f.Waypoint.ID()]
				if g == nil {
					g = &gate{pods: f.Waypoint.Caller()}
					in.through[f.Waypoint.ID()] = g
					in.run(g.pods)
				}
				if !slices.Contains(g.behind, s) {
					g.behind = append(g.behind, s)
				}
			}
			in.index(s)
		}
	}
	in.wildcardsPass()
	return in
}

// wildcardsPass finds which wildcards pass waypoints.
func (in *Intents) wildcardsPass() {
	if len(in.through) == 0 {
		return
	}
	sources := []policy.Source{{Kind: policy.FromAny}, {Kind: policy.FromWorld}}
	for _, m := range in.policy.Meshes {
		sources = append(sources, policy.Source{Kind: policy.FromMesh, Mesh: m.Name})
	}
	for _, s := range sources {
		for _, ingress := range [...]bool{false, true} {
			for _, moving := range [...]bool{false, true} {
				some, all := in.policy.Passes(s, &policy.Service{Moving: moving}, &policy.Front{Ingress: ingress})
				in.passes[passage{s, ingress, moving}] = [2]bool{some, all}
			}
		}
	}
}

func (in *Intents) index(s *policy.Service) {
	if !selectable(s) {
		return
	}
	first := scope{s.Namespace, s.Labels[0].Key, s.Labels[0].Value}
	in.taking[first] = append(in.taking[first], s)
	in.run(s)
}

// run indexes a service by the labels of its pods.
func (in *Intents) run(s *policy.Service) {
	pods := PodsOf(s)
	pods.each(func(key, value string) {
		k := scope{s.Namespace, key, value}
		in.running[k] = append(in.running[k], s)
	})
}

func ambient(s *policy.Service) bool { return s.Dataplane == policy.Ambient }

// selectable reports whether labels find the pods of a service on the network.
func selectable(s *policy.Service) bool { return bindable(s) && !s.Guessed }

// bindable reports whether a policy can bind the pods of a service: by the labels that a cluster binds its other
// policies by.
func bindable(s *policy.Service) bool {
	return len(s.Labels) > 0 && !s.HostNetwork && (s.Proxied() || len(s.Pods) > 0)
}

// PodsOf is the pods of a service, as its manifests show them, or else with the labels that select them.
func PodsOf(s *policy.Service) Pods {
	pods := Pods{Namespace: s.Namespace}
	for _, labels := range s.Pods {
		pods.Labels = append(pods.Labels, Labels{Known: labels})
	}
	if len(pods.Labels) == 0 {
		pods.Labels = []Labels{{Known: s.Selector()}}
	}
	return pods
}

// takers is a service, and those whose selectors take its pods.
func (in *Intents) takers(s *policy.Service, pods *Pods) []*policy.Service {
	takers := append(make([]*policy.Service, 0, 4), s)
	if s.Unnamed {
		return takers
	}
	pods.each(func(key, value string) {
		for _, t := range in.taking[scope{s.Namespace, key, value}] {
			if t != s && pods.match(selectorOf(t)) == space.Yes {
				takers = append(takers, t)
			}
		}
	})
	return takers
}

func selectorOf(s *policy.Service) (all Selector) {
	for _, l := range s.Labels {
		all = append(all, Requirement{l.Key, In, []string{l.Value}})
	}
	return all
}

// closed reports whether every pod of a namespace is isolated.
func (in *Intents) closed(namespace string) bool {
	m := in.meshes[namespace]
	return m != nil && !in.policy.DryRun && m.Name != in.root() && (m.Closed || !m.Declares && !m.Open)
}

func (in *Intents) root() string {
	if in.policy.Meshless {
		return ""
	}
	return cmp.Or(in.policy.RootNamespace, "istio-system")
}

// isolated reports whether nobody may call the pods of a service, or in the other direction be called by them, but whom
// granted has.
func (in *Intents) isolated(d Direction, s *policy.Service) bool {
	return !s.HostNetwork && (in.closed(s.Namespace) || d == Ingress && in.stated(s))
}

// stated reports whether the edges to a service are stated on the network.
func (in *Intents) stated(s *policy.Service) bool {
	return !in.policy.DryRun && len(s.Allow) > 0 && (s.Unnamed && s.Namespace != in.root() || bindable(s))
}

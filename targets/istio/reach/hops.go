package reach

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/eval"
)

// Callers is who may do anything at all at a service: sets, never pairs of services. Those with an identity may do it
// from some address, the others from wherever they are.
type Callers struct {
	Services   map[string]bool // by principal: exactly these accounts
	Namespaces map[string]bool // every account of these
	Any        bool            // whoever has an identity
	World      bool            // whoever

	addressed bool                       // addresses are told apart
	blocks    func(*policy.Service) bool // whether an outside service is let in by its address
}

// Hops is the callers of every service of a model.
type Hops struct {
	model   *Model
	callers map[*policy.Service]*Callers
	all     []*policy.Service

	// The same the other way round: what each kind of caller may call.
	byPrincipal, byNamespace map[string][]*policy.Service
	byBlocks, toAny, worldly []*policy.Service
}

// Hops is who may call whom, for every service. It is worked out when it is first asked for.
func (m *Model) Hops() (*Hops, error) { return m.hops() }

func (m *Model) newHops() (*Hops, error) {
	h := &Hops{
		model:       m,
		callers:     map[*policy.Service]*Callers{},
		byPrincipal: map[string][]*policy.Service{},
		byNamespace: map[string][]*policy.Service{},
	}
	for _, mesh := range m.Policy.Meshes {
		for _, s := range mesh.Services {
			callers, err := m.callersOf(s, nil, nil)
			if err != nil {
				return nil, err
			}
			h.callers[s] = callers
			h.all = append(h.all, s)
			h.index(s, callers)
		}
	}
	return h, nil
}

func (h *Hops) index(s *policy.Service, c *Callers) {
	for p := range c.Services {
		h.byPrincipal[p] = append(h.byPrincipal[p], s)
	}
	for n := range c.Namespaces {
		h.byNamespace[n] = append(h.byNamespace[n], s)
	}
	if c.Any {
		h.toAny = append(h.toAny, s)
	}
	if c.World {
		h.worldly = append(h.worldly, s)
	}
	if c.addressed {
		h.byBlocks = append(h.byBlocks, s)
	}
}

// Callers is who may call a service.
func (h *Hops) Callers(s *policy.Service) *Callers { return h.callers[s] }

// callersOf is who may do one of some operations at a service. What no proxy guards, and what a mesh only
// declares, has the callers that edges name: who else reaches it is the network's, or another project's, to say.
func (m *Model) callersOf(s *policy.Service, ports []uint16, ops []policy.Operation) (*Callers, error) {
	c := &Callers{Services: map[string]bool{}, Namespaces: map[string]bool{}}
	if s.Outside || m.meshes[s.Namespace].Declares {
		c.declared(m, s)
		return c, nil
	}
	var extra eval.Atoms
	addOperations(&extra, ports, ops)
	split, err := m.Split(s, extra)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), err)
	}
	open := make([]bool, len(split.Sources))
	for i := range split.Regions {
		r := &split.Regions[i]
		if !real(s, &r.Request) || !asked(&r.Request, ports, ops) {
			continue
		}
		split.passes(r, open)
	}
	c.blocks = func(caller *policy.Service) bool {
		for n, src := range split.Sources {
			if open[n] && m.stands(src, policy.Source{Service: caller}) {
				return true
			}
		}
		return false
	}
	for n, src := range split.Sources {
		c.addressed = c.addressed || src.IP.IsValid()
		if !open[n] || src.Principal == "" && !src.Elsewhere {
			continue
		}
		_, one := split.Identities(n)
		switch who := m.who(split.Split, n); {
		case one:
			c.Services[src.Principal] = true
		case who.Other != "":
			m.others(c, split.Split, n)
		case who.Kind == policy.FromWorld:
			c.World = true
		case who.Kind == policy.FromAny:
			c.Any = true
		case who.Kind == policy.FromMesh:
			c.Namespaces[who.Mesh] = true
		default: // by its account, in any trust domain
			c.Services[src.Principal] = true
		}
	}
	return c, nil
}

func (c *Callers) declared(m *Model, s *policy.Service) {
	for _, r := range s.Allow {
		for _, f := range r.From {
			switch f.Kind {
			case policy.FromService:
				c.Services[m.Principal(f.Service)] = true
			case policy.FromMesh:
				c.Namespaces[f.Mesh] = true
			case policy.FromAny:
				c.Any = true
			case policy.FromWorld:
				c.World = true
			}
		}
	}
	c.blocks = func(*policy.Service) bool { return false }
}

// others adds those of a class that the language has no name for.
func (m *Model) others(c *Callers, split *eval.Split, class int) {
	for _, mesh := range m.Policy.Meshes {
		if split.Takes(class, m.identityOf(mesh.Name, nobody)) {
			c.Namespaces[mesh.Name] = true
		}
	}
	for principal := range m.services {
		if split.Takes(class, principal) {
			c.Services[principal] = true
		}
	}
}

// Admits tells whether a service is one of the callers.
func (c *Callers) Admits(m *Model, s *policy.Service) bool {
	if s.Outside {
		return c.World || c.blocks(s)
	}
	principal := m.Principal(s)
	return c.World || principal != "" && (c.Any || c.Services[principal] || c.Namespaces[s.Namespace])
}

// admits tells the same of any source of the language.
func (c *Callers) admits(m *Model, f policy.Source) bool {
	switch f.Kind {
	case policy.FromWorld:
		return c.World
	case policy.FromAny:
		return c.World || c.Any
	case policy.FromMesh:
		return c.World || c.Any || c.Namespaces[f.Mesh]
	}
	return c.Admits(m, f.Service)
}

// Chain is a way from a caller to a service: the services in their order, the destination last, and the
// statement of each hop where there is one.
type Chain struct {
	From     policy.Source
	Services []*policy.Service
	Edges    []source.Span
}

func (c *Chain) String() string {
	var b strings.Builder
	b.WriteString(c.From.String())
	for _, s := range c.Services {
		b.WriteString(" -> ")
		b.WriteString(s.ID())
	}
	return b.String()
}

// Chain is a shortest chain of calls from a source to a service, nil where there is none. Last, where it is
// not nil, is who may make the last hop. Services in except are neither started from nor passed through.
func (h *Hops) Chain(from policy.Source, to *policy.Service, last *Callers, except map[*policy.Service]bool) *Chain {
	if last == nil {
		last = h.callers[to]
	}
	if from.Kind == policy.FromService && (except[from.Service] || from.Service == to) {
		return nil
	}
	if last.admits(h.model, from) {
		return h.chain(from, []*policy.Service{to})
	}
	// Forward, everyone looked at once. A service's caller is nil where the source itself may call it.
	caller := map[*policy.Service]*policy.Service{}
	var level []*policy.Service
	opened := opened{namespaces: map[string]bool{}}
	visit := func(by *policy.Service, callees []*policy.Service) {
		for _, s := range callees {
			if _, seen := caller[s]; !seen && !except[s] && s != to {
				caller[s] = by
				level = append(level, s)
			}
		}
	}
	for _, s := range h.members(from) {
		if from.Kind != policy.FromService && !except[s] && s != to {
			if last.Admits(h.model, s) {
				return h.chain(policy.Source{Service: s}, []*policy.Service{to})
			}
			visit(s, h.callees(policy.Source{Service: s}, &opened))
		}
	}
	visit(nil, h.callees(from, &opened))
	for len(level) > 0 {
		now := level
		level = nil
		for _, s := range now {
			if last.Admits(h.model, s) {
				way := []*policy.Service{to}
				for at := s; at != nil; at = caller[at] {
					way = append(way, at)
				}
				slices.Reverse(way)
				if from.Kind != policy.FromService && slices.Contains(h.members(from), way[0]) && !h.callers[way[0]].admits(h.model, from) {
					return h.chain(policy.Source{Service: way[0]}, way[1:])
				}
				return h.chain(from, way)
			}
			visit(s, h.callees(policy.Source{Service: s}, &opened))
		}
	}
	return nil
}

func (h *Hops) chain(from policy.Source, services []*policy.Service) *Chain {
	c := &Chain{From: from, Services: services}
	for _, s := range services {
		c.Edges = append(c.Edges, h.model.at(from, s))
		from = policy.Source{Service: s}
	}
	return c
}

// opened is which of the wide doors a search has gone through: what lies behind one is looked at once.
type opened struct {
	namespaces map[string]bool
	any, world bool
}

// callees is the services that a source may call and that no wide door of the same search has led to.
func (h *Hops) callees(f policy.Source, o *opened) []*policy.Service {
	var all []*policy.Service
	if !o.world {
		o.world = true
		all = append(all, h.worldly...)
	}
	namespace, principal := "", ""
	switch f.Kind {
	case policy.FromMesh:
		namespace = f.Mesh
	case policy.FromService:
		if principal = h.model.Principal(f.Service); principal == "" {
			for _, s := range h.byBlocks {
				if h.callers[s].blocks(f.Service) {
					all = append(all, s)
				}
			}
			return all
		}
		namespace = f.Service.Namespace
		all = append(all, h.byPrincipal[principal]...)
	case policy.FromWorld:
		return all
	}
	if !o.any {
		o.any = true
		all = append(all, h.toAny...)
	}
	if namespace != "" && !o.namespaces[namespace] {
		o.namespaces[namespace] = true
		all = append(all, h.byNamespace[namespace]...)
	}
	return all
}

// members is the services that a source of the language stands for.
func (h *Hops) members(f policy.Source) []*policy.Service {
	if f.Kind == policy.FromService {
		return []*policy.Service{f.Service}
	}
	var all []*policy.Service
	for _, s := range h.all {
		if f.Kind == policy.FromWorld || !s.Outside && (f.Kind == policy.FromAny || s.Namespace == f.Mesh) {
			all = append(all, s)
		}
	}
	return all
}

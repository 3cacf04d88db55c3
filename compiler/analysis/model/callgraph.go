package model

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Callers is who may do anything at all at a service: sets, never pairs of services. Those with an identity may do it
// from some address, the others from wherever they are. The narrower of two that speak of a caller counts, so that false
// is an exception of what is wider.
type Callers struct {
	Services   map[string]bool // by principal: whether exactly these accounts may
	Namespaces map[string]bool // whether every other account of these may
	Any        bool            // whoever else has an identity
	World      bool            // whoever: who has an identity may come without it

	Outside map[string]bool // by the id of a service outside the mesh: whether it may, by its addresses
}

// CallGraph is the callers of every service of a model.
type CallGraph struct {
	Model    *Model
	callers  map[*policy.Service]*Callers
	Services []*policy.Service

	// The same the other way round: what each kind of caller may call.
	byPrincipal, byNamespace map[string][]*policy.Service
	byOutside                map[string][]*policy.Service
	toAny, worldly           []*policy.Service
}

// CallGraph is who may call whom, for every service. It is worked out when it is first asked for.
func (m *Model) CallGraph() (*CallGraph, error) { return m.hops() }

func (m *Model) newCallGraph() (*CallGraph, error) {
	h := &CallGraph{
		Model:       m,
		callers:     map[*policy.Service]*Callers{},
		byPrincipal: map[string][]*policy.Service{},
		byNamespace: map[string][]*policy.Service{},
		byOutside:   map[string][]*policy.Service{},
	}
	for _, mesh := range m.Policy.Meshes {
		for _, s := range mesh.Services {
			callers, err := m.CallersOf(s, nil, nil)
			if err != nil {
				return nil, err
			}
			h.callers[s] = callers
			h.Services = append(h.Services, s)
			h.index(s, callers)
		}
	}
	return h, nil
}

func (h *CallGraph) index(s *policy.Service, c *Callers) {
	for p, may := range c.Services {
		if may {
			h.byPrincipal[p] = append(h.byPrincipal[p], s)
		}
	}
	for n, may := range c.Namespaces {
		if may {
			h.byNamespace[n] = append(h.byNamespace[n], s)
		}
	}
	if c.Any {
		h.toAny = append(h.toAny, s)
	}
	if c.World {
		h.worldly = append(h.worldly, s)
	}
	for o, may := range c.Outside {
		if may {
			h.byOutside[o] = append(h.byOutside[o], s)
		}
	}
}

// AllCallers goes through the callers of every service, in no order.
func (h *CallGraph) AllCallers() map[*policy.Service]*Callers { return h.callers }

// Callers is who may call a service.
func (h *CallGraph) Callers(s *policy.Service) *Callers { return h.callers[s] }

// callersOf is who may do one of some operations at a service. What no proxy guards may be called by whoever reaches it.
// What a mesh only declares has the callers that edges name: who else may call it is another project's to say.
func (m *Model) CallersOf(s *policy.Service, ports []uint16, ops []policy.Operation) (*Callers, error) {
	c := &Callers{Services: map[string]bool{}, Namespaces: map[string]bool{}, World: !s.Proxied(), Outside: map[string]bool{}}
	switch {
	case !s.Proxied():
		return c, nil
	case m.meshes[s.Namespace].Declares:
		c.declared(m, s)
		return c, nil
	}
	var extra space.Distinctions
	AddOperations(&extra, ports, ops)
	split, err := m.Split(s, extra)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), err)
	}
	open := make([]bool, len(split.Sources))
	for i := range split.Operations {
		r := &split.Operations[i]
		if !Occurs(s, &r.Request) || !Matches(&r.Request, ports, ops) {
			continue
		}
		split.Passes(r, open)
	}
	m.outsiders(c, split.Classes, open)
	others := map[int]bool{} // by identity: those that the language has no name for
	for n, src := range split.Sources {
		if src.Identity() == "" {
			c.World = c.World || open[n] && src.Elsewhere
			continue
		}
		// Of the places where one identity calls from, any that is open will do.
		_, one := split.Identities(n)
		switch who := m.Who(split.Classes, n); {
		case one:
			c.Services[src.Identity()] = c.Services[src.Identity()] || open[n]
		case who.Other != "":
			others[split.Identity(n)] = others[split.Identity(n)] || open[n]
		case who.Kind == policy.FromAny:
			c.Any = c.Any || open[n]
		case who.Kind == policy.FromMesh:
			c.Namespaces[who.Mesh] = c.Namespaces[who.Mesh] || open[n]
		default: // by its account, in any trust domain
			c.Services[src.Identity()] = c.Services[src.Identity()] || open[n]
		}
	}
	m.others(c, split.Classes, others)
	return c, nil
}

func (c *Callers) declared(m *Model, s *policy.Service) {
	for _, r := range s.Allow {
		for _, f := range r.From {
			switch f.Kind {
			case policy.FromService:
				if p := m.Principal(f.Service); p != "" {
					c.Services[p] = true
				} else {
					c.Outside[f.Service.ID()] = true
				}
			case policy.FromMesh:
				c.Namespaces[f.Mesh] = true
			case policy.FromAny:
				c.Any = true
			case policy.FromWorld:
				c.World = true
			}
		}
	}
}

// outsiders adds the services outside the mesh that addresses tell apart from others.
func (m *Model) outsiders(c *Callers, split *enforce.Classes, open []bool) {
	if !slices.ContainsFunc(split.Sources, func(src space.Source) bool { return src.Address(space.SourceAddress).IsValid() }) {
		return
	}
	for _, mesh := range m.Policy.Meshes {
		for _, o := range mesh.Services {
			if o.Proxied() {
				continue
			}
			named, may := false, false
			for n, src := range split.Sources {
				if m.Stands(src, policy.Source{Service: o}) {
					named, may = true, may || open[n]
				}
			}
			if may || named && m.apart(split, o) {
				c.Outside[o.ID()] = may
			}
		}
	}
}

// apart tells whether all addresses of an outside service are in classes of their own, or of wider blocks that rules name.
func (m *Model) apart(split *enforce.Classes, o *policy.Service) bool {
	return !slices.ContainsFunc(o.Addresses, func(a netip.Prefix) bool {
		class := split.Source(space.Request{}.With(space.SourceAddress, space.AddressValue(a.Addr())))
		if class < 0 {
			return true
		}
		block := split.Block(class, space.SourceAddress)
		return !block.IsValid() || block.Bits() > a.Bits()
	})
}

// others adds those of the classes that the language has no name for.
func (m *Model) others(c *Callers, split *enforce.Classes, classes map[int]bool) {
	if len(classes) == 0 {
		return
	}
	for _, mesh := range m.Policy.Meshes {
		if may, named := classes[split.Identity(split.With(m.IdentityOf(mesh.Name, Nobody), 0))]; named {
			c.Namespaces[mesh.Name] = may
		}
	}
	for principal := range m.services {
		if may, named := classes[split.Identity(split.With(principal, 0))]; named {
			c.Services[principal] = may
		}
	}
}

// Admits tells whether a service is one of the callers.
func (c *Callers) Admits(m *Model, s *policy.Service) bool {
	principal := m.Principal(s)
	may, named := c.Services[principal]
	if !s.Proxied() {
		may, named = c.Outside[s.ID()]
	}
	switch {
	case c.World && (!named || s.Proxied()):
		return true
	case named:
		return may
	}
	return principal != "" && c.namespace(s.Namespace)
}

// namespace tells whether the accounts of a namespace that nothing names are among the callers.
func (c *Callers) namespace(name string) bool {
	if may, named := c.Namespaces[name]; named {
		return may
	}
	return c.Any
}

// admits tells whether those are that a source of the language means and nothing names.
func (c *Callers) AdmitsSource(m *Model, f policy.Source) bool {
	switch f.Kind {
	case policy.FromWorld:
		return c.World
	case policy.FromAny:
		return c.World || c.Any
	case policy.FromMesh:
		return c.World || c.namespace(f.Mesh)
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
// not nil, is who may make the last hop. Those in except are neither started from nor passed through.
func (h *CallGraph) Chain(from policy.Source, to *policy.Service, last *Callers, except map[policy.Source]bool) *Chain {
	if last == nil {
		last = h.callers[to]
	}
	// Forward, everyone looked at once.
	by := map[policy.Source]policy.Source{} // who got there first; itself where it starts
	var level []policy.Source
	visit := func(s, caller policy.Source) {
		if _, seen := by[s]; !seen && !except[s] && s.Service != to {
			by[s] = caller
			level = append(level, s)
		}
	}
	for _, s := range h.starts(from) {
		visit(s, s)
	}
	doors := h.doors()
	for len(level) > 0 {
		now := level
		level = nil
		for _, s := range now {
			if last.AdmitsSource(h.Model, s) {
				way := []*policy.Service{to}
				for ; by[s] != s; s = by[s] {
					way = append(way, s.Service)
				}
				slices.Reverse(way)
				return h.chain(s, way)
			}
		}
		for _, s := range now {
			for _, callee := range doors.through(s) {
				visit(policy.Source{Service: callee}, s)
			}
		}
	}
	return nil
}

func (h *CallGraph) chain(from policy.Source, services []*policy.Service) *Chain {
	c := &Chain{From: from, Services: services}
	for _, s := range services {
		c.Edges = append(c.Edges, h.Model.at(from, s))
		from = policy.Source{Service: s}
	}
	return c
}

// doors is what a search has left behind the wide doors: what one led to is not looked at again.
type doors struct {
	*CallGraph
	world, any []*policy.Service
	namespaces map[string][]*policy.Service
}

func (h *CallGraph) doors() *doors {
	return &doors{h, h.worldly, h.toAny, maps.Clone(h.byNamespace)}
}

// through is the services that a source may call and that no door has led to. What a door leads others to but not this
// one stays behind it.
func (d *doors) through(f policy.Source) []*policy.Service {
	var all []*policy.Service
	open := func(door []*policy.Service) (left []*policy.Service) {
		for _, s := range door {
			if d.callers[s].AdmitsSource(d.Model, f) {
				all = append(all, s)
			} else {
				left = append(left, s)
			}
		}
		return left
	}
	principal, namespace := "", f.Mesh
	if f.Kind == policy.FromService {
		principal, namespace = d.Model.Principal(f.Service), f.Service.Namespace
		all = append(all, d.byOutside[f.Service.ID()]...)
		all = append(all, d.byPrincipal[principal]...)
	}
	if principal != "" || f.Kind == policy.FromMesh {
		d.namespaces[namespace] = open(d.namespaces[namespace])
	}
	if principal != "" || f.Kind == policy.FromMesh || f.Kind == policy.FromAny {
		d.any = open(d.any)
	}
	d.world = open(d.world)
	return all
}

// starts is who a source of the language stands for: those that nothing names, and every service that is one of them.
func (h *CallGraph) starts(f policy.Source) []policy.Source {
	all := []policy.Source{f}
	if f.Kind == policy.FromService {
		return all
	}
	for _, mesh := range h.Model.Policy.Meshes {
		if f.Kind == policy.FromMesh && f.Mesh != mesh.Name {
			continue
		}
		if f.Kind != policy.FromMesh {
			all = append(all, policy.Source{Kind: policy.FromMesh, Mesh: mesh.Name})
		}
		for _, s := range mesh.Services {
			if f.Kind == policy.FromWorld || s.Proxied() {
				all = append(all, policy.Source{Service: s})
			}
		}
	}
	if f.Kind == policy.FromWorld {
		all = append(all, policy.Source{Kind: policy.FromAny})
	}
	return all
}

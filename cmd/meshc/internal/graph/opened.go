package graph

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// Opened returns the graph of what manifests let through, the network too where something is known of it, with the
// modes that they set. Pods that nothing names are left out where no policy is in their namespace.
func Opened(m *model.Model, opened []diff.Change) *Graph {
	b := newBuilder(m.Policy, m.Network)
	b.mode = func(_ *policy.Mesh, s *policy.Service, port uint16) MTLS {
		at := m.Callee(s)
		if s.Name == "" {
			at = m.Manifests.For(enforce.Workload{Namespace: s.Namespace})
		}
		switch mode, _ := at.Mode(port); mode {
		case enforce.Strict:
			return Strict
		case enforce.Permissive:
			return Permissive
		}
		return NoMTLS
	}
	for _, mesh := range m.Policy.Meshes {
		b.addNamespace(mesh)
	}
	bound := map[string]bool{} // the namespaces with policies
	for _, o := range m.Manifests.Policies {
		bound[o.Namespace] = bound[o.Namespace] || o.Role == enforce.Authorizes
	}
	for i := range opened {
		if c := &opened[i]; !c.Callee.Rest() || bound[c.Callee.Namespace] {
			b.addOpened(c)
		}
	}
	b.graph.sort()
	return b.graph
}

// addOpened enters requests that pass.
func (b *builder) addOpened(c *diff.Change) {
	from := c.Callers.Who()
	if b.nodes[from] == nil {
		if c.Callers.Unidentified || c.Callers.Identities != "" || c.Callers.Former != "" {
			kind := Any
			if c.Callers.Unidentified {
				kind = World
			}
			b.addNode(&Node{ID: from, Name: from, Kind: kind})
		} else {
			b.caller(c.Callers.Source)
		}
	}
	to := c.Callee.String()
	if b.nodes[to] == nil {
		b.addNode(&Node{ID: to, Name: to, Namespace: c.Callee.Namespace, Kind: Pods})
	}
	add := func(r Rule) {
		refused := b.refusedOpened(c, r.Ports)
		if refused == Whole {
			return
		}
		e := b.between(b.nodes[from], to)
		if where := c.Callers.Where(); where != "" {
			r.Clauses = append(r.Clauses, where)
		}
		for i := range c.Callers.Except {
			r.Except = append(r.Except, c.Callers.Except[i].String())
		}
		switch r.MTLS = NoMTLS; {
		case c.MTLS && c.Callee.Service != nil:
			r.MTLS = b.loosest(c.Callee.Service, c.Callers.Source, r.Ports)
		case c.MTLS && len(r.Ports) > 0:
			r.MTLS = r.Ports[0].MTLS
		case c.MTLS:
			r.MTLS = b.mode(nil, &policy.Service{Namespace: c.Callee.Namespace}, 0)
		}
		r.Perhaps = c.Undecided || refused == Part
		if e.Allow = append(e.Allow, r); len(e.Allow) == 1 {
			e.MTLS = r.MTLS
		}
		e.MTLS = min(e.MTLS, r.MTLS)
		e.Token = e.Token || strings.Contains(c.Callers.Facts, "with ")
	}
	if len(c.Operations) == 0 {
		add(Rule{})
	}
	byPort := map[uint16][]string{}
	var ports []uint16
	for i := range c.Operations {
		o := &c.Operations[i]
		if _, known := byPort[o.Port]; !known {
			ports = append(ports, o.Port)
		}
		byPort[o.Port] = append(byPort[o.Port], o.On(o.Port))
	}
	for _, number := range ports {
		r := Rule{Operations: byPort[number]}
		if slices.Contains(r.Operations, "") {
			r.Operations = nil // all of the port
		}
		if number != 0 {
			r.Ports = []Port{{Number: number, MTLS: b.mode(nil, &policy.Service{Namespace: c.Callee.Namespace}, number)}}
			if s := c.Callee.Service; s != nil {
				r.Ports[0] = b.numbered(s, number)
			}
		}
		add(r)
	}
}

// refusedOpened is refused for requests that pass policies. Whoever is known by more than the intents say may be any
// caller.
func (b *builder) refusedOpened(c *diff.Change, ports []Port) Extent {
	from, to := c.Callers.Source, c.Callee.Service
	if to == nil {
		to = &policy.Service{Namespace: c.Callee.Namespace, Unnamed: true}
	}
	switch {
	case c.Callers.Identities != "" || c.Callers.Former != "":
		from = policy.Source{Kind: policy.FromAny}
	case c.Callers.Unidentified:
		from = policy.Source{Kind: policy.FromWorld}
	}
	return b.refused(from, to, ports)
}

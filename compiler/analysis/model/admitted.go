package model

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Callers is who may call a service: sets, never pairs of services. A caller with an identity may call from some
// address, one without from any. Where two entries are about one caller the narrower counts: false is an exception to a
// wider one.
type Callers struct {
	Identities map[string]bool // exactly these
	Namespaces map[string]bool // every other identity of these
	Any        bool            // every other identity
	World      bool            // everyone: a caller with an identity may call without it

	Outside map[string]bool // services outside the mesh, by ID: whether their addresses are let in
}

// named is what is said of a caller by name, if anything is.
func (c *Callers) named(m *Model, f policy.Source) (may, named bool) {
	switch {
	case f.Kind != policy.FromService:
	case f.Service.Proxied():
		// It is not let in where none of its identities is.
		principals := m.Principals(f.Service)
		named = len(principals) > 0
		for _, principal := range principals {
			lets, says := c.Identities[principal]
			may, named = may || lets, named && says
		}
		named = named || may
	default:
		may, named = c.Outside[f.Service.ID()]
	}
	return may, named
}

// includes reports whether a wildcard lets a caller in. Of a wildcard source, that is those members that have no name
// of their own in any rule.
func (c *Callers) includes(m *Model, f policy.Source) bool {
	may, named := c.named(m, f)
	switch {
	case c.World && (!named || f.Service.Proxied()):
		return true
	case named && !may:
		return false
	case f.Kind == policy.FromService:
		return m.Principal(f.Service) != "" && c.namespace(f.Service.Namespace)
	case f.Kind == policy.FromMesh:
		return c.namespace(f.Mesh)
	}
	return f.Kind == policy.FromAny && c.Any
}

// namespace reports whether the identities of a namespace that nothing names are let in.
func (c *Callers) namespace(name string) bool {
	if may, named := c.Namespaces[name]; named {
		return may
	}
	return c.Any
}

// Admits reports whether a caller is let in, by name or by a wildcard.
func (c *Callers) Admits(m *Model, f policy.Source) bool {
	may, _ := c.named(m, f)
	return may || c.includes(m, f)
}

// wildcards is the wildcards that let callers in, and the exceptions to them as a text that is the same for the same
// callers; empty where there are none.
func (c *Callers) wildcards() (all []policy.Source, exceptions string) {
	var except, namespaces []string
	for o, may := range c.Outside {
		if c.World && !may {
			except = append(except, o)
		}
	}
	if c.World {
		all = append(all, policy.Source{Kind: policy.FromWorld})
	} else {
		for id, may := range c.Identities {
			if !may {
				except = append(except, id)
			}
		}
		for n, may := range c.Namespaces {
			if namespaces = append(namespaces, fmt.Sprint(n, may)); may {
				all = append(all, policy.Source{Kind: policy.FromMesh, Mesh: n})
			} else {
				except = append(except, n)
			}
		}
		if c.Any {
			all = append(all, policy.Source{Kind: policy.FromAny})
		}
	}
	if len(except) == 0 || len(all) == 0 {
		return all, ""
	}
	except = append(except, namespaces...)
	slices.Sort(except)
	return all, fmt.Sprint(c.World, c.Any, except)
}

// CallersOf is the callers that may send one of some requests to a service. Every caller that reaches a service without
// a proxy may call it.
func (m *Model) CallersOf(s *policy.Service, q *policy.Requests) (*Callers, error) {
	return m.callersOf(new(enforce.Classifier), s, q)
}

func (m *Model) callersOf(classifier *enforce.Classifier, s *policy.Service, q *policy.Requests) (*Callers, error) {
	c := &Callers{Identities: map[string]bool{}, Namespaces: map[string]bool{}, World: !s.Proxied(), Outside: map[string]bool{}}
	if !s.Proxied() {
		return c, nil
	}
	if err := m.knownDimensions(q); err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), err)
	}
	var extra space.Distinctions
	m.AddRequests(&extra, q)
	about := m.Subject(q)
	split, err := m.splitWith(classifier, s, m.Callee(s), extra)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.ID(), err)
	}
	open := make([]bool, len(split.Sources))
	for i := range split.Operations {
		r := &split.Operations[i]
		if !Occurs(s, &r.Request) || !about.Does(&r.Request) || !Concerns(s, q.Ports, r.Request.Port()) {
			continue
		}
		split.MarkOpen(r, open)
	}
	for n, caller := range split.Sources {
		open[n] = open[n] && about.From(caller, true)
	}
	m.outsiders(c, s, split.Classes, open)
	others := map[int]bool{} // by identity: those that the language has no name for
	for n, src := range split.Sources {
		if src.Identity() == "" {
			c.World = c.World || open[n] && src.Elsewhere
			continue
		}
		// Of the places where one identity calls from, any that is open will do.
		_, one := split.Identities(n)
		switch who := m.caller(split.Classes, n); {
		case one:
			c.Identities[src.Identity()] = c.Identities[src.Identity()] || open[n]
		case len(who.Identities) > 0:
			others[split.Identity(n)] = others[split.Identity(n)] || open[n]
		case who.Kind == policy.FromAny:
			c.Any = c.Any || open[n]
		case who.Kind == policy.FromMesh:
			c.Namespaces[who.Mesh] = c.Namespaces[who.Mesh] || open[n]
		default: // by its account, in any trust domain
			c.Identities[src.Identity()] = c.Identities[src.Identity()] || open[n]
		}
	}
	m.others(c, split.Classes, others)
	return c, nil
}

// outsiders adds the services outside the mesh that addresses distinguish from others.
func (m *Model) outsiders(c *Callers, to *policy.Service, split *enforce.Classes, open []bool) {
	address := AddressOf(to)
	if !slices.ContainsFunc(split.Sources, func(src space.Source) bool { return src.Address(address).IsValid() }) {
		return
	}
	for _, mesh := range m.Policy.Meshes {
		for _, o := range mesh.Services {
			if o.Proxied() {
				continue
			}
			named, may := false, false
			for n, src := range split.Sources {
				if m.Represents(to, src, policy.Source{Service: o}) {
					named, may = true, may || open[n]
				}
			}
			if may || named && apart(split, address, o) {
				c.Outside[o.ID()] = may
			}
		}
	}
}

// apart reports whether all addresses of an outside service are in classes of their own, or of wider blocks that rules
// name.
func apart(split *enforce.Classes, address space.Dimension, o *policy.Service) bool {
	return !slices.ContainsFunc(o.Addresses, func(a netip.Prefix) bool {
		class := split.Source(space.Request{}.With(address, space.AddressValue(a.Addr())))
		if class < 0 {
			return true
		}
		block := split.Block(class, address)
		return !block.IsValid() || block.Bits() > a.Bits()
	})
}

// others adds those of the classes that the language has no name for.
func (m *Model) others(c *Callers, split *enforce.Classes, classes map[int]bool) {
	if len(classes) == 0 {
		return
	}
	for _, mesh := range m.Policy.Meshes {
		if may, named := classes[split.Identity(split.With(m.IdentityOf(mesh.Name, Unnamed), 0))]; named {
			c.Namespaces[mesh.Name] = may
		}
	}
	for _, principals := range m.principals {
		for _, principal := range principals {
			if may, named := classes[split.Identity(split.With(principal, 0))]; named {
				c.Identities[principal] = may
			}
		}
	}
}

package enforce

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/analysis/space"
)

// Labels is what an object selects pods by; empty where it binds its whole namespace.
func (p *Object) Labels() map[string]string {
	labels := make(map[string]string, len(p.Selector))
	for _, l := range p.Selector {
		labels[l.Key] = l.Value
	}
	return labels
}

// conditions calls f with every condition of the object's clauses.
func (p *Object) conditions(f func(*space.Condition)) {
	for i := range p.Clauses {
		for _, boxes := range [...][]space.Box{p.Clauses[i].From, p.Clauses[i].To} {
			for _, b := range boxes {
				for j := range b {
					f(&b[j])
				}
			}
		}
	}
}

// Mentions is who and what an object names, without wildcards. Each list is sorted.
type Mentions struct {
	Principals []string
	Accounts   []string // NAMESPACE/ACCOUNT
	Namespaces []string
	Ports      []uint16
}

// Mentions gathers what an object names.
func (p *Object) Mentions() Mentions {
	var m Mentions
	p.conditions(func(c *space.Condition) {
		for _, v := range slices.Concat(c.Is, c.Not) {
			switch {
			case c.Dimension == space.Port:
				m.Ports = append(m.Ports, v.Port())
			case v.Account() != "":
				m.Accounts = append(m.Accounts, v.Account())
			case v.Namespace() != "":
				m.Namespaces = append(m.Namespaces, v.Namespace())
			case v.Principal() != "":
				m.Principals = append(m.Principals, v.Principal())
			}
		}
	})
	for _, port := range p.Ports {
		m.Ports = append(m.Ports, port.Port)
	}
	return Mentions{once(m.Principals), once(m.Accounts), once(m.Namespaces), once(m.Ports)}
}

func once[T cmp.Ordered](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}

// operations is the boxes of operations of a clause, counted from 0; nil where there is no such clause.
func (p *Object) operations(rule int) []space.Box {
	if rule < 0 || rule >= len(p.Clauses) {
		return nil
	}
	return p.Clauses[rule].To
}

// Widens reports whether a clause that denies, counted from 0, has conditions on what is HTTP's and binds a port. Where
// that is not HTTP those conditions are left out, and it denies whatever the others match (istio/istio#37920).
func (p *Object) Widens(t space.Table, rule int, port uint16) bool {
	if p.Effect != Deny || p.DryRun {
		return false
	}
	from := t.HTTP(p.Clauses[rule].From)
	return slices.ContainsFunc(p.Clauses[rule].To, func(b space.Box) bool {
		return (from || t.HTTP([]space.Box{b})) && onPort(b, port)
	})
}

func onPort(b space.Box, port uint16) bool {
	on := func(p space.Pattern) bool { return p.Port() == port }
	for _, c := range b {
		if c.Dimension == space.Port && (len(c.Is) > 0 && !slices.ContainsFunc(c.Is, on) || slices.ContainsFunc(c.Not, on)) {
			return false
		}
	}
	return true
}

// Operations is what a clause, counted from 0, is about at a port. It is empty where that is everything.
func (p *Object) Operations(t space.Table, rule int, port uint16) []phrase.Operations {
	return phrase.Boxes(t, p.OnPort(rule, port))
}

// OnPort is the boxes of operations of a clause, counted from 0, at a port, without what they ask of ports.
func (p *Object) OnPort(rule int, port uint16) (all []space.Box) {
	for _, b := range p.operations(rule) {
		if onPort(b, port) {
			all = append(all, slices.DeleteFunc(slices.Clone(b), func(c space.Condition) bool { return c.Dimension == space.Port }))
		}
	}
	return all
}

// Asks is what a clause, counted from 0, is about, as Operations has it, on each of its ports.
func (p *Object) Asks(t space.Table, rule int) []phrase.Operations {
	return phrase.Boxes(t, p.operations(rule))
}

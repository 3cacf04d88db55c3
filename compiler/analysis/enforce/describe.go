package enforce

import (
	"cmp"
	"slices"
	"strings"

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

// Requires is the operations that a clause, counted from 0, asks for, without what it excludes: a box for each of its own,
// one without conditions
// for a clause that asks for nothing. Conditions are in the order of the dimensions.
func (p *Object) Requires(t space.Table, rule int) []space.Box {
	var all []space.Box
	for _, b := range p.operations(rule) {
		var asked space.Box
		for _, c := range b {
			if t[c.Dimension].Kind != nil {
				asked = asked.And(c.Dimension, c.Is...)
			}
		}
		slices.SortStableFunc(asked, func(a, b space.Condition) int { return cmp.Compare(a.Dimension, b.Dimension) })
		all = append(all, asked)
	}
	return all
}

// Excludes is the operations that a clause, counted from 0, excludes: a box for each value.
func (p *Object) Excludes(t space.Table, rule int) []space.Box {
	var all []space.Box
	for _, b := range p.operations(rule) {
		for _, c := range b {
			for _, not := range c.Not {
				if t[c.Dimension].Kind != nil {
					all = append(all, space.Box{}.And(c.Dimension, not))
				}
			}
		}
	}
	return all
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

// Operations is what a clause, counted from 0, is about at a port, as the language writes it: `GET|HEAD /api/*`. It is
// empty where that is everything.
func (p *Object) Operations(t space.Table, rule int, port uint16) []string {
	var all []string
	for _, b := range p.operations(rule) {
		if !onPort(b, port) {
			continue
		}
		words := describe(t, b)
		if len(words) == 0 {
			return nil
		}
		all = append(all, words...)
	}
	return once(all)
}

// Asks is what a clause, counted from 0, is about, as Operations has it, each with its ports: `:8080 GET /api/*`.
func (p *Object) Asks(t space.Table, rule int) []string {
	var all []string
	for _, b := range p.operations(rule) {
		on := ""
		for _, c := range b {
			if c.Dimension == space.Port && len(c.Is) > 0 {
				on = ":" + strings.ReplaceAll(space.Written(c.Is), "|", ",")
			}
		}
		words := describe(t, b)
		if len(words) == 0 && on != "" {
			words = []string{""}
		}
		for _, w := range words {
			all = append(all, strings.TrimSpace(on+" "+w))
		}
	}
	return once(all)
}

// describe is a box but for its ports: one operation for each value of a dimension that is written so. The first values
// of each dimension that needs no name come first, what else it asks for and excludes after them.
func describe(t space.Table, b space.Box) []string {
	var bare [space.MaxDimensions][]space.Pattern
	var seen [space.MaxDimensions]bool
	var rest, without []string
	for _, c := range b {
		info := &t[c.Dimension]
		switch {
		case c.Dimension == space.Port:
			continue
		case info.Kind == nil:
			rest = append(rest, "where something holds that is not judged")
			continue
		case info.Bare && !seen[c.Dimension] && len(c.Is) > 0:
			bare[c.Dimension], seen[c.Dimension] = c.Is, true
		case len(c.Is) > 0:
			rest = append(rest, info.Name+" "+t.Values(c.Dimension, c.Is))
		}
		switch {
		case len(c.Not) == 0:
		case info.Bare:
			without = append(without, "except "+space.Written(c.Not))
		default:
			without = append(without, "no "+info.Name+" "+t.Values(c.Dimension, c.Not))
		}
	}
	all := []string{""}
	for d := range t {
		switch {
		case len(bare[d]) == 0:
		case t[d].Single:
			var each []string
			for _, words := range all {
				for _, value := range bare[d] {
					each = append(each, words+" "+value.String())
				}
			}
			all = each
		default:
			for i := range all {
				all[i] += " " + space.Written(bare[d])
			}
		}
	}
	for i := range all {
		all[i] = strings.TrimSpace(all[i] + " " + strings.Join(append(rest, without...), " "))
	}
	return slices.DeleteFunc(all, func(words string) bool { return words == "" })
}

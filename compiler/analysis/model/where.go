package model

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// dimension finds a dimension of the table by its name; negative where the table has none.
func (m *Model) dimension(name string) int {
	return slices.IndexFunc(m.Manifests.Table, func(info space.Info) bool { return info.Name == name && info.Kind != nil })
}

// known returns an error where a rule of a service has a condition in a dimension that the table does not have.
func (m *Model) known(s *policy.Service) error {
	for _, rules := range [...][]policy.Rule{s.Allow, s.Deny} {
		for i := range rules {
			for _, c := range rules[i].Where {
				if m.dimension(c.Dimension) < 0 {
					return fmt.Errorf("unknown dimension %q", c.Dimension)
				}
			}
		}
	}
	return nil
}

// where is the conditions of a rule: on its callers, and on what they do. All of their dimensions are known.
func (m *Model) where(rule *policy.Rule) (callers, operations space.Box) {
	table := m.Manifests.Table
	for _, w := range rule.Where {
		c := space.Condition{Dimension: space.Dimension(m.dimension(w.Dimension))}
		if patterns := table.KeyPatterns(c.Dimension, w.Key, w.Values...); w.Not {
			c.Not = patterns
		} else {
			c.Is = patterns
		}
		if table[c.Dimension].Caller {
			callers = append(callers, c)
		} else {
			operations = append(operations, c)
		}
	}
	return callers, operations
}

// holds reports whether a request meets all conditions of a rule. One on what is HTTP's is met by HTTP alone.
func (m *Model) holds(rule *policy.Rule, caller space.Source, r *space.Request) bool {
	if len(rule.Where) == 0 {
		return true
	}
	table := m.Manifests.Table
	callers, operations := m.where(rule)
	from := *caller.Request
	from.HTTP = r.HTTP
	return table.In(callers, &from) && table.In(operations, r)
}

package check

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// assemble gathers the rules of every callee, in the order of their spans rather than of the files.
func (c *checker) assemble() {
	for _, checked := range c.meshes {
		m := checked.Mesh // a copy: the policy outlives the checker
		services := checked.services
		if checked.unnamed != nil {
			services = append(slices.Clip(services), checked.unnamed)
			slices.SortFunc(services, compareServices)
		}
		for _, s := range services {
			s.Allow, s.Deny = rulesOf(s.allow), rulesOf(s.deny)
			if !c.policy.DryRun { // in which Istio would ask all the same
				s.Ask = rulesOf(s.ask)
			}
			s.allow, s.deny, s.ask = nil, nil, nil // the policy has copies
			slices.SortStableFunc(s.Verifies, func(a, b policy.Verification) int { return a.At.Compare(b.At) })
			s.Issuers = c.tokens(s.Service)
			c.forgedClaims(s.Service)
			m.Services = append(m.Services, s.Service)
		}
		m.Externals = checked.externals()
		m.Groups = checked.groups()
		c.policy.Meshes = append(c.policy.Meshes, &m)
	}
	slices.SortStableFunc(c.policy.Guards, func(a, b *policy.Guard) int { return a.At.Compare(b.At) })
}

func rulesOf(checked []*rule) []policy.Rule {
	if len(checked) == 0 {
		return nil
	}
	slices.SortStableFunc(checked, func(a, b *rule) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.key, b.key)) })
	out := make([]policy.Rule, len(checked))
	for i, r := range checked {
		out[i] = r.Rule
	}
	return out
}

// groups returns the groups of the mesh, sorted by name.
func (m *mesh) groups() (groups []policy.Group) {
	for _, name := range slices.Sorted(maps.Keys(m.names)) {
		if g := m.names[name].group; g != nil {
			one := policy.Group{Name: name}
			for _, s := range g.members {
				one.Members = append(one.Members, s.Service)
			}
			groups = append(groups, one)
		}
	}
	return groups
}

// externals returns the externals of the mesh, sorted by name, with their callers.
func (m *mesh) externals() []*policy.External {
	var all []*policy.External
	for _, name := range slices.Sorted(maps.Keys(m.names)) {
		if e := m.names[name].external; e != nil {
			all = append(all, &e.External)
		}
	}
	return all
}

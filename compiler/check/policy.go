package check

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// assemble gathers the rules of every callee, in the order of their spans rather than of the files.
func (c *checker) assemble() {
	c.eachJudged(func(checked *mesh) {
		m := checked.Mesh // a copy: the policy outlives the checker
		services := checked.services
		if checked.unnamed != nil {
			services = append(slices.Clip(services), checked.unnamed)
			slices.SortFunc(services, compareServices)
		}
		for _, s := range services {
			s.Allow, s.Deny = rulesOf(s.allow), rulesOf(s.deny)
			if !c.policy.DryRun { // in which Istio would ask all the same
				s.Ask = rulesOf(slices.DeleteFunc(s.ask, asksForToken)) // no provider is asked about tokens
			}
			s.allow, s.deny, s.ask = nil, nil, nil // the policy has copies
			slices.SortStableFunc(s.Verifies, func(a, b policy.Verification) int { return a.At.Compare(b.At) })
			s.Issuers = c.tokens(s.Service)
			c.forgedClaims(s.Service)
			m.Services = append(m.Services, s.Service)
		}
		for _, e := range checked.externals() {
			m.Externals = append(m.Externals, &e.External)
		}
		for _, g := range checked.groups() {
			one := policy.Group{Name: g.decl.Name.Text}
			for _, s := range g.members {
				one.Members = append(one.Members, s.Service)
			}
			m.Groups = append(m.Groups, one)
		}
		c.policy.Meshes = append(c.policy.Meshes, &m)
	})
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
func (m *mesh) groups() []*group {
	return declared(m, func(s *symbol) *group { return s.group }, func(g *group) string { return g.decl.Name.Text })
}

// externals returns the externals of the mesh, sorted by name.
func (m *mesh) externals() []*external {
	return declared(m, func(s *symbol) *external { return s.external }, func(e *external) string { return e.Name })
}

// declared returns what the names of a mesh stand for, sorted by name. Few names stand for anything but a service.
func declared[T any](m *mesh, of func(*symbol) *T, name func(*T) string) (all []*T) {
	for _, s := range m.names {
		if t := of(s); t != nil {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *T) int { return cmp.Compare(name(a), name(b)) })
	return all
}

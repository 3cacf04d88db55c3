package check

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// Policy gathers the rules of every callee. The same statements in any order of files give the same policy. It is called
// once, and only where the check found no error that the caller does not accept.
func (info *Info) Policy() *policy.Policy {
	p := &policy.Policy{
		TrustDomain:   info.Config.TrustDomain,
		RootNamespace: info.Config.RootNamespace,
		Environment:   info.Environment,
		Mode:          info.Mode,
		ModeAt:        info.ModeAt,
		Guards:        info.Guards,
	}
	if env := info.Config.Environments[info.Environment]; env != nil {
		p.DryRun = env.DryRun
	}
	for _, m := range info.Meshes {
		mesh := m.Mesh
		for _, s := range m.Services() {
			s.Service.Allow = rulesOf(s.Allow)
			s.Service.Deny = rulesOf(s.Deny)
			mesh.Services = append(mesh.Services, s.Service)
		}
		mesh.Externals = m.Externals()
		mesh.Groups = m.Groups()
		p.Meshes = append(p.Meshes, &mesh)
	}
	slices.SortStableFunc(p.Guards, func(a, b *policy.Guard) int {
		if a.At.Before(b.At) {
			return -1
		}
		if b.At.Before(a.At) {
			return 1
		}
		return 0
	})
	return p
}

func rulesOf(checked []*Rule) []policy.Rule {
	if len(checked) == 0 {
		return nil
	}
	out := make([]policy.Rule, len(checked))
	for i, r := range checked {
		out[i] = r.Rule
	}
	slices.SortStableFunc(out, func(a, b policy.Rule) int {
		switch {
		case a.At.Before(b.At):
			return -1
		case b.At.Before(a.At):
			return 1
		}
		return cmp.Compare(a.OperationKey(), b.OperationKey())
	})
	return out
}

// Package lower turns a checked project into the policy that targets emit.
//
// It knows what check found out and nothing of files, findings or targets. It is total: a project without
// errors always has a policy.
package lower

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/check"
	"github.com/meshc/meshc/compiler/policy"
)

// Policy gathers the rules of every callee. The same statements in any order of files give the same policy.
func Policy(info *check.Info) *policy.Policy {
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
			s.Service.Allow = rules(s.Allow)
			s.Service.Deny = rules(s.Deny)
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

func rules(checked []*check.Rule) []policy.Rule {
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

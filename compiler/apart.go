package compiler

import (
	"context"
	"reflect"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// apart is where a draft differs from another one. Outside of the scope both have the same policy and, byte by byte,
// the same manifests, so that a comparison of the two has nothing to read and to prove there.
type apart struct {
	from  *Build
	scope policy.Scope // nil: everywhere
	read  policy.Scope // what was read back; nil: everything
}

// Draft makes the manifests of a project without proving them. Those that are the same as in another draft, unless that
// is nil, are taken from there. The error is that of ctx.
func (p *Project) Draft(ctx context.Context, like *Build) (*Build, error) {
	if p.Parsed == nil {
		return &Build{Findings: p.Findings}, ctx.Err()
	}
	checked, findings := p.Parsed.policy(p.Config)
	b := p.Parsed.draft(p.Config, checked, findings, like)
	b.Findings = append(slices.Clone(p.Findings), b.Findings...).Sort()
	return b, ctx.Err()
}

// Prove proves drafts. Of two that are alike it proves what differs between them. That is all that Diff looks at, and
// all that is read back, unless there are guards, which may be about any namespace. The error is that of ctx, or an
// *InternalError.
func Prove(ctx context.Context, drafts ...*Build) error {
	var scope policy.Scope
	if len(drafts) == 2 {
		if a, b := drafts[0], drafts[1]; a.apart.from == b {
			scope = a.apart.scope
		} else if b.apart.from == a {
			scope = b.apart.scope
		}
	}
	guarded := slices.ContainsFunc(drafts, func(b *Build) bool { return b.Policy != nil && len(b.Policy.Guards) > 0 })
	for _, b := range drafts {
		if !guarded {
			b.apart.read = scope
		}
		if err := b.prove(ctx, scope); err != nil {
			return err
		}
	}
	return nil
}

// comparedWith is where a policy differs from that of another draft, if the same targets make the same of both
// elsewhere.
func (b *Build) comparedWith(like *Build, all []targets.Target) apart {
	whole := apart{from: like}
	if like == nil || like.Policy == nil || len(like.made) != 1 || len(all) != 1 ||
		b.parsed.WithNamespaces != like.parsed.WithNamespaces || !reflect.DeepEqual(b.config, like.config) ||
		len(b.config.Accepted) > 0 || b.Policy.DryRun {
		return whole
	}
	scope := policy.Differing(like.Policy, b.Policy)
	if scope == nil || inScope(all[0], scope) == nil {
		return whole
	}
	return apart{from: like, scope: scope}
}

// inScope is a target for some namespaces; nil where it cannot be.
func inScope(t targets.Target, scope policy.Scope) targets.Mesh {
	if t, ok := t.(targets.Scoped); ok {
		return t.In(scope)
	}
	return nil
}

// emit emits what a target makes of the policy. What it cannot express may be anywhere, so that a draft with findings
// about that is of no use for another one.
func (b *Build) emit(t targets.Target) ([]targets.Manifest, diag.List) {
	if b.apart.scope == nil || len(b.apart.from.made[0].cannot) > 0 {
		return t.Emit(b.Policy)
	}
	manifests, cannot := inScope(t, b.apart.scope).Emit(b.Policy)
	if len(cannot) > 0 {
		return t.Emit(b.Policy)
	}
	for _, m := range b.apart.from.Manifests {
		if !b.apart.scope.Has(namespaceOf(&m)) {
			manifests = append(manifests, m)
		}
	}
	return targets.Sorted(manifests), nil
}

// manifestsIn is the manifests in some namespaces.
func manifestsIn(scope policy.Scope, all []targets.Manifest) []targets.Manifest {
	if scope == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(m targets.Manifest) bool { return !scope.Has(namespaceOf(&m)) })
}

func namespaceOf(m *targets.Manifest) string {
	if m.Kind == "Namespace" {
		return m.Name
	}
	return m.Namespace
}

// all is everything that the manifests of the build enforce, whatever was proved of it.
func (b *Build) all() *enforce.Layer {
	if b.apart.read == nil {
		return b.own
	}
	layer, _ := b.made[0].Target.(targets.Mesh).Read(Sources(b.Manifests), model.MeshSettings(b.Policy))
	return layer
}

// compared is the namespaces in which the builds of two sides differ, if only these were read back: nil is everywhere.
func compared(before, after Side) policy.Scope {
	if before.Build == nil || after.Build == nil || before.Build.apart.read == nil {
		return nil
	}
	return after.Build.apart.read
}

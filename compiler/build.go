package compiler

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// Build is a project that was built and proved.
type Build struct {
	Policy     *policy.Policy     // nil where a finding is an error
	Manifests  []targets.Manifest // in the order of an apply
	Model      *model.Model       // what the manifests let through, with those that are accepted; nil where they were not judged
	Judgements []model.Judgement  // of every never, always and only
	Inventory  *inventory.Set     // the workloads that the intents were checked against
	Findings   diag.List          // sorted

	own      *enforce.Layer    // its manifests alone, as far as they were read back
	accepted []*enforce.Object // what is in force beside them

	parsed *Parsed // what it was built from
	config config.Project
	made   []made // of each target
	apart  apart
}

// made is what one target made of a policy.
type made struct {
	targets.Target
	manifests []targets.Manifest
	cannot    diag.List // about what it cannot express
}

// InternalError is a bug in meshc: the manifests that it made cannot be read, or do not let through what the intents
// say. None of them may be used.
type InternalError struct{ Err error }

func (e *InternalError) Error() string { return "internal error: " + e.Err.Error() }

func (e *InternalError) Unwrap() error { return e.Err }

// Build makes the manifests of a project under a configuration and proves them. The error is that of ctx, or an
// *InternalError.
func (p *Parsed) Build(ctx context.Context, c config.Project) (*Build, error) {
	checked, findings := p.policy(c)
	return p.build(ctx, c, checked, findings)
}

// build is Build of what has been checked.
func (p *Parsed) build(ctx context.Context, c config.Project, checked *policy.Policy, findings diag.List) (*Build, error) {
	b := p.draft(c, checked, findings, nil)
	if err := b.prove(ctx, nil); err != nil {
		return nil, err
	}
	return b, nil
}

// draft makes the manifests of what has been checked. Those that are the same as in another draft are taken from there.
func (p *Parsed) draft(c config.Project, checked *policy.Policy, findings diag.List, like *Build) *Build {
	b := &Build{Inventory: p.Inventory, parsed: p, config: c, Findings: findings}
	if findings.HasErrors() {
		b.Findings = append(findings, p.refused(c, checked, findings)...).Sort()
		return b
	}
	b.Policy = checked
	all, found := Targets(c, p.WithNamespaces)
	b.apart = b.comparedWith(like, all)
	for _, target := range all {
		manifests, cannot := b.emit(target)
		if len(all) > 1 {
			for i := range manifests {
				manifests[i].Folder = target.Name()
			}
		}
		b.Manifests, found = append(b.Manifests, manifests...), append(found, cannot...)
		b.made = append(b.made, made{target, manifests, cannot})
	}
	if len(all) > 1 {
		b.Manifests = targets.Sorted(b.Manifests)
	}
	b.Findings = append(b.Findings, found.Apply(c.Warnings)...).Sort()
	return b
}

// prove proves the manifests of a draft in some namespaces. Nothing is left to prove where there are errors.
func (b *Build) prove(ctx context.Context, scope policy.Scope) error {
	if b.Policy == nil {
		return ctx.Err()
	}
	intents := sync.OnceValue(func() *network.Intents { return network.NewIntents(b.Policy) })
	var emitted []*network.Layer
	var found diag.List
	for _, m := range b.made {
		if m.cannot.HasErrors() {
			continue
		}
		var unsound diag.List
		var err error
		switch target := m.Target.(type) {
		case targets.Mesh:
			unsound, err = b.proveMesh(ctx, target, m.manifests, scope)
			if alone, ok := target.(targets.Meshless); ok && err == nil {
				var layer *network.Layer
				layer, err = proveNetwork(ctx, intents(), alone.ReadNetwork, alone.Isolates(), m.manifests)
				emitted = append(emitted, layer)
			}
		case targets.Network:
			var layer *network.Layer
			layer, err = proveNetwork(ctx, intents(), target.Read, target.Isolates(), m.manifests)
			emitted = append(emitted, layer)
		}
		if err != nil {
			return err
		}
		found = append(found, unsound...)
	}
	if b.Model != nil {
		var beside diag.List
		b.Model.Network, beside = b.parsed.network(intents, emitted...)
		found = append(found, beside...)
	}
	b.Findings = append(b.Findings, found.Apply(b.config.Warnings)...).Sort()
	return nil
}

// proveMesh reads back the bytes that a target emitted, and fails unless they let through exactly what the intents say.
// The findings are about guards that fail, or about a service that cannot be judged.
func (b *Build) proveMesh(ctx context.Context, target targets.Mesh, manifests []targets.Manifest, scope policy.Scope) (diag.List, error) {
	layer, findings := target.Read(Sources(manifestsIn(b.apart.read, manifests)), model.MeshSettings(b.Policy))
	if findings.HasErrors() {
		return nil, &InternalError{findings.Err()}
	}
	accepted, wrong := b.parsed.accepted(b.config, model.MeshSettings(b.Policy), manifests)
	b.own, b.accepted = layer, accepted
	b.Model = model.New(b.Policy, layer)
	err := b.Model.ProveIn(ctx, scope)
	if err == nil {
		err = b.proveDatagrams(ctx, target, manifests)
	}
	if len(accepted) > 0 {
		b.Model = model.New(b.Policy, layer.With(accepted))
	}
	if err == nil {
		b.Judgements, err = b.Model.Judge()
	}
	if err == nil && len(accepted) > 0 {
		var divided diag.List
		divided, err = b.Model.Divided(accepted)
		wrong = append(wrong, divided...)
	}
	var unproved *model.TooMany
	var differs *model.Unproved
	switch {
	case errors.As(err, &unproved):
		return append(wrong, unproved.Finding()), nil
	case errors.As(err, &differs) && differs.Moving != nil:
		return append(wrong, differs.Finding()), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &InternalError{err}
	}
	return append(wrong, model.Broken(b.Judgements)...), nil
}

type networkReader = func([]*source.File) (*network.Layer, diag.List)

// proveNetwork reads back the bytes that a target emitted, and fails unless the network lets through what it can see of
// the intents, and nothing else.
func proveNetwork(ctx context.Context, in *network.Intents, read networkReader, isolates [2]bool, manifests []targets.Manifest) (*network.Layer, error) {
	layer, findings := read(Sources(manifests))
	if findings.HasErrors() {
		return nil, &InternalError{findings.Err()}
	}
	witnesses, err := in.Prove(ctx, layer, isolates)
	if len(witnesses) > 0 {
		return nil, &InternalError{&model.Unproved{Witnesses: witnesses}}
	}
	return layer, err
}

// Judgeable reports whether a build can be compared, drawn and asked about: it has no errors, except that guards may be
// broken, which these answers help to understand.
func (b *Build) Judgeable() bool { return b.Model != nil && len(b.Errors()) == 0 }

// Errors returns the findings that keep a build from being judged: the errors other than broken guards.
func (b *Build) Errors() diag.List {
	return slices.DeleteFunc(slices.Clone(b.Findings), func(d diag.Diagnostic) bool {
		guard := d.Code == diag.NeverBroken || d.Code == diag.AlwaysBroken || d.Code == diag.OnlyBroken
		return d.Severity != diag.Error || b.Model != nil && guard
	})
}

// Sources returns manifests as files for the reader of a target.
func Sources(manifests []targets.Manifest) []*source.File {
	files := make([]*source.File, len(manifests))
	for i := range manifests {
		m := &manifests[i]
		files[i] = source.NewFile(m.Namespace+"/"+m.Kind+"/"+m.Name, m.YAML)
	}
	return files
}

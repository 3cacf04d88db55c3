package compiler

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"path"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/analysis/rollout"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// Side is one of two sets of manifests to compare.
type Side struct {
	Files []targets.File // as they are delivered
	Build *Build         // the build that made them, which must be Judgeable; nil if they were not built

	// Of manifests that were not built:
	Workloads *inventory.Set  // the pods of the mesh, all of them; nil if they are not known
	Settings  *config.Project // of the project around them; nil if there is none
}

// Side returns a build as it is delivered for an environment, without its inventory, which a comparison does not need.
// The files of namespaces in which a draft does not differ from the other one are empty.
func (b *Build) Side(environment string) Side {
	kept := *b
	kept.Inventory = nil
	manifests := b.Manifests
	if scope := b.apart.read; scope != nil {
		manifests = slices.Clone(manifests)
		for i := range manifests {
			if m := &manifests[i]; !scope.Has(namespaceOf(m)) {
				m.YAML = ""
			}
		}
	}
	return Side{Files: b.filesOf(manifests, environment), Build: &kept}
}

// Files returns the manifests of a build as they are delivered for an environment.
func (b *Build) Files(environment string) []targets.File { return b.filesOf(b.Manifests, environment) }

func (b *Build) filesOf(manifests []targets.Manifest, environment string) []targets.File {
	return targets.WithDataplanes(targets.Layout(manifests, environment), b.config.WrittenDataplanes(b.parsed.Environment))
}

// Among returns a build as a side that has other files than its own: what is deployed, once the build is applied to it.
func (b *Build) Among(files []targets.File) Side {
	kept := *b
	kept.Inventory, kept.accepted = nil, nil
	s := Side{Files: files, Build: &kept}
	kept.own, _ = readManifests(s.sources(), model.MeshSettings(b.Policy))
	return s
}

// Difference is how two sides differ.
type Difference struct {
	*diff.Diff
	DryRun   bool         // all policies of both sides are in a dry run, and are compared as if they were enforced
	Findings diag.List    // about the manifests that no build made
	Files    []FileChange // sorted by path
	Network  []network.Change

	Dataplanes []rollout.Replacement // of services that both sides have
}

// None reports whether both sides let through the same, at the same places.
func (d *Difference) None() bool { return d.Diff.None() && len(d.Network)+len(d.Dataplanes) == 0 }

// FileChange is a file that differs. The lock is left out, because it consists of digests of the others.
type FileChange struct {
	Path          string
	Before, After []byte // nil where a side does not have it
}

// Diff compares what two sides let through. A side without a build has the services of the other side, with the data
// planes that its lock names; if neither has a build, the services are the workloads that are known, or else those that
// the manifests are about. The error is that of ctx, or names a service that is too complicated to be compared.
func Diff(ctx context.Context, before, after Side) (*Difference, error) {
	sides := [2]Side{before, after}
	d := &Difference{Files: changedFiles(before.Files, after.Files)}
	layers, mesh := d.layers(sides)
	policies := [2]*policy.Policy{before.policy(), after.policy()}
	workloads := cmp.Or(after.Workloads, before.Workloads)
	like := policies
	for i, s := range sides {
		if other := sides[1-i].Build; s.Build == nil && other != nil {
			like[1-i] = other.like(s.Files, layers[i])
		}
	}
	was, is := models(policies, like, layers, mesh, workloads)
	for i, m := range []*model.Model{was, is} {
		if sides[i].Build == nil {
			d.Findings = append(d.Findings, m.ServicePorts()...)
		}
	}
	var err error
	overNetwork := slices.ContainsFunc(d.Files, func(f FileChange) bool { return saysNetwork(f.Before) || saysNetwork(f.After) })
	options := diff.Options{AllPods: workloads != nil, Network: overNetwork}
	if options.Scope = compared(before, after); options.Scope != nil {
		options.Whole = func() (was, is *model.Model) {
			is = model.New(after.Build.Policy, after.Build.all())
			return is.Like(before.Build.Policy, options.Scope, before.Build.own), is
		}
	}
	if d.Diff, err = diff.Compare(ctx, was, is, options); err != nil {
		return nil, err
	}
	if d.Dataplanes, err = replacements(ctx, was, is, options); err != nil {
		return nil, err
	}
	if a, b := d.others(before), d.others(after); len(a)+len(b) > 0 {
		d.Objects(notNetwork(otherObjects(a, mesh)), notNetwork(otherObjects(b, mesh)), policies[0], policies[1])
	}
	d.Tokens(layers[0].Policies, layers[1].Policies)
	if overNetwork {
		d.Network = d.untold(network.Compare(is.Policy, d.networkOf(before, mesh), d.networkOf(after, mesh)), is.Policy)
	}
	return d, nil
}

// replacements is which services get another data plane.
func replacements(ctx context.Context, was, is *model.Model, options diff.Options) ([]rollout.Replacement, error) {
	if is.Policy.Meshless || !rollout.Replaces(was.Policy, is.Policy) {
		return nil, nil
	}
	if options.Scope != nil {
		was, is = options.Whole()
	}
	return rollout.Replacements(ctx, was, is)
}

func (s *Side) policy() *policy.Policy {
	if s.Build == nil {
		return nil
	}
	return s.Build.Policy
}

// layers reads the manifests of both sides under the settings of the policy that is known, or else of the project
// around them. Without either, the trust domain is the one that every principal names. Policies in a dry run let
// everything through. If all policies are in one, they are compared as if they were enforced.
func (d *Difference) layers(sides [2]Side) ([2]*enforce.Layer, enforce.Mesh) {
	mesh, known := settings(sides)
	layers := d.read(sides, mesh)
	if both := (enforce.Layer{Policies: slices.Concat(layers[0].Policies, layers[1].Policies)}); !known {
		if domain := model.TrustDomain(&both); domain != "" {
			mesh.TrustDomain = domain
			layers = d.read(sides, mesh)
		}
	}
	if allDryRun(layers) {
		d.DryRun, mesh.Shadow = true, true
		layers = d.read(sides, mesh)
	}
	for i, s := range sides {
		if s.Build == nil { // as it is delivered; what is accepted is beside it
			s = sides[1-i]
		}
		layers[i] = layers[i].With(s.accepted())
	}
	return layers, mesh
}

func (s *Side) accepted() []*enforce.Object {
	if s.Build == nil {
		return nil
	}
	return s.Build.accepted
}

func settings(sides [2]Side) (mesh enforce.Mesh, known bool) {
	for _, s := range sides {
		if p := s.policy(); p != nil {
			mesh, known = model.MeshSettings(p), true
		}
	}
	for _, s := range sides {
		if s.Settings != nil && !known {
			mesh, known = enforce.Mesh{TrustDomain: s.Settings.TrustDomain, Aliases: s.Settings.Previous, RootNamespace: s.Settings.RootNamespace, Meshless: meshless(s.Settings, s.sources())}, true
		}
	}
	if !known {
		mesh.Meshless = meshless(nil, slices.Concat(sides[0].sources(), sides[1].sources()))
	}
	return mesh, known
}

func (d *Difference) read(sides [2]Side, mesh enforce.Mesh) (layers [2]*enforce.Layer) {
	d.Findings = nil
	for i, s := range sides {
		if s.Build != nil && (mesh.Shadow || !s.Build.Policy.DryRun) {
			layers[i] = s.Build.own
			continue
		}
		var found diag.List
		layers[i], found = readManifests(s.sources(), mesh)
		if s.Build == nil {
			d.Findings = append(d.Findings, found...)
		}
	}
	return layers
}

// allDryRun reports whether there are policies, and all of them are in a dry run.
func allDryRun(layers [2]*enforce.Layer) (some bool) {
	for _, l := range layers {
		for _, o := range l.Policies {
			if o.Role == enforce.Authorizes {
				if some = o.DryRun; !some {
					return false
				}
			}
		}
	}
	return some
}

// models gives the services of both sides the same names. A side without a policy has the services of what the other is
// like.
func models(policies, like [2]*policy.Policy, layers [2]*enforce.Layer, mesh enforce.Mesh, workloads *inventory.Set) (was, is *model.Model) {
	if policies[0] == nil && policies[1] == nil {
		both := enforce.Layer{Policies: slices.Concat(layers[0].Policies, layers[1].Policies)}
		var known []*policy.Service
		if workloads != nil {
			known = ServicesOf(workloads)
		}
		policies[0], _ = model.Named(&both, mesh, known)
		markAmbient(policies[0], workloads)
		policies[1] = policies[0]
	}
	for i, p := range policies {
		if p == nil {
			other := cmp.Or(like[1-i], policies[1-i])
			policies[i], _ = model.Named(layers[i], mesh, other.Services())
			like := map[string]*policy.Mesh{}
			for _, m := range other.Meshes {
				like[m.Name] = m
			}
			for _, m := range policies[i].Meshes {
				other := like[m.Name]
				if other == nil {
					continue
				}
				m.Ambient, m.Moving = other.Ambient, other.Moving
				for _, s := range m.Services {
					if m.Ambient && !slices.Contains(other.Services, s) { // an account that policies name, of pods that nothing shows
						s.Dataplane = policy.Ambient
					}
				}
			}
		}
	}
	return model.New(policies[0], layers[0]), model.New(policies[1], layers[1])
}

func (s *Side) sources() []*source.File {
	return sourcesOf(s.Files, func(targets.File) bool { return true })
}

func sourcesOf(files []targets.File, wanted func(targets.File) bool) (all []*source.File) {
	for _, f := range files {
		if targets.ManifestName(f.Path) && path.Base(f.Path) != targets.KustomizationName && wanted(f) {
			all = append(all, source.NewFile(f.Path, string(f.Data)))
		}
	}
	return all
}

// others returns the files of a side in which objects that decide no request are compared: the files that differ and,
// if calls out of the mesh may differ, all files that affect these.
func (d *Difference) others(s Side) []*source.File {
	outward := slices.ContainsFunc(d.Files, func(f FileChange) bool { return saysOutward(f.Before) || saysOutward(f.After) })
	return sourcesOf(s.Files, func(f targets.File) bool {
		_, differs := slices.BinarySearchFunc(d.Files, f.Path, func(c FileChange, path string) int { return cmp.Compare(c.Path, path) })
		return differs || outward && saysOutward(f.Data)
	})
}

func saysNetwork(text []byte) bool { return bytes.Contains(text, []byte("NetworkPolicy")) }

// notNetwork leaves out the objects that are compared by what they let through.
func notNetwork(all []enforce.Other) []enforce.Other {
	return slices.DeleteFunc(all, func(o enforce.Other) bool { return o.Kind == "NetworkPolicy" })
}

// networkOf is what the manifests of a side have the network let through.
func (d *Difference) networkOf(s Side, mesh enforce.Mesh) *network.Layer {
	layer, found := readNetwork(sourcesOf(s.Files, func(f targets.File) bool { return saysNetwork(f.Data) }), mesh.Meshless)
	if s.Build == nil {
		d.Findings = append(d.Findings, found...)
	}
	return layer
}

func saysOutward(text []byte) bool {
	return bytes.Contains(text, []byte("Sidecar")) || bytes.Contains(text, []byte("ServiceEntry"))
}

func changedFiles(before, after []targets.File) []FileChange {
	changes := make(map[string]FileChange, len(before))
	for _, f := range before {
		changes[f.Path] = FileChange{Path: f.Path, Before: present(f.Data)}
	}
	for _, f := range after {
		c := changes[f.Path]
		if c.Path, c.After = f.Path, present(f.Data); c.Before != nil && bytes.Equal(c.Before, c.After) {
			delete(changes, f.Path)
		} else {
			changes[f.Path] = c
		}
	}
	maps.DeleteFunc(changes, func(name string, _ FileChange) bool { return path.Base(name) == targets.LockName })
	return slices.SortedFunc(maps.Values(changes), func(a, b FileChange) int { return cmp.Compare(a.Path, b.Path) })
}

// present returns the content of a file that exists, which is not nil even if it is empty.
func present(text []byte) []byte {
	if text == nil {
		return []byte{}
	}
	return text
}

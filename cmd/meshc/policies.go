package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/cluster"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/placement"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// policies is deployed manifests, with the project around the current folder for its settings and names.
type policies struct {
	*compiler.Deployed
	project *project.Project
	cluster *cluster.Snapshot // that they are from; nil: from files
}

// registerRoot is for a verb that judges manifests without a project, whose settings would say it.
func (in *inputs) registerRoot(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.rootNamespace, "root-namespace", "", "root namespace of the mesh, for --manifests (default that of meshc.yaml, or istio-system)")
}

// readPolicies reads manifests, and workloads to compare them with where --workloads names any.
func (in *inputs) readPolicies(cmd *cobra.Command, patterns []string) (*policies, error) {
	a, err := in.readAlone(cmd, patterns)
	if err != nil {
		return nil, err
	}
	out := &policies{compiler.ReadDeployed(a.manifests, a.workloads, a.project.Config, !configured(a.project)), a.project, a.cluster}
	out.Findings = append(a.findings, out.Findings...).Sort()
	return out, nil
}

// alone is manifests without a project that made them, and the workloads that they are for.
type alone struct {
	project   *project.Project // around the current folder
	findings  diag.List        // about its settings
	manifests []*source.File
	workloads []inventory.Input
	cluster   *cluster.Snapshot // that has both; nil: files were read
	moved     bool              // some are not what their files say: something puts them into other namespaces
}

// readAlone reads manifests, and workloads where --workloads names any.
func (in *inputs) readAlone(cmd *cobra.Command, patterns []string) (*alone, error) {
	if err := stdinOnce(patterns, in.workloads); err != nil {
		return nil, err
	}
	if err := in.clusterInstead(patterns); err != nil {
		return nil, err
	}
	p, findings, err := project.Open(nil)
	if err != nil {
		return nil, err
	}
	if root := in.rootNamespace; root != "" {
		if !policy.IsLabel(root) {
			return nil, usageError("--root-namespace %s: not a valid name of a namespace", root)
		}
		p.Config.RootNamespace = root
	}
	a := &alone{project: p, findings: findings}
	if in.cluster != "" {
		s, err := in.snapshot(cmd, cluster.Options{RootNamespace: p.Config.RootNamespace})
		if err != nil {
			return nil, err
		}
		a.manifests, a.workloads, a.cluster = s.Manifests(), asWorkloads(s.Workloads()), s
	} else if a.manifests, err = manifestFiles(p, patterns, cmd.InOrStdin()); err != nil {
		return nil, err
	}
	if len(in.workloads) > 0 {
		if a.workloads, _, err = p.Workloads(in.workloads, cmd.InOrStdin()); err != nil {
			return nil, err
		}
	}
	if in.cluster == "" {
		var found diag.List
		found, a.moved = asApplied(p, slices.Concat(patterns, in.workloads), a.manifests, a.workloads, false)
		a.findings = append(a.findings, found...)
	}
	return a, nil
}

// asApplied gives manifests and workloads, which patterns name, the namespaces in which they are applied, and reports
// whether that changes any. Nothing can be named beside those that are alone.
func asApplied(p *project.Project, patterns []string, manifests []*source.File, workloads []inventory.Input, alone bool) (found diag.List, moved bool) {
	var all []placement.Manifests
	add := func(f *source.File) {
		all = append(all, placement.Manifests{Path: filepath.ToSlash(p.Path(f.Name)), File: f, Alone: alone})
	}
	for _, f := range manifests {
		add(f)
	}
	for _, w := range workloads {
		add(w.File)
		one := &all[len(all)-1]
		if one.Workloads = true; w.Namespace != "" { // meshc.yaml says it
			one.Path = ""
		}
	}
	placed, found := p.Placement(patterns...).Apply(all)
	for i := range placed {
		moved = moved || placed[i] != all[i].File
	}
	copy(manifests, placed)
	for i := range workloads {
		workloads[i].File = placed[len(manifests)+i]
	}
	return found, moved
}

// configured reports whether a project has a meshc.yaml.
func configured(p *project.Project) bool {
	_, err := os.Stat(filepath.Join(p.Root, project.ConfigName))
	return err == nil
}

// manifestFiles reads manifests that patterns name: files, folders, globs, or `-`.
func manifestFiles(p *project.Project, patterns []string, stdin io.Reader) ([]*source.File, error) {
	inputs, _, err := p.Workloads(patterns, stdin)
	if err != nil {
		return nil, err
	}
	files := make([]*source.File, len(inputs))
	for i, in := range inputs {
		files[i] = in.File
	}
	return files, nil
}

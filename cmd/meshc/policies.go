package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/source"
)

// policies is deployed manifests, with the project around the current folder for its settings and names.
type policies struct {
	*compiler.Deployed
	project *project.Project
}

// registerRoot is for a verb that judges manifests without a project, whose settings would say it.
func (in *inputs) registerRoot(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.rootNamespace, "root-namespace", "", "root namespace of the mesh that --manifests are from (default that of meshc.yaml, or istio-system)")
}

// readPolicies reads manifests, and workloads to compare them with where --workloads names any.
func (in *inputs) readPolicies(cmd *cobra.Command, patterns []string) (*policies, error) {
	if err := stdinOnce(patterns, in.workloads); err != nil {
		return nil, err
	}
	p, findings, err := project.Open(nil)
	if err != nil {
		return nil, err
	}
	if root := in.rootNamespace; root != "" {
		if !policy.IsLabel(root) {
			return nil, usageError("--root-namespace %s: no namespace can be called so", root)
		}
		p.Config.RootNamespace = root
	}
	out := &policies{project: p}
	files, err := manifestFiles(p, patterns, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	var workloads []inventory.Input
	if len(in.workloads) > 0 {
		if workloads, _, err = p.Workloads(in.workloads, cmd.InOrStdin()); err != nil {
			return nil, err
		}
	}
	out.Deployed = compiler.ReadDeployed(files, workloads, p.Config, !configured(p))
	out.Findings = append(findings, out.Findings...).Sort()
	return out, nil
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

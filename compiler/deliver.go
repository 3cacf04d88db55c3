package compiler

import (
	"maps"
	"slices"

	"github.com/meshc/meshc/lang/diag"
)

// MissingNamespaces returns a warning for each mesh that has manifests and whose namespace occurs in no workload
// manifest. It returns nothing if there are no workload manifests, or if the build creates the namespaces.
func (b *Build) MissingNamespaces() diag.List {
	var findings diag.List
	if b.Inventory == nil {
		return nil
	}
	exists, receives := map[string]bool{}, map[string]bool{}
	for _, n := range b.Inventory.Namespaces {
		exists[n.Name] = true
	}
	for _, w := range b.Inventory.Workloads {
		exists[w.Namespace] = true
	}
	for _, a := range b.Inventory.Accounts {
		exists[a.Namespace] = true
	}
	if len(exists) == 0 {
		return nil
	}
	for i := range b.Manifests {
		m := &b.Manifests[i]
		receives[m.Namespace] = true
		if m.Kind == "Namespace" {
			exists[m.Name] = true
		}
	}
	for _, m := range b.Policy.Meshes {
		if exists[m.Name] || !receives[m.Name] {
			continue
		}
		findings.Add(diag.MissingNamespace, m.At, "no workload manifest is in the namespace %s", m.Name).
			WithNote("while a cluster lacks the namespace, an Application or Kustomization with objects for it applies nothing else either").
			WithHelp("check the name, add the manifest of the Namespace, or create the namespace first")
	}
	return findings
}

// IgnoredDryRun warns of a build without an environment in a project whose environments enforce nothing yet.
func (b *Build) IgnoredDryRun() (l diag.List) {
	if b.parsed.Environment != "" || len(b.config.Environments) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(b.config.Environments))
	for _, name := range names {
		if !b.config.Environments[name].DryRun {
			return nil
		}
	}
	l.Add(diag.IgnoredDryRun, b.config.Environments[names[0]].At, "these manifests are enforced, and the environment %s is in dry-run", names[0]).
		WithHelp("build for the environment: `--env %s`", names[0])
	return l
}

package compiler

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// beside returns the objects among the manifests of workloads that are in force beside those of the project, in its
// namespaces or in the root namespace. Those that it accepts or replaces are left out.
func (p *Parsed) beside(c config.Project, meshes []string) (all []*inventory.Beside) {
	known := map[string]bool{}
	for i := range c.Accepted {
		known[c.Accepted[i].ID()] = true
	}
	for i := range c.Replaces {
		known[c.Replaces[i].ID()] = true
	}
	namespaces := map[string]bool{c.RootNamespace: true}
	for _, name := range meshes {
		namespaces[name] = true
	}
	for _, b := range p.Inventory.Beside {
		if namespaces[b.Namespace] && !known[b.ID()] {
			all = append(all, b)
		}
	}
	return all
}

// reportBeside reports these objects, those of one kind together.
func (p *Parsed) reportBeside(c config.Project, meshes []string) (list diag.List) {
	all := p.beside(c, meshes)
	for len(all) > 0 {
		first := all[0]
		rest := slices.DeleteFunc(slices.Clone(all), func(b *inventory.Beside) bool { return b.Kind == first.Kind })
		d := list.Add(diag.PolicyBeside, first.At, "the %s is in force beside what the project emits, and is not judged", first.ID())
		var files []string
		for _, b := range all {
			if b.Kind == first.Kind && !slices.Contains(files, b.At.File.Name) {
				files = append(files, b.At.File.Name)
			}
		}
		switch n := len(all) - len(rest); {
		case len(files) > 1:
			d.WithNote("there are %d of this kind, in %d files", n, len(files))
		case n > 1:
			d.WithNote("there are %d of this kind", n)
		}
		env := ""
		if p.Environment != "" {
			env = " --env " + p.Environment
		}
		d.WithHelp("see what both let through: `meshc build%s -o mesh`, then `meshc verify%s --manifests mesh --manifests %s`", env, env, strings.Join(files, " --manifests "))
		all = rest
	}
	return list
}

// Beside returns the objects among the manifests of workloads that may change what is let through to a service, and
// that the project neither makes nor accepts.
func (b *Build) Beside(s *policy.Service) []*inventory.Beside {
	var meshes []string
	for _, m := range b.Policy.Meshes {
		meshes = append(meshes, m.Name)
	}
	return slices.DeleteFunc(b.parsed.beside(b.config, meshes), func(o *inventory.Beside) bool {
		return o.Namespace != s.Namespace && o.Namespace != b.Policy.RootNamespace
	})
}

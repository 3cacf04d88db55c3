package compiler

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/project"
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
		if !known[b.ID()] && p.isIn(b, namespaces) {
			all = append(all, b)
		}
	}
	return all
}

// isIn reports whether an object may be in one of some namespaces. One whose file names none is where that is applied,
// or anywhere.
func (p *Parsed) isIn(b *inventory.Beside, namespaces map[string]bool) bool {
	if !b.Unplaced || namespaces[b.Namespace] {
		return namespaces[b.Namespace]
	}
	var by []project.Applied
	if p.Applied != nil {
		by = p.Applied(b.At.File.Name)
	}
	return len(by) == 0 || slices.ContainsFunc(by, func(a project.Applied) bool { return namespaces[a.Namespace] })
}

// reportBeside reports these objects, those of one kind together.
func (p *Parsed) reportBeside(c config.Project, meshes []string) (list diag.List) {
	all := p.beside(c, meshes)
	for len(all) > 0 {
		first := all[0]
		alike := func(b *inventory.Beside) bool { return b.Kind == first.Kind && b.Unplaced == first.Unplaced }
		rest := slices.DeleteFunc(slices.Clone(all), alike)
		what := "the " + first.ID() + " is"
		if first.Unplaced {
			what = "the " + first.Kind + " " + first.Name + ", whose file names no namespace, may be"
		}
		d := list.Add(diag.PolicyBeside, first.At, "%s in force beside what the project emits, and is not judged", what)
		var files []string
		for _, b := range all {
			if alike(b) && !slices.Contains(files, b.At.File.Name) {
				files = append(files, b.At.File.Name)
			}
		}
		switch n := len(all) - len(rest); {
		case len(files) > 1:
			d.WithNote("there are %d of this kind, in %d files", n, len(files))
		case n > 1:
			d.WithNote("there are %d of this kind", n)
		}
		if first.Unplaced {
			p.place(d)
		} else {
			env := ""
			if p.Environment != "" {
				env = " --env " + p.Environment
			}
			d.WithHelp("see what both let through: `meshc build%s -o mesh`, then `meshc verify%s --manifests mesh --manifests %s`", env, env, strings.Join(files, " --manifests "))
		}
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
		return !b.parsed.isIn(o, map[string]bool{s.Namespace: true, b.Policy.RootNamespace: true})
	})
}

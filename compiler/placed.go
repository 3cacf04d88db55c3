package compiler

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/lang/diag"
)

// placed has findings about files without a namespace name what applies them in one: an overlay of Kustomize, an
// Application of Argo CD or a Kustomization of Flux.
func (in *Inputs) placed(found diag.List) diag.List {
	found = slices.Clone(found)
	for i := range found {
		if found[i].Code == diag.NoNamespace {
			in.place(&found[i])
		}
	}
	return found
}

// place has a finding about a file that names no namespace say how meshc.yaml gives it one, and which, if something on
// disk applies it.
func (in *Inputs) place(d *diag.Diagnostic) {
	name := d.Primary.File.Name
	var by []project.Applied
	if in.Applied != nil {
		by = in.Applied(name)
	}
	switch len(by) {
	case 0:
		inventory.StateNamespace(d)
	case 1:
		d.WithHelp("%s applies it in namespace %s: write that in meshc.yaml, `%s`", by[0].By, by[0].Namespace, inventory.Entry(in.entry(name, by), by[0].Namespace))
	default:
		var all []string
		for _, a := range by {
			all = append(all, a.By+" in namespace "+a.Namespace)
		}
		d.WithHelp("it is applied by %s: write the namespace that is meant in meshc.yaml, such as `%s`", strings.Join(all, " and by "), inventory.Entry(in.entry(name, by), by[0].Namespace))
	}
}

// entry is the path of meshc.yaml that names a file, if all files that it names are applied alike, and else the file.
func (in *Inputs) entry(name string, by []project.Applied) string {
	i := slices.IndexFunc(in.Workloads, func(w inventory.Input) bool { return w.File.Name == name })
	if i < 0 || in.Workloads[i].Entry == "" {
		return name
	}
	entry := in.Workloads[i].Entry
	for _, w := range in.Workloads {
		if w.Entry != entry || w.Namespace != "" {
			continue
		}
		if other := in.Applied(w.File.Name); len(other) > 0 && !slices.Equal(other, by) {
			return name
		}
	}
	return entry
}

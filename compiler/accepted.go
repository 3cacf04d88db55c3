package compiler

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
)

// accepted returns the objects that the settings accept and that decide requests. It is a finding where one is not
// among the manifests that were read for them, would be refused, or has the name of one that the project makes.
func (p *Parsed) accepted(c config.Project, mesh enforce.Mesh, made []targets.Manifest) (all []*enforce.Object, found diag.List) {
	if len(c.Accepted) == 0 {
		return nil, nil
	}
	layer, wrong := readManifests(p.Accepted, mesh)
	for _, d := range wrong {
		if d.Severity != diag.Error {
			continue
		}
		if !slices.ContainsFunc(layer.Policies, func(o *enforce.Object) bool { return o.At == d.Primary && !o.Broken }) {
			found = append(found, d)
			continue
		}
		both := found.Add(diag.Undecided, d.Primary, "%s", d.Message) // it is in force beside another one
		both.Related, both.Notes, both.Help = d.Related, d.Notes, d.Help
	}
	objects := map[string]*enforce.Object{}
	for _, o := range layer.Policies {
		objects[o.Kind+" "+o.ID()] = o
	}
	others := map[string]bool{}
	for _, o := range otherObjects(p.Accepted, mesh) {
		others[o.Kind+" "+o.ID()] = true
	}
	for i := range c.Accepted {
		a := &c.Accepted[i]
		o := objects[a.ID()]
		switch {
		case o == nil && !others[a.ID()]:
			found.Add(diag.InvalidSetting, a.At, "%s has no %s", a.Path, a.ID()).
				WithHelp("correct the entry, or delete it if the object is gone")
		case slices.ContainsFunc(made, func(m targets.Manifest) bool {
			return m.Kind == a.Kind && m.Namespace == a.Namespace && m.Name == a.Name
		}):
			found.Add(diag.InvalidSetting, a.At, "the project makes the %s itself, so it would replace the one that is accepted", a.ID()).
				WithHelp("give the service that it is made for another name, or delete the entry")
		case o != nil:
			all = append(all, o)
		}
	}
	return all, found
}

// Accepts reports whether an object of the model is accepted, and not made by the project.
func (b *Build) Accepts(o *enforce.Object) bool { return slices.Contains(b.accepted, o) }

// kept is every accepted object that bears on who reaches whom, whether it decides requests or not.
func (b *Build) kept() audit.Objects {
	objects := audit.Objects{Layer: &enforce.Layer{Policies: b.accepted}}
	for _, o := range otherObjects(b.parsed.Accepted, model.MeshSettings(b.Policy)) {
		if read.Bears(o.Kind) && slices.ContainsFunc(b.config.Accepted, func(a config.Accepted) bool { return a.ID() == o.Kind+" "+o.ID() }) {
			objects.Others = append(objects.Others, o)
		}
	}
	return objects
}

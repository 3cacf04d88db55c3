package check

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// elsewhere judges the meshes that are in another mesh of Istio: their services may call, and nothing here protects
// them.
func (c *checker) elsewhere() {
	for _, name := range slices.Sorted(maps.Keys(c.Config.Elsewhere)) {
		at, m := c.Config.ElsewhereAt[name], c.byName[name]
		if m == nil || len(m.sections) == 0 {
			d := c.list.Add(diag.InvalidSetting, at, "mesh %s is not declared, so this entry has no effect", quoted(name)).
				WithHelp("declare its callers: `mesh %s`, and `service NAME account ACCOUNT` for each", name)
			if near, ok := diag.Nearest(name, slices.Sorted(maps.Keys(c.byName))); ok {
				d.WithHelp("did you mean %s?", near)
			}
			continue
		}
		if c.judges(name) {
			c.about(name, func() { c.foreign(m, at) })
		}
	}
	if len(c.Config.Elsewhere) == 0 {
		return
	}
	c.eachJudged(func(m *mesh) {
		for _, s := range m.services {
			for _, r := range slices.Concat(s.allow, s.deny) {
				for i, f := range r.From {
					c.wholeElsewhere(f, r.SourceAt(i))
				}
				for i, f := range r.Except {
					c.wholeElsewhere(f, r.exceptAt[i])
				}
			}
		}
	})
}

// foreign judges a mesh that is in another mesh of Istio.
func (c *checker) foreign(m *mesh, at source.Span) {
	for _, s := range m.services {
		if len(s.workloads) > 0 {
			w := s.workloads[0]
			c.list.Add(diag.InvalidSetting, at, "mesh %s is in another Istio mesh, but its workloads are among the manifests", m.Name).
				WithRelated(w.At, "%s %s", w.Kind, w.Object).
				WithHelp("delete the entry if these workloads are in the mesh of this project")
			break
		}
	}
	if !m.stated.at.IsZero() {
		c.boundElsewhere(m.stated.at, m)
	}
	for _, s := range m.services {
		for _, r := range slices.Concat(s.allow, s.deny, s.ask) {
			c.boundElsewhere(r.ToAt, m)
		}
		for _, v := range s.Verifies {
			c.boundElsewhere(v.At, m)
		}
		if s.statesMode() && !s.stated.at.IsZero() {
			c.boundElsewhere(s.stated.at, m)
		}
	}
}

// boundElsewhere reports a statement that would bind a service of another mesh of Istio.
func (c *checker) boundElsewhere(at source.Span, m *mesh) {
	c.list.Add(diag.Elsewhere, at, "mesh %s is in another Istio mesh, with the trust domain %s, so nothing here binds its services", m.Name, c.Config.Elsewhere[m.Name]).
		WithRelated(c.Config.ElsewhereAt[m.Name], "meshc.yaml says so here").
		WithHelp("only declare its services and name them as callers; a host that is called there is an `external`")
}

// wholeElsewhere reports that all of another mesh of Istio is named: a rule for a namespace takes the one here for it,
// too.
func (c *checker) wholeElsewhere(f policy.Source, at source.Span) {
	if domain := c.Config.Elsewhere[f.Mesh]; f.Kind == policy.FromMesh && domain != "" {
		c.list.Add(diag.Elsewhere, at, "`%s` would also admit a namespace %s of this Istio mesh: mesh %s is in another, with the trust domain %s", f, f.Mesh, f.Mesh, domain).
			WithRelated(c.Config.ElsewhereAt[f.Mesh], "meshc.yaml says so here").
			WithHelp("name its services: `%s/NAME`", f.Mesh)
	}
}

// Settings reports where the settings of a mesh are not those of a project.
func Settings(all []*inventory.MeshConfig, project *config.Project) (list diag.List) {
	for _, m := range all {
		list = append(list, differs(m, project)...)
	}
	return append(list, Revisions(all)...)
}

func differs(m *inventory.MeshConfig, project *config.Project) (list diag.List) {
	own := cmp.Or(project.TrustDomain, "cluster.local")
	if root := cmp.Or(project.RootNamespace, "istio-system"); m.RootNamespace != "" && m.RootNamespace != root {
		list.Add(diag.MeshConfigDiffers, m.At, "the root namespace of the mesh is %s here, and %s in meshc.yaml", m.RootNamespace, root).
			WithHelp("set `rootNamespace: %s` in meshc.yaml", m.RootNamespace)
	}
	if m.TrustDomain == "" {
		return list
	}
	if m.TrustDomain != own {
		if !slices.Contains(project.Previous, m.TrustDomain) {
			list.Add(diag.MeshConfigDiffers, m.At, "the trust domain of the mesh is %s here, and %s in meshc.yaml", m.TrustDomain, own).
				WithHelp("set `trustDomain: %s` in meshc.yaml; while the mesh is renamed to %s, also `trustDomains: {previous: [%s]}`", m.TrustDomain, own, m.TrustDomain)
		}
		return list // the mesh has yet to be renamed
	}
	for _, domain := range project.Previous {
		if !slices.Contains(m.Aliases, domain) {
			list.Add(diag.MeshConfigDiffers, m.At, "%s is a previous trust domain in meshc.yaml, and none of the trustDomainAliases here", domain).
				WithNote("without the alias, callers refuse servers whose certificates are of %s", domain).
				WithHelp("add it to trustDomainAliases, or delete it from meshc.yaml once no workload has an identity of it")
		}
	}
	for _, domain := range m.Aliases {
		if domain != own && !slices.Contains(project.Previous, domain) {
			list.Add(diag.MeshConfigDiffers, m.At, "the mesh treats identities of %s as its own (trustDomainAliases), which meshc.yaml does not state", domain).
				WithNote("a policy that admits an account of %s also admits the account of the same name and namespace in %s", own, domain).
				WithHelp("write `trustDomains: {previous: [%s]}` in meshc.yaml, or delete the alias", domain)
		}
	}
	return list
}

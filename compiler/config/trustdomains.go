package config

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// standardDomain is the trust domain of a mesh that states none.
const standardDomain = "cluster.local"

// trustDomains reads the trust domains other than that of the mesh.
func (r *reader) trustDomains(path string, v *yaml.Node) {
	r.fields(path, v, []field{
		{"previous", r.texts(&r.project.Previous, "trust domains", trustDomain)},
		{"meshes", r.elsewhere},
	})
	for _, pair := range r.pairs(path, v) {
		if pair.Key.Value == "previous" {
			r.previousAt = r.doc.Span(pair.Key)
		}
	}
}

func (r *reader) elsewhere(path string, v *yaml.Node) {
	p := &r.project
	p.Elsewhere, p.ElsewhereAt = map[string]string{}, map[string]source.Span{}
	for _, pair := range r.pairs(path, v) {
		mesh, at := pair.Key.Value, r.doc.Span(pair.Key)
		if why := label(mesh); why != "" {
			r.findings.Add(diag.InvalidSetting, at, "%q is not a valid mesh name: %s", mesh, why)
			continue
		}
		var domain string
		if r.text(&domain, trustDomain)(join(path, mesh), pair.Value); domain != "" {
			p.Elsewhere[mesh], p.ElsewhereAt[mesh] = domain, at
		}
	}
}

// distinctDomains reports trust domains that are given twice.
func (r *reader) distinctDomains() {
	p := &r.project
	slices.Sort(p.Previous)
	for i, domain := range p.Previous {
		switch {
		case domain == p.TrustDomain:
			r.findings.Add(diag.InvalidSetting, r.previousAt, "%s is the trust domain of the mesh, and not a previous one", domain).
				WithHelp("set `trustDomain` to the one that the mesh is to have")
		case i > 0 && domain == p.Previous[i-1]:
			r.findings.Add(diag.InvalidSetting, r.previousAt, "%s is given twice", domain).WithHelp("delete one")
		}
	}
	for _, mesh := range slices.Sorted(maps.Keys(p.Elsewhere)) {
		switch domain := p.Elsewhere[mesh]; {
		case domain == p.TrustDomain || slices.Contains(p.Previous, domain):
			r.findings.Add(diag.InvalidSetting, p.ElsewhereAt[mesh], "mesh %s would be in another mesh with the same trust domain %s", mesh, domain).
				WithHelp("delete the entry: identities of one trust domain cannot be distinguished")
		case domain == standardDomain:
			r.findings.Add(diag.InvalidSetting, p.ElsewhereAt[mesh], "mesh %s cannot be in another mesh with the trust domain %s", mesh, domain).
				WithNote("in a policy %s stands for the trust domain of the mesh that the policy is in, whatever that is", domain).
				WithHelp("give the other mesh a trust domain of its own or, if this mesh had %s before, list it under `previous`", domain)
		}
	}
}

package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// dataplanes reads the data plane of each namespace: `sidecar`, `ambient` or `{ambient: {waypoint: NAME, ingress:
// true}}`; and while it moves from one to the other, `{sidecar: {to: ambient, …}}` before it is labelled, and then
// `{ambient: {from: sidecar, …}}`. While a waypoint is added or removed it is `{ambient: {from: ambient, waypoint:
// NAME}}`.
func (r *reader) dataplanes(into *map[string]Dataplane) func(string, *yaml.Node) {
	return func(path string, v *yaml.Node) {
		*into = map[string]Dataplane{}
		for _, pair := range r.pairs(path, v) {
			mesh, at := pair.Key.Value, r.doc.Span(pair.Key)
			if why := label(mesh); why != "" && mesh != "*" {
				r.findings.Add(diag.InvalidSetting, at, "%q is not a valid mesh name: %s", mesh, why)
				continue
			}
			d, here := Dataplane{At: at}, join(path, mesh)
			var name, word string
			if pair.Value.Kind == yaml.MappingNode {
				word = r.dataplane(here, pair.Value, &d, &name)
			} else {
				r.oneOf(&word, "sidecar", "ambient")(here, pair.Value)
			}
			if d.Ambient = word == "ambient"; name != "" {
				namespace, gateway, elsewhere := strings.Cut(name, "/")
				if !elsewhere {
					namespace, gateway = mesh, name
				}
				if mesh == "*" && !elsewhere {
					namespace = "" // that of each
				}
				d.WaypointNamespace, d.Waypoint = namespace, gateway
			}
			(*into)[mesh] = d
		}
	}
}

// ReadDataplanes reads entries of `dataplanes:` as Written writes them. It reports false if one is none.
func ReadDataplanes(written map[string]string) (map[string]Dataplane, bool) {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\ndataplanes:\n", APIVersion, Kind)
	for namespace, d := range written {
		fmt.Fprintf(&b, "  %q: %s\n", namespace, d)
	}
	p, findings := Parse(source.NewFile("dataplanes", b.String()))
	return p.Dataplanes, !findings.HasErrors() && len(p.Dataplanes) == len(written)
}

// dataplane reads the settings of one data plane, and returns which.
func (r *reader) dataplane(path string, v *yaml.Node, d *Dataplane, name *string) (word string) {
	var other string
	of := func(plane, key string, values ...string) field {
		return field{plane, func(path string, v *yaml.Node) {
			if word != "" {
				r.findings.Add(diag.InvalidSetting, r.doc.Span(v), "%s: a namespace has one data plane", path).
					WithHelp("while it moves, write `{sidecar: {to: ambient}}`, and once it is labelled `{ambient: {from: sidecar}}`")
			}
			word = plane
			seen := r.fields(path, v, []field{
				{key, r.oneOf(&other, values...)},
				{"waypoint", r.text(name, waypoint)},
				{"ingress", r.flag(&d.Ingress)},
			})
			if plane == "sidecar" && other == "" && seen != nil && !seen[key] {
				r.findings.Add(diag.InvalidSetting, r.doc.Span(v), "%s: sidecars have no settings", path).
					WithHelp("write `sidecar`, or `{sidecar: {to: ambient}}` for a namespace that is about to move")
			}
		}}
	}
	r.fields(path, v, []field{of("ambient", "from", "sidecar", "ambient"), of("sidecar", "to", "ambient")})
	d.Joining = word == "ambient" && other == "ambient"
	d.Moving = other != "" && !d.Joining
	if d.Joining && *name == "" {
		r.findings.Add(diag.InvalidSetting, r.doc.Span(v), "%s: from ambient mode to ambient mode without a waypoint", path).
			WithHelp("name the waypoint that is to be added or removed: `{ambient: {from: ambient, waypoint: waypoint}}`")
	}
	return word
}

// waypoint checks the name of a Gateway: NAME, or NAMESPACE/NAME.
func waypoint(s string) string {
	namespace, name, elsewhere := strings.Cut(s, "/")
	if !elsewhere {
		return label(s)
	}
	if why := label(namespace); why != "" {
		return why
	}
	return label(name)
}

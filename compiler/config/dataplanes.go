package config

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/lang/diag"
)

// dataplanes reads the data plane of each namespace: `sidecar`, `ambient` or `{ambient: {waypoint: NAME}}`.
func (r *reader) dataplanes(path string, v *yaml.Node) {
	r.project.Dataplanes = map[string]Dataplane{}
	for _, pair := range r.pairs(path, v) {
		mesh, at := pair.Key.Value, r.doc.Span(pair.Key)
		if why := label(mesh); why != "" && mesh != "*" {
			r.findings.Add(diag.InvalidSetting, at, "%q is not a valid mesh name: %s", mesh, why)
			continue
		}
		d, here := Dataplane{At: at}, join(path, mesh)
		var name, word string
		if pair.Value.Kind == yaml.MappingNode {
			r.fields(here, pair.Value, []field{{"ambient", func(path string, v *yaml.Node) {
				r.fields(path, v, []field{{"waypoint", r.text(&name, waypoint)}})
			}}})
			word = "ambient"
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
		r.project.Dataplanes[mesh] = d
	}
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

package read

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
)

// gatewaySelectors are the labels of gateways that need no Gateway object to be known as such.
func gatewaySelectors() []*enforce.Object {
	all := []*enforce.Object{{Selector: []enforce.Label{{Key: bearing.GatewayName}}}}
	for _, value := range bearing.GatewayLabels {
		all = append(all, &enforce.Object{Selector: []enforce.Label{{Key: "istio", Value: value}}})
	}
	return all
}

// gateway reads the selector of a Gateway of networking.istio.io, which binds pods of every namespace.
func (r *reader) gateway(d *decoder, spec int32) {
	g := &enforce.Object{}
	for c := d.Nodes[d.at(spec, "selector")].First; c != 0; c = d.Nodes[c].Next {
		g.Selector = append(g.Selector, enforce.Label{Key: d.Nodes[c].Key, Value: d.Nodes[c].Text})
	}
	if len(g.Selector) > 0 {
		r.gateways = append(r.gateways, g)
	}
}

// namespace reads what the labels of a Namespace say about its pods.
func (r *reader) namespace(d *decoder, n int32) {
	meta := d.at(n, "metadata")
	labels := d.at(meta, "labels")
	name := d.text(d.at(meta, "name"))
	switch {
	case bearing.UsesWaypoint(d.text(d.at(labels, bearing.UseWaypoint))):
		r.dataplanes[name] = policy.Unjudged
	case d.text(d.at(labels, bearing.DataplaneMode)) == "ambient" && d.text(d.at(labels, bearing.InjectNamespace)) != "enabled":
		r.dataplanes[name] = policy.Ambient
	}
}

// ofGateways reports whether the routes of a VirtualService are those of gateways alone, or of the one that delegates
// to it.
func (d *decoder) ofGateways(spec int32) bool {
	gateways := d.texts(d.at(spec, "gateways"))
	return d.at(spec, "hosts") == 0 || len(gateways) > 0 && !slices.Contains(gateways, "mesh")
}

// notice notes an object that bears on who reaches whom and is not read. Some kinds have a finding for each object
// instead, and what meshc emits is known.
func (r *reader) notice(d *decoder, group, kind string, n int32) {
	meta := d.at(n, "metadata")
	switch {
	case kind == "EnvoyFilter", kind == "Sidecar":
		return
	case kind == "VirtualService" && d.ofGateways(d.at(n, "spec")): // whose routes are read
		return
	case kind == "ConfigMap" && bearing.IsMeshConfig(d.text(d.at(meta, "name"))) && d.at(d.at(n, "data"), "mesh") != 0:
		if r.mesh.Settled {
			return
		}
		kind = strings.TrimPrefix(bearing.MeshConfig, "/")
	case d.text(d.at(d.at(meta, "labels"), "app.kubernetes.io/managed-by")) == "meshc":
		return
	}
	r.notices.See(bearing.Policies, group+"/"+kind, d.span(d.child(n, "kind")))
}

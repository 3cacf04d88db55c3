package read

import (
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
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
	for c := d.nodes[d.at(spec, "selector")].first; c != 0; c = d.nodes[c].next {
		g.Selector = append(g.Selector, enforce.Label{Key: d.nodes[c].key, Value: d.nodes[c].text})
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

// Ambient reports what ztunnel reads in its own way of the objects that bind ambient workloads.
func Ambient(m *enforce.Layer, workloads []enforce.Workload) diag.List {
	var findings diag.List
	reported := map[*enforce.Object]bool{}
	for _, w := range workloads {
		c := m.For(w)
		if !c.Ambient() {
			continue
		}
		for _, p := range c.Policies {
			if p.Requests && !p.Broken && !reported[p] {
				reported[p] = true
				findings.Add(diag.UnknownEffect, p.At, "%s %s asks for more than ztunnel sees of a connection: what it decides about the ambient pods of %s is not judged", p.Kind, p.ID(), w.Namespace).
					WithHelp("ask for principals, namespaces, ipBlocks and ports only")
			}
		}
		for _, p := range c.Peers {
			if c.Unsettled(p) && !reported[p] {
				reported[p] = true
				findings.Add(diag.UnknownEffect, p.At, "ztunnel enforces the modes of the PeerAuthentication %s in its own way: what they are for the ambient pods of %s is not judged", p.ID(), w.Namespace).
					WithHelp("state a mode for the namespace and for the workload, and not DISABLE")
			}
		}
	}
	return findings
}

// notice notes an object that bears on who reaches whom and is not read. Some kinds have a finding for each object instead,
// and what meshc emits is known.
func (r *reader) notice(d *decoder, group, kind string, n int32) {
	meta := d.at(n, "metadata")
	switch {
	case kind == "EnvoyFilter", kind == "Sidecar":
		return
	case kind == "ConfigMap" && bearing.IsMeshConfig(d.text(d.at(meta, "name"))) && d.at(d.at(n, "data"), "mesh") != 0:
		kind = strings.TrimPrefix(bearing.MeshConfig, "/")
	case d.text(d.at(d.at(meta, "labels"), "app.kubernetes.io/managed-by")) == "meshc":
		return
	}
	r.notices.See(bearing.Policies, group+"/"+kind, d.span(d.child(n, "kind")))
}

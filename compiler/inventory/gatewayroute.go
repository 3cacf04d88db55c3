package inventory

import (
	"cmp"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
)

// gatewayRoute reads a route of the Gateway API.
// https://gateway-api.sigs.k8s.io/reference/spec/#httproute
func (f *file) gatewayRoute(n *yaml.Node, kind string) {
	meta := metaOf(n)
	at, namespace, ok := f.meta(n, kind, meta)
	if !ok {
		return
	}
	p := &passing{by: objectKey{kind, namespace, meta.Name}}
	spec := yamldoc.Get(n, "spec")
	for _, parent := range yamldoc.Items(yamldoc.Get(spec, "parentRefs")) {
		of := cmp.Or(yamldoc.Scalar(parent, "kind"), "Gateway")
		if of != "Gateway" {
			if of != "Service" && of != "ServiceEntry" {
				f.keep("", "", "", at, func(r *reader) { r.astray = true })
			}
			f.findings.Add(diag.SkippedObject, f.doc.Span(yamldoc.Get(parent, "kind")), "%s is not judged where its parent is a %s: only gateways are", p.by, of)
			continue
		}
		p.gateways = append(p.gateways, objectKey{gatewayGroup, cmp.Or(yamldoc.Scalar(parent, "namespace"), namespace), yamldoc.Scalar(parent, "name")})
	}
	for _, rule := range yamldoc.Items(yamldoc.Get(spec, "rules")) {
		f.filters(p, rule)
		for _, backend := range yamldoc.Items(yamldoc.Get(rule, "backendRefs")) {
			f.backend(p, backend)
			f.filters(p, backend)
		}
	}
	if len(p.to) > 0 {
		f.keep(kind, namespace, meta.Name, at, func(r *reader) { r.passes = append(r.passes, p) })
	}
}

// filters adds where the filters of a rule or of a backend copy requests to.
func (f *file) filters(p *passing, of *yaml.Node) {
	for _, filter := range yamldoc.Items(yamldoc.Get(of, "filters")) {
		f.backend(p, yamldoc.Get(filter, "requestMirror", "backendRef"))
	}
}

func (f *file) backend(p *passing, n *yaml.Node) {
	name := yamldoc.Get(n, "name")
	if name == nil || f.unfilled(name.Value) || !f.spend(n, 64) {
		return
	}
	d := destination{service: yamldoc.Scalar(name), port: number(yamldoc.Get(n, "port")), at: f.doc.Span(name)}
	switch cmp.Or(yamldoc.Scalar(n, "kind"), "Service") {
	case "Service":
		d.namespace = cmp.Or(yamldoc.Scalar(n, "namespace"), p.by.namespace)
	case "Hostname":
		at := d.at
		d = hostOf(d.service, p.by.namespace)
		d.port, d.at = number(yamldoc.Get(n, "port")), at
	default:
		f.keep("", "", "", d.at, func(r *reader) { r.astray = true })
		f.findings.Add(diag.SkippedObject, f.doc.Span(yamldoc.Get(n, "kind")), "%s is not judged where it leads to an object of kind %s: what is behind it is not known", p.by, yamldoc.Scalar(n, "kind"))
		return
	}
	p.to = append(p.to, d)
}

// grant is what a ReferenceGrant lets routes of a kind and a namespace lead to: a Service of a namespace, or all of
// them where it has no name. https://gateway-api.sigs.k8s.io/reference/spec/#referencegrant
type grant struct{ kind, from, namespace, service string }

func (f *file) grant(n *yaml.Node) {
	meta := metaOf(n)
	at, namespace, ok := f.meta(n, "ReferenceGrant", meta)
	if !ok {
		return
	}
	var all []grant
	spec := yamldoc.Get(n, "spec")
	for _, from := range yamldoc.Items(yamldoc.Get(spec, "from")) {
		for _, to := range yamldoc.Items(yamldoc.Get(spec, "to")) {
			if yamldoc.Scalar(to, "kind") == "Service" && f.spend(to, 64) {
				all = append(all, grant{yamldoc.Scalar(from, "kind"), yamldoc.Scalar(from, "namespace"), namespace, yamldoc.Scalar(to, "name")})
			}
		}
	}
	f.keep("ReferenceGrant", namespace, meta.Name, at, func(r *reader) {
		for _, g := range all {
			r.grants[g] = true
		}
	})
}

// granted reports whether routes may lead to a destination, which those of the Gateway API need a grant for where it is
// in another namespace.
func (r *reader) granted(p *passing, d *destination) bool {
	g := grant{p.by.kind, p.by.namespace, d.namespace, ""}
	if d.granted || d.namespace == p.by.namespace || r.grants[g] {
		return true
	}
	g.service = d.service
	return r.grants[g]
}

package inventory

import (
	"cmp"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// ingresses is the gateway that passes on what Ingresses of Istio's class say, unless the settings of the mesh name
// another.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ingress_selector
var ingresses = objectKey{ingressGroup, "", ""}

type ingress struct {
	*passing
	class  string
	kindAt source.Span
}

// ingress reads an Ingress. Those of other classes are named, for it is not known which pods serve them.
func (f *file) ingress(n *yaml.Node) {
	meta := metaOf(n)
	at, namespace, ok := f.meta(n, "Ingress", meta)
	if !ok {
		return
	}
	f.annotated(n, "Ingress", namespace, at)
	spec := yamldoc.Get(n, "spec")
	annotated := yamldoc.Scalar(n, "metadata", "annotations", "kubernetes.io/ingress.class")
	i := &ingress{
		passing: &passing{by: objectKey{"Ingress", namespace, meta.Name}, gateways: []objectKey{ingresses}},
		class:   cmp.Or(annotated, yamldoc.Scalar(spec, "ingressClassName")),
		kindAt:  f.doc.Span(yamldoc.Get(n, "kind")),
	}
	f.ingressBackend(i.passing, yamldoc.Get(spec, "defaultBackend"))
	for _, rule := range yamldoc.Items(yamldoc.Get(spec, "rules")) {
		for _, path := range yamldoc.Items(yamldoc.Get(rule, "http", "paths")) {
			f.ingressBackend(i.passing, yamldoc.Get(path, "backend"))
		}
	}
	f.keep("Ingress", namespace, meta.Name, at, func(r *reader) { r.ingresses = append(r.ingresses, i) })
}

// ingress adds where Ingresses of Istio's class lead.
func (r *reader) ingress() {
	for _, i := range r.ingresses {
		if !r.classes[i.class] {
			r.notices.See(bearing.Workloads, ingressGroup+"/Ingress", i.kindAt)
			continue
		}
		r.gateways[ingresses] = ofIngresses()
		r.passes = append(r.passes, i.passing)
	}
}

// ofIngresses is the gateway of Ingresses as Istio's installer makes it.
func ofIngresses() *Gateway {
	return &Gateway{Selector: map[string]string{"istio": "ingressgateway"}, Ports: []uint16{80, 443}}
}

func (f *file) ingressBackend(p *passing, n *yaml.Node) {
	service := yamldoc.Get(n, "service")
	name := yamldoc.Get(service, "name")
	if name == nil || f.unfilled(name.Value) || !f.spend(n, 64) {
		return
	}
	port := yamldoc.Get(service, "port")
	p.to = append(p.to, destination{
		namespace: p.by.namespace, service: yamldoc.Scalar(name), port: number(yamldoc.Get(port, "number")), portName: yamldoc.Scalar(port, "name"),
		granted: true, at: f.doc.Span(name),
	})
}

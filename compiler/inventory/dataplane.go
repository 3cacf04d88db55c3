package inventory

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// Dataplane is what enforces policies for a workload, and what shows it.
type Dataplane struct {
	policy.Dataplane
	Why string // in words; empty for a sidecar, or if nothing is known
	At  source.Span
}

// dataplane reads what a pod's own manifest says about what enforces policies for it, other than a sidecar.
func (f *file) dataplane(here *yaml.Node, template *corev1.PodTemplateSpec) Dataplane {
	place := func(path ...string) source.Span {
		return f.doc.Span(yamldoc.Get(here, append([]string{"metadata"}, path...)...))
	}
	switch templates := template.Annotations[bearing.Templates]; {
	case templates == "gateway":
		return Dataplane{policy.Gateway, "its injection template is gateway", place("annotations", bearing.Templates)}
	case strings.Contains(templates, "grpc-"): // grpc-agent, grpc-simple
		return Dataplane{policy.Proxyless, "its injection template is " + templates, place("annotations", bearing.Templates)}
	case templates != "" && !slices.Contains(strings.Split(templates, ","), "sidecar"): // of an installation
		return Dataplane{policy.Unjudged, "its injection template is " + templates, place("annotations", bearing.Templates)}
	}
	if why := bearing.Waypoint(template.Labels); why != "" {
		return Dataplane{policy.Unjudged, "it is a waypoint: it has the " + why, place("labels")}
	}
	if why := bearing.Gateway(template.Labels); why != "" {
		return Dataplane{policy.Gateway, "it has the " + why, place("labels")}
	}
	for i, c := range template.Spec.Containers {
		switch at := item(yamldoc.Get(here, "spec", "containers"), i); {
		case c.Name == "istio-proxy" && slices.Contains(c.Args, "router"):
			return Dataplane{policy.Gateway, "its proxy is started as a router", f.doc.Span(at)}
		case c.Name == "istio-proxy" && slices.Contains(c.Args, "waypoint"):
			return Dataplane{policy.Unjudged, "it is a waypoint", f.doc.Span(at)}
		}
	}
	return Dataplane{}
}

// judgeDataplane determines what enforces policies for a workload whose proxy is judged.
func (p *pod) judgeDataplane(ns *namespace) {
	p.Dataplane = p.own
	if p.NoProxy != "" {
		p.Dataplane = Dataplane{policy.NoProxy, p.NoProxy, p.NoProxyAt}
	}
	if p.Dataplane.Dataplane == policy.Sidecar && p.ambient(ns) {
		p.Dataplane = Dataplane{policy.Ambient, "it has the label " + dataplaneKey + ": ambient", p.proxy.ambientAt}
		if p.proxy.ambient == "" {
			p.Dataplane = Dataplane{policy.Ambient, "namespace " + ns.Name + " is ambient", ns.Namespace.At}
		}
	}
}

// notice notes the labels and annotations of metadata that bear on who reaches whom and are not judged.
func (f *file) notice(on bearing.On, metadata *yaml.Node, maps ...map[string]string) {
	for i, field := range []string{"labels", "annotations"} {
		for key := range maps[i] {
			if bearing.Bears(on, key) {
				at := f.doc.Span(yamldoc.Get(metadata, field, key))
				f.keep("", "", "", at, func(r *reader) { r.notices.See(on, key, at) })
			}
		}
	}
}

// noticeFields notes the fields of an object that bear on who reaches whom and are not judged.
func (f *file) noticeFields(n *yaml.Node, kind string) {
	for _, field := range bearing.Fields(kind) {
		value := yamldoc.Get(n, field.Path()...)
		if value == nil || value.Kind != yaml.ScalarNode && len(value.Content) == 0 || field.Usual != "" && text(value) == field.Usual {
			continue
		}
		at := f.doc.Span(value)
		f.keep("", "", "", at, func(r *reader) { r.notices.See(bearing.Field, field.Name, at) })
	}
}

// noticeKind notes an object of a kind that bears on who reaches whom and is not read.
func (f *file) noticeKind(n *yaml.Node, group, kind string) {
	if name := yamldoc.Get(n, "metadata", "name"); group == "" && kind == "ConfigMap" && name != nil && bearing.IsMeshConfig(name.Value) && yamldoc.Get(n, "data", "mesh") != nil {
		kind = strings.TrimPrefix(bearing.MeshConfig, "/")
		if f.meshConfig(n, parsedText(text(yamldoc.Get(n, "data", "mesh")))) {
			return
		}
	}
	if kind == "IstioOperator" {
		f.meshConfig(n, yamldoc.Get(n, "spec", "meshConfig"))
	}
	at := f.doc.Span(yamldoc.Get(n, "kind"))
	f.keep("", "", "", at, func(r *reader) { r.notices.See(bearing.Workloads, group+"/"+kind, at) })
}

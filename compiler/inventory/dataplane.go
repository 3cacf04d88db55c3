package inventory

import (
	"iter"
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
	Way string // where nothing is judged, what would let it be
}

const (
	sidecarTemplate = "give its pods the injection template `sidecar`, alone or with others: " + bearing.Templates
	ownWaypoint     = "leave its manifest out: istiod makes the pods of a waypoint from its Gateway, and edges lead to the services behind it"
)

// dataplane reads what a pod's own manifest says about what enforces policies for it, other than a sidecar.
func (f *file) dataplane(here *yaml.Node, template *corev1.PodTemplateSpec) Dataplane {
	place := func(path ...string) source.Span {
		return f.doc.Span(yamldoc.Get(here, append([]string{"metadata"}, path...)...))
	}
	switch templates := template.Annotations[bearing.Templates]; {
	case templates == "gateway":
		return Dataplane{Dataplane: policy.Gateway, Why: "its injection template is gateway", At: place("annotations", bearing.Templates)}
	case strings.Contains(templates, "grpc-"): // grpc-agent, grpc-simple
		return Dataplane{Dataplane: policy.Proxyless, Why: "its injection template is " + templates, At: place("annotations", bearing.Templates), Way: sidecarTemplate}
	case templates != "" && !slices.Contains(strings.Split(templates, ","), "sidecar"): // of an installation
		return Dataplane{Dataplane: policy.Unjudged, Why: "its injection template is " + templates, At: place("annotations", bearing.Templates), Way: sidecarTemplate}
	}
	if why := bearing.Waypoint(template.Labels); why != "" {
		return Dataplane{Dataplane: policy.Unjudged, Why: "it is a waypoint: it has the " + why, At: place("labels"), Way: ownWaypoint}
	}
	if why := bearing.Gateway(template.Labels); why != "" {
		return Dataplane{Dataplane: policy.Gateway, Why: "it has the " + why, At: place("labels")}
	}
	for i, c := range template.Spec.Containers {
		switch at := item(yamldoc.Get(here, "spec", "containers"), i); {
		case c.Name == "istio-proxy" && slices.Contains(c.Args, "router"):
			return Dataplane{Dataplane: policy.Gateway, Why: "its proxy is started as a router", At: f.doc.Span(at)}
		case c.Name == "istio-proxy" && slices.Contains(c.Args, "waypoint"):
			return Dataplane{Dataplane: policy.Unjudged, Why: "it is a waypoint", At: f.doc.Span(at), Way: ownWaypoint}
		}
	}
	return Dataplane{}
}

// judgeDataplane determines what enforces policies for a workload whose proxy is judged.
func (p *pod) judgeDataplane(ns *namespace) {
	p.Dataplane = p.own
	if p.NoProxy != "" {
		p.Dataplane = Dataplane{Dataplane: policy.NoProxy, Why: p.NoProxy, At: p.NoProxyAt}
	}
	if p.Dataplane.Dataplane == policy.Sidecar && p.ambient(ns) {
		p.Dataplane = Dataplane{Dataplane: policy.Ambient, Why: "it has the label " + dataplaneKey + ": ambient", At: p.proxy.ambientAt}
		if p.proxy.ambient == "" {
			p.Dataplane = Dataplane{Dataplane: policy.Ambient, Why: "namespace " + ns.Name + " is ambient", At: ns.Namespace.At}
		}
	}
}

// notice notes the labels and annotations of metadata that bear on who reaches whom and are not judged.
func (f *file) notice(on bearing.On, metadata *yaml.Node, maps ...map[string]string) {
	for i, field := range []string{"labels", "annotations"} {
		f.misspeltLabels(on, metadata, field)
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
		for value := range atPath(n, field.Path()) {
			if value.Kind != yaml.ScalarNode && len(value.Content) == 0 || !field.Changes(yamldoc.Scalar(value)) {
				continue
			}
			at := f.doc.Span(value)
			f.keep("", "", "", at, func(r *reader) { r.notices.See(bearing.Field, field.Name, at) })
		}
	}
}

// atPath is what an object has at the path of a field.
func atPath(n *yaml.Node, path []string) iter.Seq[*yaml.Node] {
	return func(yield func(*yaml.Node) bool) { eachAt(n, path, yield) }
}

func eachAt(n *yaml.Node, path []string, yield func(*yaml.Node) bool) bool {
	if n == nil || len(path) == 0 {
		return n == nil || yield(n)
	}
	key, name, list := strings.Cut(path[0], "[")
	n = yamldoc.Get(n, key)
	if !list {
		return eachAt(n, path[1:], yield)
	}
	name = strings.TrimSuffix(name, "]")
	for _, one := range yamldoc.Items(n) {
		if name != "" && yamldoc.Scalar(one, "name") != name {
			continue
		}
		if !eachAt(one, path[1:], yield) {
			return false
		}
	}
	return true
}

// noticeKind notes an object of a kind that bears on who reaches whom and is not read.
func (f *file) noticeKind(n *yaml.Node, group, kind string) {
	if name := yamldoc.Get(n, "metadata", "name"); group == "" && kind == "ConfigMap" && name != nil && bearing.IsMeshConfig(name.Value) && yamldoc.Get(n, "data", "mesh") != nil {
		kind = strings.TrimPrefix(bearing.MeshConfig, "/")
		if f.meshConfig(n, parsedText(yamldoc.Scalar(n, "data", "mesh"))) {
			return
		}
	}
	if kind == "IstioOperator" {
		f.meshConfig(n, yamldoc.Get(n, "spec", "meshConfig"))
	}
	at := f.doc.Span(yamldoc.Get(n, "kind"))
	f.keep("", "", "", at, func(r *reader) { r.notices.See(bearing.Workloads, group+"/"+kind, at) })
}

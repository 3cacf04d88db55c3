package inventory

import (
	"cmp"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// managed is a Gateway of the Gateway API, for which Istio makes pods and a Service.
// https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment
type managed struct {
	*Gateway
	class   string
	classAt source.Span
	service string // NAMESPACE/NAME of the Service of pods that were made by hand
	name    string // of its Deployment and Service, where an annotation states it
	account string // likewise
	labels  map[string]string
	ports   []Port

	traffic  string // the label istio.io/waypoint-for
	admits   admits // the namespaces of what it is a waypoint for
	arriving arriving
	topology topology
}

func (f *file) managedGateway(n *yaml.Node) {
	meta := metaOf(n)
	at, namespace, ok := f.meta(n, "Gateway", meta)
	if !ok {
		return
	}
	spec, annotations := yamldoc.Get(n, "spec"), yamldoc.Get(n, "metadata", "annotations")
	m := &managed{
		Gateway: &Gateway{Namespace: namespace, Name: meta.Name, Within: namespace, At: at},
		class:   yamldoc.Scalar(spec, "gatewayClassName"),
		classAt: f.doc.Span(yamldoc.Get(n, "kind")),
		name:    yamldoc.Scalar(annotations, "gateway.istio.io/name-override"),
		account: yamldoc.Scalar(annotations, "gateway.istio.io/service-account"),
		labels:  map[string]string{},
	}
	if f.unfilled(m.class, m.name, m.account) {
		return
	}
	if labels := yamldoc.Get(spec, "infrastructure", "labels"); labels != nil && labels.Kind == yaml.MappingNode {
		pairs, _ := yamldoc.Pairs(labels)
		for _, p := range pairs {
			m.labels[p.Key.Value] = yamldoc.Scalar(p.Value)
		}
	}
	m.labels[bearing.GatewayName] = m.Name
	f.infrastructure(m, spec, annotations)
	if addresses := yamldoc.Items(yamldoc.Get(spec, "addresses")); len(addresses) > 0 && yamldoc.Scalar(addresses[0], "type") == "Hostname" {
		front := hostOf(yamldoc.Scalar(addresses[0], "value"), namespace)
		m.service = front.id()
	}
	f.annotated(n, "Gateway", namespace, at)
	m.traffic, m.admits = f.trafficOf(n), f.admitsOf(spec)
	for _, l := range yamldoc.Items(yamldoc.Get(spec, "listeners")) {
		place := yamldoc.Get(l, "port")
		port := Port{Number: number(place), Protocol: listens(l), At: f.doc.Span(place)}
		if port.Number == 0 || slices.Contains(m.Ports, port.Number) {
			continue
		}
		port.ServicePorts = []uint16{port.Number}
		m.Ports, m.ports = append(m.Ports, port.Number), append(m.ports, port)
	}
	f.keep("Gateway of "+gatewayGroup, namespace, m.Name, at, func(r *reader) { r.managed = append(r.managed, m) })
}

// infrastructure reads what the annotations of a gateway say of its Service and pods, and of the addresses of clients
// there. Istio copies those of its `infrastructure`, or else all of them; parameters may change the Service.
// https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#resource-attachment-and-scaling
func (f *file) infrastructure(m *managed, spec, annotations *yaml.Node) {
	kind := cmp.Or(yamldoc.Scalar(annotations, "networking.istio.io/service-type"), string(corev1.ServiceTypeLoadBalancer))
	if yamldoc.Get(spec, "infrastructure", "annotations") != nil {
		annotations = yamldoc.Get(spec, "infrastructure", "annotations")
	}
	front := corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: cmp.Or(m.name, m.Name+"-"+m.class), Annotations: map[string]string{}}}
	if annotations != nil && annotations.Kind == yaml.MappingNode {
		pairs, _ := yamldoc.Pairs(annotations)
		for _, p := range pairs {
			front.Annotations[p.Key.Value] = yamldoc.Scalar(p.Value)
		}
	}
	front.Spec.Type = corev1.ServiceType(kind)
	if yamldoc.Get(spec, "infrastructure", "parametersRef") == nil {
		m.arriving = arrival(&front, m.At)
	}
	if config := yamldoc.Get(annotations, configKey); config != nil {
		m.topology = topologyOf(parsedText(yamldoc.Scalar(config)), f.doc.Span(config))
	}
}

// listens returns what policies see of the requests of a listener: HTTPS that it ends is HTTP to them.
func listens(listener *yaml.Node) policy.Protocol {
	return seen(yamldoc.Scalar(listener, "protocol"), cmp.Or(yamldoc.Scalar(listener, "tls", "mode"), "Terminate") == "Terminate")
}

// class notes a class of gateways that Istio is the controller of.
func (f *file) class(n *yaml.Node, kind string) {
	meta := metaOf(n)
	at, _, ok := f.meta(n, kind, meta)
	if !ok {
		return
	}
	switch yamldoc.Scalar(n, "spec", map[string]string{"GatewayClass": "controllerName", "IngressClass": "controller"}[kind]) {
	case "istio.io/gateway-controller", "istio.io/ingress-controller":
		f.keep(kind, "", meta.Name, at, func(r *reader) { r.classes[meta.Name] = true })
	}
}

// manage adds the gateways of the Gateway API, with the pods that Istio makes for them.
func (r *reader) manage() {
	services := map[string]*service{}
	for _, s := range r.services {
		services[s.namespace+"/"+s.name] = s
	}
	for _, m := range r.managed {
		if m.class == waypointClass {
			r.waypoints[objectKey{waypointClass, m.Namespace, m.Name}] = m.newWaypoint()
			continue
		}
		r.gateways[objectKey{gatewayGroup, m.Namespace, m.Name}] = m.Gateway
		switch {
		case !r.classes[m.class]:
			m.Foreign = "of class " + m.class
			if m.class == "" {
				m.Foreign = "of no class"
			}
			r.notices.See(bearing.Workloads, gatewayGroup+"/Gateway", m.classAt)
			continue
		case m.service != "":
			if s := services[m.service]; s != nil {
				m.Selector, m.Within = s.selector, s.namespace
			}
			continue
		}
		m.Selector = map[string]string{bearing.GatewayName: m.Name}
		if !slices.ContainsFunc(r.pods, func(p *pod) bool { return m.Selects(p.Namespace, p.Labels) }) {
			r.pods = append(r.pods, m.pod())
		}
	}
}

// pod is what Istio makes for a gateway (files/kube-gateway.yaml of the chart istio-discovery).
func (m *managed) pod() *pod {
	name := cmp.Or(m.name, m.Name+"-"+m.class)
	p := &pod{Workload: Workload{
		Namespace: m.Namespace, Kind: "Gateway", Object: m.Name, Service: name, Account: cmp.Or(m.account, name),
		Labels: maps.Clone(m.labels), Ports: m.ports, Hosts: []string{name},
		At: m.At, NameAt: m.At, AccountAt: m.At, LabelsAt: m.At,
	}}
	for _, port := range m.ports {
		p.Fronts = append(p.Fronts, policy.Front{Host: name, Port: port.Number, Target: port.Number})
	}
	p.arriving, p.topology = m.arriving, m.topology
	p.proxy.present = true
	p.own = Dataplane{Dataplane: policy.Gateway, Why: "Istio makes it for a Gateway", At: m.At}
	return p
}

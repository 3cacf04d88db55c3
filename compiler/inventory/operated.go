package inventory

import (
	"cmp"
	"maps"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/meshc/meshc/compiler/yamldoc"
)

// operated is a kind whose operator creates pods without a template in the object.
type operated struct {
	metadata string                   // the field of spec with labels and annotations for the pods
	account  func(name string) string // of pods for which spec.serviceAccountName names none
	labels   func(name string) labels // of its pods
	ports    []operatedPort           // of its containers
	services func(name string) []string
	headless bool // the Services are
}

type labels = map[string]string

type operatedPort struct {
	number int32
	name   string
	front  string // the name of the port of its Services that leads here, which has the same number; empty where none does
	udp    bool
	web    bool // spec.portName gives the container's port and that of the Services another name
	local  bool // spec.listenLocal closes it
}

// operators are these kinds: what is below is set by the operators in code, and read in the versions of August 2026.
var operators = map[string]operated{
	// https://github.com/cloudnative-pg/cloudnative-pg/blob/main/pkg/specs/pods.go and services.go. Since 1.28 the pods
	// also have labels of app.kubernetes.io, which are left out, as older ones lack them: a selector has to hold for
	// both.
	"Cluster": {
		metadata: "inheritedMetadata",
		account:  func(name string) string { return name },
		labels:   func(name string) labels { return labels{"cnpg.io/cluster": name, "cnpg.io/podRole": "instance"} },
		ports:    []operatedPort{{number: 5432, name: "postgresql", front: "postgres"}, {number: 9187, name: "metrics"}, {number: 8000, name: "status"}},
		services: func(name string) []string { return []string{name + "-rw", name + "-ro", name + "-r"} },
	},
	// https://github.com/prometheus-operator/prometheus-operator/blob/main/pkg/prometheus/server/statefulset.go:
	// makeSelectorLabels; MakeContainerPorts and BuildStatefulSetService in ../common.go; CreateConfigReloader in
	// pkg/operator/config_reloader.go
	"Prometheus": {
		metadata: "podMetadata",
		account:  func(string) string { return "default" },
		labels: func(name string) labels {
			return labels{"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "prometheus-operator", "operator.prometheus.io/name": name, "prometheus": name}
		},
		ports:    []operatedPort{{number: 9090, name: "web", front: "web", web: true, local: true}, {number: 8080, name: "reloader-web", local: true}},
		services: func(string) []string { return []string{"prometheus-operated"} },
		headless: true,
	},
	// https://github.com/prometheus-operator/prometheus-operator/blob/main/pkg/alertmanager/statefulset.go,
	// makeSelectorLabels in operator.go
	"Alertmanager": {
		metadata: "podMetadata",
		account:  func(string) string { return "default" },
		labels: func(name string) labels {
			return labels{"app.kubernetes.io/name": "alertmanager", "app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "prometheus-operator", "alertmanager": name}
		},
		ports: []operatedPort{
			{number: 9093, name: "web", front: "web", web: true, local: true}, {number: 9094, name: "mesh-tcp", front: "tcp-mesh"},
			{number: 9094, name: "mesh-udp", front: "udp-mesh", udp: true}, {number: 8080, name: "reloader-web", local: true},
		},
		services: func(string) []string { return []string{"alertmanager-operated"} },
		headless: true,
	},
}

// of returns the ports of the pods of an object.
func (o *operated) of(spec *yaml.Node) (ports []operatedPort) {
	for _, p := range o.ports {
		if name := yamldoc.Scalar(spec, "portName"); p.web && name != "" {
			p.name, p.front = name, name
		}
		if !p.local || yamldoc.Scalar(spec, "listenLocal") != "true" {
			ports = append(ports, p)
		}
	}
	if thanos := yamldoc.Get(spec, "thanos"); thanos != nil && thanos.Kind == yaml.MappingNode { // createThanosContainer
		ports = append(ports, operatedPort{number: 10901, name: "grpc", front: "grpc"}, operatedPort{number: 10902, name: "http"})
	}
	return ports
}

// operated keeps the pods that an operator creates for an object, and the Services in front of them.
func (f *file) operated(n *yaml.Node, kind string) {
	of, meta, spec := operators[kind], metaOf(n), yamldoc.Get(n, "spec")
	at, namespace, ok := f.meta(n, kind, meta)
	if !ok {
		return
	}
	template := &corev1.PodTemplateSpec{}
	var stated struct {
		Labels      map[string]string `yaml:"labels"`
		Annotations map[string]string `yaml:"annotations"`
	}
	metadata := yamldoc.Get(spec, of.metadata)
	if metadata != nil && metadata.Decode(&stated) == nil {
		template.Labels, template.Annotations = stated.Labels, stated.Annotations
	}
	if template.Labels == nil {
		template.Labels = labels{}
	}
	maps.Copy(template.Labels, of.labels(meta.Name))
	template.Spec.ServiceAccountName = cmp.Or(yamldoc.Scalar(spec, "serviceAccountName"), of.account(meta.Name))
	template.Spec.HostNetwork = yamldoc.Scalar(spec, "hostNetwork") == "true"
	container := corev1.Container{Name: kind}
	ports := of.of(spec)
	for _, p := range ports {
		container.Ports = append(container.Ports, corev1.ContainerPort{ContainerPort: p.number, Name: p.name, Protocol: transport(p.udp)})
	}
	template.Spec.Containers = []corev1.Container{container}
	here := &yaml.Node{Kind: yaml.MappingNode} // what there is of a template, with its places
	for key, value := range map[string]*yaml.Node{"metadata": metadata, "spec": only(spec, "serviceAccountName", "hostNetwork")} {
		if value != nil {
			here.Content = append(here.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
		}
	}
	p := f.workload(n, kind, meta, template, here)
	if p == nil {
		return
	}
	for i := range p.Ports {
		p.Ports[i].At = at
	}
	if yamldoc.Get(spec, "serviceName") != nil {
		return // the Service is one of the manifests
	}
	for _, name := range of.services(meta.Name) {
		front := &corev1.Service{}
		front.Name = name
		s := &service{namespace: namespace, name: name, selector: of.labels(meta.Name), arriving: arrival(front, at), headless: of.headless, operated: true}
		for _, p := range ports {
			if p.front != "" {
				s.ports = append(s.ports, servicePort{
					number: uint16(p.number), called: p.front, target: uint16(p.number), udp: p.udp, protocol: protocolOf(p.number, p.front, nil), at: at,
				})
			}
		}
		f.keep("", "", "", at, func(r *reader) {
			if r.first[objectKey{"Service", namespace, name}] == nil {
				r.services = append(r.services, s)
			}
		})
	}
}

func transport(udp bool) corev1.Protocol {
	if udp {
		return corev1.ProtocolUDP
	}
	return corev1.ProtocolTCP
}

// only returns a mapping with some keys of another.
func only(of *yaml.Node, keys ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, key := range keys {
		if at, value := yamldoc.Find(of, key); at != nil {
			n.Content = append(n.Content, at, value)
		}
	}
	return n
}

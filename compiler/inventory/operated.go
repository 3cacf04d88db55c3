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
	metadata string                           // the field of spec with labels and annotations for the pods
	account  func(name string) string         // of pods for which spec.serviceAccountName names none
	labels   func(name string) labels         // of its pods
	ports    []operatedPort                   // of its containers
	services func(name string) (all []string) // the Services that it makes
	front    operatedPort                     // their port, which leads to the container port of the same number
}

type labels = map[string]string

type operatedPort struct {
	number int32
	name   string
}

// operators are these kinds: what is below is set by the operators in code.
var operators = map[string]operated{
	// https://github.com/cloudnative-pg/cloudnative-pg/blob/main/pkg/specs/pods.go and services.go
	"Cluster": {
		metadata: "inheritedMetadata",
		account:  func(name string) string { return name },
		labels:   func(name string) labels { return labels{"cnpg.io/cluster": name, "cnpg.io/podRole": "instance"} },
		ports:    []operatedPort{{5432, "postgresql"}, {9187, "metrics"}, {8000, "status"}},
		services: func(name string) []string { return []string{name + "-rw", name + "-ro", name + "-r"} },
		front:    operatedPort{5432, "postgres"},
	},
	// https://github.com/prometheus-operator/prometheus-operator/blob/main/pkg/prometheus/server/statefulset.go
	"Prometheus": {
		metadata: "podMetadata",
		account:  func(string) string { return "default" },
		labels: func(name string) labels {
			return labels{"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "prometheus-operator", "operator.prometheus.io/name": name, "prometheus": name}
		},
		ports:    []operatedPort{{9090, "web"}, {8080, "reloader-web"}},
		services: func(string) []string { return []string{"prometheus-operated"} },
		front:    operatedPort{9090, "web"},
	},
	// https://github.com/prometheus-operator/prometheus-operator/blob/main/pkg/alertmanager/statefulset.go
	"Alertmanager": {
		metadata: "podMetadata",
		account:  func(string) string { return "default" },
		labels: func(name string) labels {
			return labels{"app.kubernetes.io/name": "alertmanager", "app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "prometheus-operator", "alertmanager": name}
		},
		ports:    []operatedPort{{9093, "web"}, {9094, "mesh-tcp"}, {8080, "reloader-web"}},
		services: func(string) []string { return []string{"alertmanager-operated"} },
		front:    operatedPort{9093, "web"},
	},
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
	template.Spec.ServiceAccountName = cmp.Or(text(yamldoc.Get(spec, "serviceAccountName")), of.account(meta.Name))
	template.Spec.HostNetwork = text(yamldoc.Get(spec, "hostNetwork")) == "true"
	container := corev1.Container{Name: kind}
	for _, p := range of.ports {
		container.Ports = append(container.Ports, corev1.ContainerPort{ContainerPort: p.number, Name: p.name})
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
	for _, name := range of.services(meta.Name) {
		front := &corev1.Service{}
		front.Name = name
		s := &service{namespace: namespace, name: name, selector: of.labels(meta.Name), arriving: arrival(front, at), ports: []servicePort{{
			number: uint16(of.front.number), called: of.front.name, target: uint16(of.front.number), protocol: protocolOf(of.front.number, of.front.name, nil), at: at,
		}}}
		f.keep("", "", "", at, func(r *reader) {
			if r.first[objectKey{"Service", namespace, name}] == nil {
				r.services = append(r.services, s)
			}
		})
	}
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

package inventory

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// pod is a workload to which the facts from Services and Namespaces have yet to be added.
type pod struct {
	Workload
	owner objectKey   // the object whose controller made it, if any
	test  source.Span // what has Helm create it for tests alone, if it does
	named map[portName]uint16
	proxy proxy

	arriving arriving         // what Services in front of it say of the addresses of clients
	topology topology         // what an annotation says of the proxies in front of it
	merges   bool             // an annotation says whether its metrics are merged
	own      Dataplane        // what its own manifest says
	bound    bound            // to a waypoint
	bindings map[string]bound // of Services in front of it, by name
}

type portName struct {
	name string
	udp  bool
}

// controller reads an object of Kubernetes that creates pods by its spec.template.
func (f *file) controller(n *yaml.Node, kind string, object any, meta *metav1.ObjectMeta, template *corev1.PodTemplateSpec) {
	if f.decode(n, object) {
		f.workload(n, kind, meta, template, yamldoc.Get(n, "spec", "template"))
	}
}

// workload keeps an object that creates pods, and returns it; nil if it cannot be read. here is where the object has
// the pod template.
func (f *file) workload(n *yaml.Node, kind string, meta *metav1.ObjectMeta, template *corev1.PodTemplateSpec, here *yaml.Node) *pod {
	p := f.pod(n, kind, meta, template, here)
	if p != nil {
		f.keep(kind, p.Namespace, meta.Name, p.At, func(r *reader) { r.pods = append(r.pods, p) })
	}
	return p
}

// pod reads the pods of an object; nil if it cannot be read.
func (f *file) pod(n *yaml.Node, kind string, meta *metav1.ObjectMeta, template *corev1.PodTemplateSpec, here *yaml.Node) *pod {
	at, namespace, ok := f.meta(n, kind, meta)
	if !ok || f.unfilledLabels(template.Labels) || f.unfilled(template.Spec.ServiceAccountName, template.Spec.DeprecatedServiceAccount) {
		return nil
	}
	p := &pod{Workload: Workload{
		Namespace: namespace,
		Unplaced:  cmp.Or(meta.Namespace, f.Namespace) == "",
		Kind:      kind,
		Object:    cmp.Or(meta.Name, meta.GenerateName),
		Service:   cmp.Or(template.Labels[policy.NamingLabels[0]], template.Labels[policy.NamingLabels[1]], meta.Name, meta.GenerateName),
		Labels:    template.Labels,
		At:        at,
		NameAt:    at,
		AccountAt: at,
		LabelsAt:  at,
	}}
	if key, _ := yamldoc.Find(yamldoc.Get(here, "metadata"), "labels"); key != nil {
		p.LabelsAt = f.doc.Span(key)
	}
	for _, key := range policy.NamingLabels {
		if template.Labels[key] != "" {
			p.NameAt = f.doc.Span(yamldoc.Get(here, "metadata", "labels", key))
			break
		}
	}
	p.NamespaceAt = f.namespaceAt(n, meta)
	spec := yamldoc.Get(here, "spec")
	f.misspeltFields(spec)
	f.account(p, spec, &template.Spec)
	p.own = f.dataplane(here, template)
	f.containers(p, yamldoc.Get(spec, "containers"), template.Spec.Containers, false)
	f.containers(p, yamldoc.Get(spec, "initContainers"), template.Spec.InitContainers, true)
	slices.SortStableFunc(p.Ports, orderPorts)
	p.proxy = f.proxy(here, template)
	p.OnNode = template.Spec.HostNetwork
	f.captured(p, yamldoc.Get(here, "metadata", "annotations"), template.Annotations, spec, &template.Spec)
	f.scrape(p, yamldoc.Get(here, "metadata", "annotations"), template.Annotations)
	f.probes(p, yamldoc.Get(here, "metadata", "annotations"), template)
	f.early(p, spec, yamldoc.Get(here, "metadata", "annotations"), template)
	p.bound = f.waypointOf(here, namespace, template.Labels)
	p.topology = topologyOf(parsedText(template.Annotations[configKey]), f.doc.Span(yamldoc.Get(here, "metadata", "annotations", configKey)))
	f.notice(bearing.Pod, yamldoc.Get(here, "metadata"), template.Labels, template.Annotations)
	f.noticeFields(here, "/Pod")
	p.test = f.helmTest(n)
	if owner := metav1.GetControllerOfNoCopy(meta); owner != nil {
		p.owner = objectKey{owner.Kind, namespace, owner.Name}
	}
	return p
}

// owned reports whether the object that made a pod is given, or what made that: a ReplicaSet is named after its
// Deployment and the hash of the template, and a Job after its CronJob and a time.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pod-template-hash-label
func (r *reader) owned(p *pod) bool {
	if _, ok := r.first[p.owner]; ok {
		return true
	}
	given := func(suffix string, kinds ...string) bool {
		base, ok := strings.CutSuffix(p.owner.name, "-"+suffix)
		return ok && suffix != "" && slices.ContainsFunc(kinds, func(kind string) bool {
			_, ok := r.first[objectKey{kind, p.Namespace, base}]
			return ok
		})
	}
	switch p.owner.kind {
	case "ReplicaSet":
		return given(p.Labels["pod-template-hash"], "Deployment") || given(p.Labels["rollouts-pod-template-hash"], "Rollout")
	case "Job", "ReplicationController":
		number := p.owner.name[strings.LastIndexByte(p.owner.name, '-')+1:]
		if _, err := strconv.ParseUint(number, 10, 64); err != nil {
			return false
		}
		return given(number, map[string]string{"Job": "CronJob", "ReplicationController": "DeploymentConfig"}[p.owner.kind])
	}
	return false
}

func orderPorts(a, b Port) int {
	if c := cmp.Compare(a.Number, b.Number); c != 0 || a.UDP == b.UDP {
		return c
	}
	if b.UDP {
		return -1
	}
	return 1
}

// account sets the service account: serviceAccountName, else its old name serviceAccount (Kubernetes copies one to the
// other), else default.
func (f *file) account(p *pod, spec *yaml.Node, s *corev1.PodSpec) {
	p.Account = cmp.Or(s.ServiceAccountName, s.DeprecatedServiceAccount, "default")
	for _, field := range []string{"serviceAccount", "serviceAccountName"} {
		if at := yamldoc.Get(spec, field); at != nil && at.Value == p.Account {
			p.AccountAt = f.doc.Span(at)
		}
	}
	if !policy.IsName(p.Account) {
		f.findings.Add(diag.MalformedManifest, p.AccountAt, "%q is not a valid name of a ServiceAccount: use lower-case letters, digits, `-` and `.`", p.Account)
	}
}

// containers adds the ports of containers that run as long as the pod does. Init containers with `restartPolicy:
// Always` (sidecars) do; the others end before the pod serves.
func (f *file) containers(p *pod, list *yaml.Node, containers []corev1.Container, init bool) {
	for i, c := range containers {
		if c.Name == "istio-proxy" && p.own.Dataplane != policy.Gateway {
			continue // its ports are not the workload's
		}
		if init && (c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways) {
			continue
		}
		ports := yamldoc.Get(item(list, i), "ports")
		for j, port := range c.Ports {
			at := f.doc.Span(cmp.Or(yamldoc.Get(item(ports, j), "containerPort"), item(ports, j), list))
			if port.ContainerPort < 1 || port.ContainerPort > 65535 {
				if port.ContainerPort != 0 || !f.wrong {
					f.findings.Add(diag.MalformedManifest, at, "containerPort must be between 1 and 65535, not %d", port.ContainerPort)
				}
				continue
			}
			number, udp := uint16(port.ContainerPort), port.Protocol != "" && port.Protocol != corev1.ProtocolTCP
			if c.Name == "istio-proxy" && policy.IsProxyPort(number) {
				continue
			}
			if port.Name != "" {
				if p.named == nil {
					p.named = map[portName]uint16{}
				}
				p.named[portName{port.Name, udp}] = number
			}
			if port.HostPort != 0 && !udp {
				p.Exposed = append(p.Exposed, Exposure{number, "the hostPort " + strconv.Itoa(int(port.HostPort)), policy.Clients{Address: policy.AddressInPackets}, at})
			}
			if p.port(number, udp) == nil {
				p.Ports = append(p.Ports, Port{Number: number, Name: port.Name, UDP: udp, At: at})
			}
		}
	}
}

// port returns the port of a number, nil where the workload has none.
func (p *pod) port(number uint16, udp bool) *Port {
	for i := range p.Ports {
		if p.Ports[i].Number == number && p.Ports[i].UDP == udp {
			return &p.Ports[i]
		}
	}
	return nil
}

// item returns an item of a sequence, nil where there is none.
func item(list *yaml.Node, i int) *yaml.Node {
	if list == nil || list.Kind != yaml.SequenceNode || i >= len(list.Content) {
		return nil
	}
	return yamldoc.Resolve(list.Content[i])
}

// probes finds the HTTP and gRPC probes, and the hooks by HTTP, that do not go through the agent of the sidecar. The
// injector rewrites them to do so unless the pod forbids it (DumpAppProbers in
// istio.io/istio/pkg/kube/inject/app_probe.go). TCP probes are left out: the sidecar accepts their connections in any
// mode.
func (f *file) probes(p *pod, at *yaml.Node, template *corev1.PodTemplateSpec) {
	rewrite, err := strconv.ParseBool(template.Annotations[rewriteKey])
	if rewrite || err != nil {
		return
	}
	place := f.doc.Span(yamldoc.Get(at, rewriteKey))
	for _, c := range slices.Concat(template.Spec.Containers, template.Spec.InitContainers) {
		if c.Name == "istio-proxy" {
			continue
		}
		for probe, what := range asked(&c) {
			found := Probe{What: what, Container: c.Name, At: place}
			switch {
			case probe.HTTPGet != nil && probe.HTTPGet.Port.Type == intstr.String:
				found.Method, found.Path = "GET", probe.HTTPGet.Path
				found.Port = p.named[portName{name: probe.HTTPGet.Port.StrVal}]
			case probe.HTTPGet != nil:
				found.Method, found.Path = "GET", probe.HTTPGet.Path
				found.Port = uint16(probe.HTTPGet.Port.IntVal)
			case probe.GRPC != nil:
				found.Method, found.Path = "POST", "/grpc.health.v1.Health/Check"
				found.Port = uint16(probe.GRPC.Port)
			default:
				continue
			}
			if !slices.Contains(p.Probes, found) {
				p.Probes = append(p.Probes, found)
			}
		}
	}
}

// asked is what the kubelet asks a container itself: probes, and the hooks of its lifecycle.
func asked(c *corev1.Container) iter.Seq2[corev1.ProbeHandler, string] {
	return func(yield func(corev1.ProbeHandler, string) bool) {
		for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
			if probe != nil && !yield(probe.ProbeHandler, "probe") {
				return
			}
		}
		if c.Lifecycle == nil {
			return
		}
		if hook := c.Lifecycle.PostStart; hook != nil && !yield(corev1.ProbeHandler{HTTPGet: hook.HTTPGet}, "postStart hook") {
			return
		}
		if hook := c.Lifecycle.PreStop; hook != nil {
			yield(corev1.ProbeHandler{HTTPGet: hook.HTTPGet}, "preStop hook")
		}
	}
}

// scrape reads the annotations by which Prometheus finds a pod.
func (f *file) scrape(p *pod, at *yaml.Node, annotations map[string]string) {
	if annotations["prometheus.io/scrape"] != "true" {
		return
	}
	merged, err := strconv.ParseBool(annotations["prometheus.istio.io/merge-metrics"])
	p.merges = err == nil
	s := &Scrape{Path: annotations["prometheus.io/path"], Merged: merged || err != nil}
	place := yamldoc.Get(at, "prometheus.io/scrape")
	if port, ok := annotations["prometheus.io/port"]; ok {
		place = yamldoc.Get(at, "prometheus.io/port")
		if number, err := strconv.ParseUint(port, 10, 16); err == nil {
			s.Port = uint16(number)
		}
	}
	s.At = f.doc.Span(place)
	p.Scrape = s
}

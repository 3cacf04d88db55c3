package inventory

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// service is a Service object that selects pods.
type service struct {
	namespace, name string
	selector        map[string]string
	headless        bool
	operated        bool
	ports           []servicePort
	bound           bound
	arriving        arriving
}

type servicePort struct {
	number   uint16
	called   string
	target   uint16 // the container port; 0 where it is named
	name     string // of the container port
	udp      bool
	protocol policy.Protocol
	at       source.Span
}

func (f *file) service(n *yaml.Node, o *corev1.Service) {
	at, namespace, ok := f.meta(n, "Service", &o.ObjectMeta)
	if !ok || f.unfilledLabels(o.Spec.Selector) {
		return
	}
	s := &service{namespace: namespace, name: o.Name, selector: o.Spec.Selector, headless: o.Spec.ClusterIP == corev1.ClusterIPNone}
	f.notice(bearing.Service, yamldoc.Get(n, "metadata"), o.Labels, o.Annotations)
	s.bound = f.waypointOf(n, namespace, o.Labels)
	s.arriving = arrival(o, f.doc.Span(cmp.Or(yamldoc.Get(n, "spec", "externalTrafficPolicy"), yamldoc.Get(n, "spec", "type"), yamldoc.Get(n, "metadata", "name"))))
	list := yamldoc.Get(n, "spec", "ports")
	for i, p := range o.Spec.Ports {
		here := item(list, i)
		place := f.doc.Span(cmp.Or(yamldoc.Get(here, "targetPort"), yamldoc.Get(here, "port"), here))
		if p.Port < 1 || p.Port > 65535 || p.TargetPort.Type == intstr.Int && (p.TargetPort.IntVal < 0 || p.TargetPort.IntVal > 65535) {
			if p.Port != 0 || !f.wrong {
				f.findings.Add(diag.MalformedManifest, place, "a port of a Service must be between 1 and 65535")
			}
			continue
		}
		port := servicePort{
			number:   uint16(p.Port),
			called:   p.Name,
			udp:      p.Protocol != "" && p.Protocol != corev1.ProtocolTCP,
			protocol: protocolOf(p.Port, p.Name, p.AppProtocol),
			at:       place,
		}
		switch {
		case p.TargetPort.Type == intstr.String:
			port.name = p.TargetPort.StrVal
			if strings.Trim(port.name, "0123456789") == "" {
				f.findings.Add(diag.MalformedManifest, place, "targetPort %q is the name of a port, and a name cannot be all digits", port.name).
					WithHelp("write the number without quotes: %s", port.name)
				continue
			}
		default:
			port.target = cmp.Or(uint16(p.TargetPort.IntVal), port.number)
		}
		s.ports = append(s.ports, port)
	}
	f.keep("Service", namespace, o.Name, at, func(r *reader) {
		if o.Spec.Type == corev1.ServiceTypeExternalName && o.Spec.ExternalName != "" {
			r.aliases[namespace+"/"+o.Name] = newAlias(namespace, o.Name, o.Spec.ExternalName, at)
		}
		if o.Spec.Type != corev1.ServiceTypeExternalName && len(s.selector) > 0 {
			r.services = append(r.services, s)
		}
	})
}

// protocolOf reads a Service port's protocol as Istio does: appProtocol, else the part of the port's name
// before its first dash, else TCP for ports that must not be sniffed (ConvertProtocol in
// pkg/config/kube/conversion.go and Parse in pkg/config/protocol/instance.go of istio/istio).
func protocolOf(number int32, name string, appProtocol *string) policy.Protocol {
	if appProtocol != nil {
		name = *appProtocol
		switch name {
		case "kubernetes.io/h2c":
			return policy.HTTP2
		case "kubernetes.io/ws":
			return policy.HTTP
		case "kubernetes.io/wss":
			return policy.TLS
		}
	}
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "grpc-web") {
		return policy.GRPC
	}
	name, _, _ = strings.Cut(name, "-")
	switch name {
	case "http", "http_proxy":
		return policy.HTTP
	case "http2":
		return policy.HTTP2
	case "grpc":
		return policy.GRPC
	case "https", "tls":
		return policy.TLS
	case "tcp", "mongo", "redis", "mysql":
		return policy.TCP
	}
	switch number {
	case 25, 53, 3306, 27017:
		return policy.TCP
	}
	return policy.ProtocolUnset
}

// connect adds the facts of each Service to the workloads that it selects. A target port that no container lists
// becomes a port of the workload too: containerPort is informational, and Kubernetes sends traffic to any port.
//
// If two Services disagree about the protocol of a port, Istio follows the older one (listener_inbound.go: "we will use
// the oldest Service"), but manifests do not say which is older. So the less specific protocol is taken: a rule for TCP
// holds on an HTTP port too, whereas an HTTP rule on a TCP port is dropped or becomes wider. A Service without a
// protocol does not disagree.
func (r *reader) connect(namespaces map[string]*namespace) {
	type label struct{ namespace, key, value string }
	labelled := map[label][]*pod{}
	for _, p := range r.pods {
		for key, value := range p.Labels {
			at := label{p.Namespace, key, value}
			labelled[at] = append(labelled[at], p)
		}
	}
	for _, s := range r.services {
		s.bound = s.bound.or(namespaces[s.namespace])
		var fewest []*pod
		first := true
		for key, value := range s.selector {
			if with := labelled[label{s.namespace, key, value}]; first || len(with) < len(fewest) {
				fewest, first = with, false
			}
		}
		for _, p := range fewest {
			if bearing.Selects(s.selector, p.Labels) {
				p.serve(s)
			}
		}
	}
	for _, p := range r.pods {
		slices.SortStableFunc(p.Ports, orderPorts)
		slices.Sort(p.Hosts)
		slices.SortFunc(p.Fronts, policy.CompareFronts)
		slices.SortFunc(p.Exposed, func(a, b Exposure) int { return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.By, b.By)) })
		for i := range p.Ports {
			slices.Sort(p.Ports[i].ServicePorts)
			p.Ports[i].ServicePorts = slices.Compact(p.Ports[i].ServicePorts)
		}
	}
}

func (p *pod) serve(s *service) {
	p.Hosts = append(p.Hosts, s.name)
	p.see(s)
	if s.bound.stated || s.bound.ingress {
		if p.bindings == nil {
			p.bindings = map[string]bound{}
		}
		p.bindings[s.name] = s.bound
	}
	for _, sp := range s.ports {
		number := cmp.Or(sp.target, p.named[portName{sp.name, sp.udp}])
		if number == 0 {
			continue // no container port has this name: the Service port leads nowhere
		}
		port := p.port(number, sp.udp)
		if port == nil {
			p.Ports = append(p.Ports, Port{Number: number, UDP: sp.udp, At: sp.at})
			port = &p.Ports[len(p.Ports)-1]
		}
		port.ServicePorts = append(port.ServicePorts, sp.number)
		if !sp.udp {
			p.Fronts = append(p.Fronts, policy.Front{Host: s.name, Port: sp.number, Target: number, Headless: s.headless, Operated: s.operated})
			if !s.arriving.inside {
				p.Exposed = append(p.Exposed, Exposure{number, s.arriving.by, s.arriving.Clients, s.arriving.At})
			}
		}
		if !sp.udp && sp.protocol != policy.ProtocolUnset && (port.Protocol == policy.ProtocolUnset || sp.protocol < port.Protocol) {
			port.Protocol = sp.protocol
		}
	}
}

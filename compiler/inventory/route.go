package inventory

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Route is a destination to which gateways pass calls on.
type Route struct {
	By                 string // the object that says so: `VirtualService shop/web`
	Through            []Through
	Namespace, Service string   // the Kubernetes Service; without a namespace, Service is another host
	Ports              []uint16 // of the Service; empty where they are not known
	At                 source.Span
}

// Through is a gateway of a route.
type Through struct {
	Name    string   // in words: `Gateway shop/public`
	Gateway *Gateway // nil where no manifest has it
}

// passing is the destinations of one object that have the same gateways, before these are known.
type passing struct {
	by       objectKey
	gateways []objectKey // the API group in place of the kind
	to       []destination
}

// destination is a Service and its port.
type destination struct {
	namespace, service string // of another host than that of a Service, the host in place of both
	port               uint16 // 0 where it is not stated
	portName           string // in place of port
	granted            bool   // by a ReferenceGrant, or because none is needed
	at                 source.Span
}

// hostOf returns the Service that a host stands for. A name without dots is that of a Service of the namespace; any
// other is a whole name of a host (ResolveShortnameToFQDN in pilot/pkg/model/config.go of istio/istio).
func hostOf(host, namespace string) destination {
	if !strings.Contains(host, ".") {
		return destination{namespace: namespace, service: host}
	}
	if parts := strings.SplitN(host, ".", 4); len(parts) == 4 && parts[2] == "svc" {
		return destination{namespace: parts[1], service: parts[0]}
	}
	return destination{service: host}
}

func (d *destination) id() string { return d.namespace + "/" + d.service }

// routes returns the destinations of all objects, sorted by place.
func (r *reader) routes() []*Route {
	services := map[string]*service{}
	for _, s := range r.services {
		services[s.namespace+"/"+s.name] = s
	}
	var all []*Route
	for _, p := range append(r.passes, r.delegated()...) {
		if len(p.to) == 0 {
			continue
		}
		through := r.through(p)
		if len(through) == 0 {
			continue
		}
		for _, d := range p.to {
			route := &Route{By: p.by.String(), Through: through, Namespace: d.namespace, Service: d.service, At: d.at}
			granted := r.granted(p, &d)
			if d.behind(r.aliases); d.namespace != "" {
				route.Namespace, route.Service = d.namespace, d.service
			}
			switch {
			case d.namespace == "":
				r.elsewhere = true
				r.findings.Add(diag.SkippedObject, d.at, "%s is not judged where it leads to %s, which is not the host of a Service", route.By, d.service)
				continue
			case !granted:
				r.astray = true
				r.findings.Add(diag.SkippedObject, d.at, "%s is not judged: no manifest has a ReferenceGrant that lets it lead to the Service %s/%s", route.By, d.namespace, d.service).
					WithNote("without one a gateway answers such calls itself").
					WithHelp("add the ReferenceGrant of namespace %s to the workloads", d.namespace)
				continue
			}
			route.ports(&d, services[d.namespace+"/"+d.service])
			all = append(all, route)
		}
	}
	slices.SortStableFunc(all, func(a, b *Route) int { return a.At.Compare(b.At) })
	return all
}

// through returns the gateways that pass on to some destinations. It leaves out those that are not Istio's, with a
// note.
func (r *reader) through(p *passing) (all []Through) {
	for _, key := range p.gateways {
		g := r.gateways[key]
		switch {
		case g == nil:
			all = append(all, Through{Name: "Gateway " + key.namespace + "/" + key.name})
		case g.Foreign != "":
			r.findings.Add(diag.SkippedObject, p.to[0].at, "%s is not judged: %s is %s", p.by, g, g.Foreign).
				WithHelp("a caller without an identity of the mesh is let in by an edge from `world`, or from a `service NAME outside address NETWORK`")
		default:
			all = append(all, Through{g.String(), g})
		}
	}
	return all
}

// ports sets the ports of a Service that a route leads to: the stated one, else the only one of the Service, else those
// on which the gateway listens (GetDestinationCluster in pilot/pkg/networking/core/route/route.go of istio/istio).
func (r *Route) ports(d *destination, to *service) {
	switch {
	case d.port != 0:
		r.Ports = []uint16{d.port}
		return
	case to == nil:
		return
	case len(to.ports) == 1:
		r.Ports = []uint16{to.ports[0].number}
		return
	}
	for _, p := range to.ports {
		listens := func(t Through) bool { return t.Gateway != nil && slices.Contains(t.Gateway.Ports, p.number) }
		if d.portName != "" && p.called == d.portName || d.portName == "" && slices.ContainsFunc(r.Through, listens) {
			r.Ports = append(r.Ports, p.number)
		}
	}
}

// Targets returns the container ports of a service to which a route leads; 0 where it is not known which.
func (r *Route) Targets(s *policy.Service) (all []uint16) {
	for _, port := range r.Ports {
		for _, front := range s.Fronts {
			if front.Host == r.Service && front.Port == port {
				all = append(all, front.Target)
			}
		}
		if len(s.Fronts) == 0 {
			switch {
			case slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Number == port }):
				all = append(all, port)
			case len(s.Ports) == 1:
				all = append(all, s.Ports[0].Number)
			}
		}
	}
	if len(all) == 0 {
		all = []uint16{0}
	}
	return all
}

// metaOf reads the name and the namespace of an object whose type is not that of Kubernetes.
func metaOf(n *yaml.Node) *metav1.ObjectMeta {
	meta := yamldoc.Get(n, "metadata")
	return &metav1.ObjectMeta{
		Name: yamldoc.Scalar(meta, "name"), GenerateName: yamldoc.Scalar(meta, "generateName"),
		Namespace: yamldoc.Scalar(meta, "namespace"),
	}
}

// number returns the number of a port; 0 for anything else.
func number(n *yaml.Node) uint16 {
	port, err := strconv.ParseUint(yamldoc.Scalar(n), 10, 16)
	if err != nil {
		return 0
	}
	return uint16(port)
}

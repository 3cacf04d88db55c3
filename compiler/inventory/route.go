package inventory

import (
	"cmp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Route is a destination to which a gateway passes calls on.
type Route struct {
	By                 string   // the object that says so: `VirtualService shop/web`
	Gateway            *Gateway // nil where no manifest has it
	GatewayID          string   // NAMESPACE/NAME
	Namespace, Service string   // the Kubernetes Service; without a namespace, Service is another host
	Ports              []uint16 // of the Service; empty where they are not known
	At                 source.Span
}

// routes returns the destinations of all objects, sorted by place.
func (r *reader) routes() []*Route {
	gateways := map[string]*Gateway{}
	for _, g := range r.gateways {
		gateways[g.ID()] = g
	}
	services := map[string]*service{}
	for _, s := range r.services {
		services[s.namespace+"/"+s.name] = s
	}
	delegates := map[string]*virtualService{}
	for _, v := range r.virtualServices {
		delegates[v.namespace+"/"+v.name] = v
	}
	var all []*Route
	add := func(by *virtualService, gateway string, d destination) {
		route := &Route{
			By: "VirtualService " + by.namespace + "/" + by.name, Gateway: gateways[gateway], GatewayID: gateway,
			Namespace: d.namespace, Service: d.service, At: d.at,
		}
		route.Ports = route.ports(d.port, services[d.namespace+"/"+d.service])
		all = append(all, route)
	}
	for _, v := range r.virtualServices {
		for _, route := range v.routes {
			for _, g := range route.gateways {
				if g == meshGateway {
					continue
				}
				for _, d := range route.to {
					add(v, g, d)
				}
				switch to := delegates[route.delegate]; {
				case to != nil:
					for _, delegated := range to.routes {
						for _, d := range delegated.to {
							add(to, g, d)
						}
					}
				case route.delegate != "":
					r.findings.Add(diag.SkippedObject, route.delegateAt, "no manifest has the VirtualService %s, so where it sends calls of the gateway %s is not judged", route.delegate, g)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *Route) int {
		switch {
		case a.At.Before(b.At):
			return -1
		case b.At.Before(a.At):
			return 1
		}
		return cmp.Compare(a.GatewayID, b.GatewayID)
	})
	return all
}

// ports returns the ports of a Service that a route leads to: the stated one, else the only one of the Service, else those on
// which the gateway listens (GetDestinationCluster in pilot/pkg/networking/core/route/route.go of istio/istio).
func (r *Route) ports(stated uint16, to *service) []uint16 {
	switch {
	case stated != 0:
		return []uint16{stated}
	case to == nil:
		return nil
	case len(to.ports) == 1:
		return []uint16{to.ports[0].number}
	}
	var all []uint16
	for _, p := range to.ports {
		if r.Gateway != nil && slices.Contains(r.Gateway.Ports, p.number) {
			all = append(all, p.number)
		}
	}
	return all
}

// metaOf reads the name and the namespace of an object whose type is not that of Kubernetes.
func metaOf(n *yaml.Node) *metav1.ObjectMeta {
	meta := yamldoc.Get(n, "metadata")
	return &metav1.ObjectMeta{
		Name: text(yamldoc.Get(meta, "name")), GenerateName: text(yamldoc.Get(meta, "generateName")),
		Namespace: text(yamldoc.Get(meta, "namespace")),
	}
}

// each returns the items of a sequence; none of anything else.
func each(n *yaml.Node) []*yaml.Node {
	n = yamldoc.Resolve(n)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	all := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		all[i] = yamldoc.Resolve(item)
	}
	return all
}

// text returns a scalar; empty for anything else.
func text(n *yaml.Node) string {
	if n = yamldoc.Resolve(n); n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

// number returns the number of a port; 0 for anything else.
func number(n *yaml.Node) uint16 {
	port, err := strconv.ParseUint(text(n), 10, 16)
	if err != nil {
		return 0
	}
	return uint16(port)
}

package inventory

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/source"
)

// virtualService is a VirtualService before the gateways and the delegates that it names are known.
// https://istio.io/latest/docs/reference/config/networking/virtual-service/
type virtualService struct {
	namespace, name string
	routes          []virtualRoute
}

// virtualRoute is one route of a VirtualService.
type virtualRoute struct {
	gateways []string // as NAMESPACE/NAME
	delegate string   // the VirtualService that has its destinations, as NAMESPACE/NAME
	to       []destination

	delegateAt source.Span
}

// destination is a Service and its port.
type destination struct {
	namespace, service string // of another host than that of a Service, the host in place of both
	port               uint16 // 0 where it is not stated
	at                 source.Span
}

// meshGateway stands for all sidecars where the name of a gateway is expected.
const meshGateway = "mesh"

func (f *file) virtualService(n *yaml.Node) {
	meta := metaOf(n)
	at, namespace, ok := f.meta(n, "VirtualService", meta)
	if !ok {
		return
	}
	v := &virtualService{namespace: namespace, name: meta.Name}
	spec := yamldoc.Get(n, "spec")
	gateways := v.gateways(yamldoc.Get(spec, "gateways"))
	if gateways == nil {
		gateways = []string{meshGateway}
	}
	for _, protocol := range []string{"http", "tls", "tcp"} {
		for _, route := range each(yamldoc.Get(spec, protocol)) {
			r := virtualRoute{gateways: v.reaching(gateways, yamldoc.Get(route, "match"))}
			for _, to := range each(yamldoc.Get(route, "route")) {
				f.destination(v, &r, yamldoc.Get(to, "destination"))
			}
			f.destination(v, &r, yamldoc.Get(route, "mirror"))
			for _, to := range each(yamldoc.Get(route, "mirrors")) {
				f.destination(v, &r, yamldoc.Get(to, "destination"))
			}
			if delegate := yamldoc.Get(route, "delegate"); delegate != nil {
				r.delegate = cmp.Or(text(yamldoc.Get(delegate, "namespace")), namespace) + "/" + text(yamldoc.Get(delegate, "name"))
				r.delegateAt = f.doc.Span(delegate)
			}
			if !f.spend(route, 64) {
				return
			}
			v.routes = append(v.routes, r)
		}
	}
	delegate := yamldoc.Get(spec, "hosts") == nil && len(v.routes) > 0
	sidecars := slices.Contains(gateways, meshGateway) && !delegate
	f.keep("VirtualService", namespace, v.name, at, func(r *reader) {
		r.virtualServices = append(r.virtualServices, v)
		if sidecars {
			r.notices.See(bearing.Workloads, "networking.istio.io/VirtualService", at)
		}
	})
}

// gateways returns the names of gateways as NAMESPACE/NAME, or the one that stands for all sidecars. They may be written
// NAME, NAMESPACE/NAME, ./NAME, or as the name of a host (resolveGatewayName in pilot/pkg/model/config.go of istio/istio).
func (v *virtualService) gateways(list *yaml.Node) (all []string) {
	for _, n := range each(list) {
		name := text(n)
		namespace, short, qualified := strings.Cut(name, "/")
		if !qualified {
			namespace, short = v.namespace, name
			if first, rest, dotted := strings.Cut(name, "."); dotted {
				namespace, _, _ = strings.Cut(rest, ".")
				short = first
			}
		}
		switch {
		case name == meshGateway:
			all = append(all, name)
		case namespace == ".":
			all = append(all, v.namespace+"/"+short)
		default:
			all = append(all, namespace+"/"+short)
		}
	}
	return all
}

// reaching returns those gateways that one of the matches of a route lets use it. A match may name some of them.
func (v *virtualService) reaching(gateways []string, matches *yaml.Node) []string {
	list := each(matches)
	if len(list) == 0 {
		return gateways
	}
	var all []string
	for _, g := range gateways {
		if slices.ContainsFunc(list, func(m *yaml.Node) bool {
			only := v.gateways(yamldoc.Get(m, "gateways"))
			return only == nil || slices.Contains(only, g)
		}) {
			all = append(all, g)
		}
	}
	return all
}

// destination adds a destination to a route. A name without dots is that of a Service beside the VirtualService; any other
// is a whole host name (ResolveShortnameToFQDN in pilot/pkg/model/config.go of istio/istio).
func (f *file) destination(v *virtualService, r *virtualRoute, n *yaml.Node) {
	host := yamldoc.Get(n, "host")
	if host == nil || f.unfilled(host.Value) || !f.spend(n, 64) {
		return
	}
	d := destination{service: text(host), port: number(yamldoc.Get(n, "port", "number")), at: f.doc.Span(host)}
	if !strings.Contains(d.service, ".") {
		d.namespace = v.namespace
	} else if parts := strings.SplitN(d.service, ".", 4); len(parts) == 4 && parts[2] == "svc" {
		d.service, d.namespace = parts[0], parts[1]
	}
	r.to = append(r.to, d)
}

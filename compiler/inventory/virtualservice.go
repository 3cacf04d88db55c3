package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// virtualService is the routes of a VirtualService, which another may delegate to.
// https://istio.io/latest/docs/reference/config/networking/virtual-service/
type virtualService struct {
	key    objectKey
	routes []virtualRoute
}

// virtualRoute is one route of a VirtualService.
type virtualRoute struct {
	gateways []objectKey // without sidecars
	to       []destination
	delegate *objectKey // the VirtualService that has its destinations

	delegateAt source.Span
}

// sidecars stands for all of them where a gateway is expected.
var sidecars = objectKey{istioGroup, "", "mesh"}

func (f *file) virtualService(n *yaml.Node) {
	meta := metaOf(n)
	at, namespace, ok := f.meta(n, "VirtualService", meta)
	if !ok {
		return
	}
	v := &virtualService{key: objectKey{"VirtualService", namespace, meta.Name}}
	spec := yamldoc.Get(n, "spec")
	gateways := v.gateways(yamldoc.Get(spec, "gateways"))
	if gateways == nil {
		gateways = []objectKey{sidecars}
	}
	for _, protocol := range []string{"http", "tls", "tcp"} {
		for _, route := range yamldoc.Items(yamldoc.Get(spec, protocol)) {
			if !f.spend(route, 64) {
				return
			}
			r := virtualRoute{gateways: v.reaching(gateways, yamldoc.Get(route, "match"))}
			for _, to := range yamldoc.Items(yamldoc.Get(route, "route")) {
				f.destination(v, &r, yamldoc.Get(to, "destination"))
			}
			f.destination(v, &r, yamldoc.Get(route, "mirror"))
			for _, to := range yamldoc.Items(yamldoc.Get(route, "mirrors")) {
				f.destination(v, &r, yamldoc.Get(to, "destination"))
			}
			if delegate := yamldoc.Get(route, "delegate"); delegate != nil {
				r.delegate = &objectKey{"VirtualService", cmp.Or(yamldoc.Scalar(delegate, "namespace"), namespace), yamldoc.Scalar(delegate, "name")}
				r.delegateAt = f.doc.Span(delegate)
			}
			v.routes = append(v.routes, r)
		}
	}
	delegate := yamldoc.Get(spec, "hosts") == nil && len(v.routes) > 0
	f.keep("VirtualService", namespace, meta.Name, at, func(r *reader) {
		r.virtualServices = append(r.virtualServices, v)
		for _, route := range v.routes {
			r.passes = append(r.passes, &passing{v.key, route.gateways, route.to})
		}
		if slices.Contains(gateways, sidecars) && !delegate {
			r.notices.See(bearing.Workloads, istioGroup+"/VirtualService", at)
		}
	})
}

// gateways returns the gateways of a list, nil where there is none. They may be written NAME, NAMESPACE/NAME, ./NAME,
// or as the name of a host (resolveGatewayName in pilot/pkg/model/config.go of istio/istio).
func (v *virtualService) gateways(list *yaml.Node) (all []objectKey) {
	for _, n := range yamldoc.Items(list) {
		name := yamldoc.Scalar(n)
		namespace, short, qualified := strings.Cut(name, "/")
		if !qualified {
			namespace, short = v.key.namespace, name
			if first, rest, dotted := strings.Cut(name, "."); dotted {
				namespace, _, _ = strings.Cut(rest, ".")
				short = first
			}
		}
		if namespace == "." {
			namespace = v.key.namespace
		}
		g := objectKey{istioGroup, namespace, short}
		if name == sidecars.name {
			g = sidecars
		}
		all = append(all, g)
	}
	return all
}

// reaching returns those gateways that one of the matches of a route lets use it. A match may name some of them.
func (v *virtualService) reaching(gateways []objectKey, matches *yaml.Node) []objectKey {
	named, every := map[objectKey]bool{}, true
	for i, m := range yamldoc.Items(matches) {
		only := v.gateways(yamldoc.Get(m, "gateways"))
		for _, g := range only {
			named[g] = true
		}
		every = only == nil || every && i > 0
	}
	var all []objectKey
	for _, g := range gateways {
		if g != sidecars && (every || named[g]) {
			all = append(all, g)
		}
	}
	return all
}

// delegated returns where VirtualServices lead to which others delegate, by the gateways of all of these.
func (r *reader) delegated() (all []*passing) {
	byName := map[objectKey]*virtualService{}
	for _, v := range r.virtualServices {
		byName[v.key] = v
	}
	gateways := map[objectKey]map[objectKey]bool{}
	for _, v := range r.virtualServices {
		for _, route := range v.routes {
			switch {
			case route.delegate == nil || len(route.gateways) == 0:
				continue
			case byName[*route.delegate] == nil:
				r.astray = true
				r.findings.Add(diag.SkippedObject, route.delegateAt, "no manifest has the %s, so where it sends the calls of gateways is not judged", route.delegate)
				continue
			case gateways[*route.delegate] == nil:
				gateways[*route.delegate] = map[objectKey]bool{}
			}
			for _, g := range route.gateways {
				gateways[*route.delegate][g] = true
			}
		}
	}
	for key, of := range gateways {
		p := &passing{by: key, gateways: slices.SortedFunc(maps.Keys(of), objectKey.compare)}
		for _, route := range byName[key].routes {
			p.to = append(p.to, route.to...)
		}
		if len(p.to) > 0 {
			all = append(all, p)
		}
	}
	return all
}

func (f *file) destination(v *virtualService, r *virtualRoute, n *yaml.Node) {
	host := yamldoc.Get(n, "host")
	if host == nil || f.unfilled(host.Value) || !f.spend(n, 64) {
		return
	}
	d := hostOf(yamldoc.Scalar(host), v.key.namespace)
	d.port, d.granted, d.at = number(yamldoc.Get(n, "port", "number")), true, f.doc.Span(host)
	r.to = append(r.to, d)
}

package compiler

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// routing is the routes of gateways among deployed manifests, and those of the workloads that they are for.
type routing struct {
	set      *inventory.Set
	services []*policy.Service
}

// routeKinds are the kinds of objects of which gateways pass calls on.
var routeKinds = []string{"VirtualService", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "Ingress"}

// readRoutes reads the routes of manifests, which are nil where there are none, with what is not judged of them.
func readRoutes(manifests []*source.File, workloads []inventory.Input, services []*policy.Service) (*routing, diag.List) {
	files := map[*source.File]bool{}
	all := slices.Clone(workloads)
	routes := slices.ContainsFunc(workloads, func(in inventory.Input) bool { return mentionsRoutes(in.File) })
	for _, f := range manifests {
		if mentionsRoutes(f) {
			routes = true
			files[f] = true
		}
		if files[f] || strings.Contains(f.Text, "Gateway") {
			all = append(all, inventory.Input{File: f})
		}
	}
	if !routes {
		return nil, nil
	}
	set, found := inventory.Read(all)
	found = slices.DeleteFunc(found, func(d diag.Diagnostic) bool {
		return d.Code != diag.SkippedObject || d.Primary.File == nil || !files[d.Primary.File]
	})
	return &routing{set, services}, found
}

func mentionsRoutes(f *source.File) bool {
	return slices.ContainsFunc(routeKinds, func(kind string) bool { return strings.Contains(f.Text, kind) })
}

// pods returns the services whose pods are those of a gateway.
func (r *routing) pods(g *inventory.Gateway) (all []*policy.Service) {
	for _, s := range r.services {
		if g != nil && (g.Selects(s.Namespace, s.Selector()) || len(s.Labels) == 0 && g.RunsAs(s.Account)) {
			all = append(all, s)
		}
	}
	return all
}

// callees returns the services behind the Kubernetes Service of a route.
func (r *routing) callees(route *inventory.Route) (all []*policy.Service) {
	for _, s := range r.services {
		if s.Namespace == route.Namespace && slices.Contains(model.HostsOf(s), route.Service) {
			all = append(all, s)
		}
	}
	return all
}

// lead gives gateways their routes, and says of which every one is known: those whose pods are, unless some route is of
// a gateway or leads to where nothing is known of.
func (r *routing) lead() {
	whole := !r.set.Astray && !r.set.Elsewhere
	led := map[*policy.Service]bool{}
	for _, route := range r.set.Routes {
		callees := r.callees(route)
		for _, through := range route.Through {
			gateways := r.pods(through.Gateway)
			whole = whole && len(gateways) > 0
			for _, g := range gateways {
				led[g] = true
				for _, s := range callees {
					for _, port := range route.Targets(s) {
						g.Routes = append(g.Routes, policy.Route{To: s, Port: port, By: route.By, At: route.At})
					}
				}
			}
		}
	}
	for g := range led {
		g.Routed = whole && g.Dataplane == policy.Gateway && !slices.ContainsFunc(r.set.Gateways, func(one *inventory.Gateway) bool {
			return one.Unrouted && slices.Contains(r.pods(one), g)
		})
	}
}

// only leaves out the routes that are not in some files.
func (r *routing) only(files []*source.File) {
	if r != nil {
		r.set.Routes = slices.DeleteFunc(r.set.Routes, func(route *inventory.Route) bool { return !slices.Contains(files, route.At.File) })
	}
}

// report adds the routes that lead to where their gateways are not let in.
func (r *routing) report(to *audit.Report, m *model.Model) error {
	if r == nil {
		return nil
	}
	closed, err := r.closed(m)
	to.Findings(audit.Route, closed)
	return err
}

// closed reports the routes of a gateway to a port that does not let it in.
func (r *routing) closed(m *model.Model) (list diag.List, err error) {
	for _, route := range r.set.Routes {
		for _, s := range r.callees(route) {
			if !s.Proxied() || len(s.Labels) == 0 {
				continue
			}
			for _, port := range route.Targets(s) {
				q := policy.Requests{}
				if port != 0 {
					q.Ports = []uint16{port}
				}
				callers, err := m.CallersOf(s, &q)
				if err != nil {
					return nil, err
				}
				for _, through := range route.Through {
					r.judge(&list, m, route, through, s, port, callers)
				}
			}
		}
	}
	return list, nil
}

func (r *routing) judge(list *diag.List, m *model.Model, route *inventory.Route, through inventory.Through, s *policy.Service, port uint16, callers *model.Callers) {
	to := s.ID()
	if port != 0 {
		to += ":" + strconv.Itoa(int(port))
	}
	gateways := r.pods(through.Gateway)
	if len(gateways) == 0 && !callers.Any && !callers.World {
		list.Add(diag.SkippedObject, route.At, "whether %s may call %s is not judged: it is not known which pods it has", through.Name, to).
			WithHelp("name the manifests of its pods with --workloads")
	}
	for _, g := range gateways {
		if from := (policy.Source{Service: g}); g != s && !callers.Admits(m, from) {
			list.Add(diag.ClosedRoute, route.At, "%s forwards calls from %s to %s, but no policy lets in %s", route.By, through.Name, to, g.ID())
		}
	}
}

package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// routing holds the routes of gateways against the edges.
type routing struct {
	*checker
	fronted map[string][]*service             // by NAMESPACE/NAME of a Kubernetes Service
	pods    map[*inventory.Gateway][]*service // that a gateway selects
	led     map[*service]bool                 // gateways that have routes, wherever these lead
	unknown map[string]bool                   // gateways that have a note
}

// routes reports what gateways pass on without an edge, and edges of gateways that no route uses.
func (c *checker) routes() {
	if len(c.inv.Routes) == 0 {
		return
	}
	r := &routing{c, map[string][]*service{}, map[*inventory.Gateway][]*service{}, map[*service]bool{}, map[string]bool{}}
	for _, m := range c.meshes {
		for _, s := range m.services {
			hosts := s.Hosts
			if len(hosts) == 0 {
				hosts = []string{s.Name}
			}
			for _, host := range hosts {
				id := m.Name + "/" + host
				r.fronted[id] = append(r.fronted[id], s)
			}
			for _, g := range c.inv.Gateways {
				if r.is(s, g) {
					r.pods[g] = append(r.pods[g], s)
				}
			}
		}
	}
	for _, g := range c.inv.Gateways {
		for _, s := range r.pods[g] {
			c.gateways += s.ID() + " "
		}
		c.gateways += "\n"
	}
	for _, route := range c.inv.Routes {
		c.about(route.Namespace, func() { r.route(route) })
	}
	if !c.inv.Astray {
		r.settle()
		r.unused()
	}
}

// is reports whether the pods of a service are those of a gateway.
func (r *routing) is(s *service, g *inventory.Gateway) bool {
	if len(s.workloads) == 0 {
		return g.Selects(s.Namespace, s.Selector()) || s.decl != nil && len(s.decl.Labels) == 0 && (g.RunsAs(s.Account) || slices.ContainsFunc(s.Was, g.RunsAs))
	}
	return slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool { return g.Selects(w.Namespace, w.Labels) })
}

// route judges one destination.
func (r *routing) route(route *inventory.Route) {
	callees := r.fronted[route.Namespace+"/"+route.Service]
	for _, through := range route.Through {
		for _, g := range r.pods[through.Gateway] {
			r.led[g] = true
			for _, s := range callees {
				for _, port := range route.Targets(s.Service) {
					g.Routes = append(g.Routes, policy.Route{To: s.Service, Port: port, By: route.By, At: route.At})
				}
			}
		}
	}
	m := r.byName[route.Namespace]
	if m == nil || !r.judges(m.Name) || m.Declares && !m.Closed && !m.called() {
		return // the project closes nothing there
	}
	if len(callees) == 0 {
		d := r.list.Add(diag.SkippedObject, route.At, "%s cannot be checked: the project lacks the service %s/%s that it leads to", route.By, route.Namespace, route.Service).
			WithHelp("add the manifests of the Service and its pods, or declare it")
		if near, ok := diag.Nearest(route.Service, r.hostsIn(route.Namespace)); ok {
			d.WithHelp("did you mean %s? Otherwise add the manifests of the Service and its pods, or declare it", near)
		}
		return
	}
	for _, s := range callees {
		for _, port := range route.Targets(s.Service) {
			if s.Proxied() && (!m.Declares || m.Closed || len(s.allow) > 0) {
				r.judge(route, s, port)
			}
		}
	}
}

// hostsIn is the names of the Services of a namespace, sorted.
func (r *routing) hostsIn(namespace string) (hosts []string) {
	for id := range r.fronted {
		if host, ok := strings.CutPrefix(id, namespace+"/"); ok {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// judge reports a route to a port that does not let in one of its gateways.
func (r *routing) judge(route *inventory.Route, s *service, port uint16) {
	for _, through := range route.Through {
		for _, g := range r.pods[through.Gateway] {
			if g != s && !s.admits(policy.Source{Service: g.Service}, port) {
				r.closed(route, through, s, port).
					WithRelated(g.At, "its pods").
					WithHelp("admit it, below `mesh %s`: `%s -> %s`", s.Namespace, g.from(s.mesh), s.at(port))
				return
			}
		}
		switch {
		case len(r.pods[through.Gateway]) > 0 || s.admits(policy.Source{Kind: policy.FromAny}, port):
		case !r.mayAdmit(through.Gateway, s, port):
			r.undeclared(route, through, s, port)
			return
		case !r.unknown[through.Name]:
			r.unknown[through.Name], r.whole = true, true
			d := r.list.Add(diag.SkippedObject, route.At, "meshc cannot tell whether %s may call %s: it does not know which service that is", through.Name, s.ID())
			if g := through.Gateway; g != nil && len(g.Selector) > 0 {
				d.WithHelp("declare the gateway with the labels of its pods: `service NAME gateway label %s`", selectorText(g.Labels()))
			} else {
				d.WithHelp("add the manifests of the gateway to the workloads")
			}
			withGateway(d, through)
		}
	}
}

// admits reports whether an edge lets a caller reach a port, or any port if that is 0.
func (s *service) admits(from policy.Source, port uint16) bool {
	return slices.ContainsFunc(s.allow, func(r *rule) bool {
		return (port == 0 || r.Leads(port)) && policy.Includes(r.From, from)
	})
}

// mayAdmit reports whether an edge lets in callers of which it is not known that they are not the gateway.
func (r *routing) mayAdmit(gateway *inventory.Gateway, s *service, port uint16) bool {
	return slices.ContainsFunc(s.allow, func(rule *rule) bool {
		return (port == 0 || rule.Leads(port)) && slices.ContainsFunc(rule.From, func(f policy.Source) bool {
			if f.Kind != policy.FromService {
				return f.Kind == policy.FromMesh
			}
			if caller := r.serviceOf(f.Service); len(caller.workloads) == 0 && caller.decl != nil && len(caller.decl.Labels) == 0 {
				return caller.Proxied() // nothing says what its pods are
			}
			return (gateway == nil || len(gateway.Selector) == 0) && f.Service.Dataplane == policy.Gateway
		})
	})
}

// closed reports a route to a port that does not let its gateway in.
func (r *routing) closed(route *inventory.Route, through inventory.Through, s *service, port uint16) *diag.Diagnostic {
	d := r.list.Add(diag.ClosedRoute, route.At, "%s forwards calls from %s to %s/%s, but no edge admits it", route.By, through.Name, s.Namespace, s.at(port))
	return withGateway(d, through)
}

func withGateway(d *diag.Diagnostic, through inventory.Through) *diag.Diagnostic {
	if through.Gateway != nil && !through.Gateway.At.IsZero() {
		d.WithRelated(through.Gateway.At, "the gateway")
	}
	return d
}

// undeclared reports a route that is closed to a gateway of which the project has no service. Its help declares the one
// that Istio's installer makes, or its chart under the usual name:
// https://istio.io/latest/docs/setup/additional-setup/gateway/#deploying-a-gateway
func (r *routing) undeclared(route *inventory.Route, through inventory.Through, s *service, port uint16) {
	namespace, account, labels := r.policy.RootNamespace, "istio-ingressgateway-service-account", ""
	if g := through.Gateway; g != nil {
		for _, l := range g.Labels() {
			labels += fmt.Sprintf(" label %s=%s", l.Key, l.Value)
		}
		if named := g.Selector["istio"]; named != "ingressgateway" {
			namespace, account = "istio-"+named, "istio-"+named
			if named == "" {
				namespace, account = "NAMESPACE", "ACCOUNT"
			}
		}
	}
	r.closed(route, through, s, port).
		WithNote("no service of the project is this gateway; adjust the namespace and account in the help if its pods have others").
		WithHelp("declare it, below `mesh %s`: `service ingress gateway account %s%s`; and admit it, below `mesh %s`: `%[1]s/ingress -> %[5]s`", namespace, account, labels, s.Namespace, s.at(port))
}

// at is a service of a section with one of its ports, or without if that is 0.
func (s *service) at(port uint16) string {
	if port == 0 {
		return s.Name
	}
	return s.Name + ":" + portText(port)
}

// from is the name of a service as a section of a mesh writes it.
func (s *service) from(in *mesh) string {
	if s.mesh == in {
		return s.Name
	}
	return s.ID()
}

// settle says of which gateways every route is known: those that have some, unless it is not known where some route
// leads, or whose it is.
func (r *routing) settle() {
	for s := range r.led {
		if slices.ContainsFunc(r.inv.Gateways, func(g *inventory.Gateway) bool { return g.Unrouted && slices.Contains(r.pods[g], s) }) {
			delete(r.led, s)
			continue
		}
		s.Routed = s.Dataplane == policy.Gateway && !r.inv.Elsewhere && !slices.ContainsFunc(r.inv.Routes, func(route *inventory.Route) bool {
			return slices.ContainsFunc(route.Through, func(t inventory.Through) bool {
				unlabelled := len(s.workloads) == 0 && len(s.decl.Labels) == 0
				return t.Gateway == nil || unlabelled && len(r.pods[t.Gateway]) == 0
			})
		})
	}
}

// unused warns of edges from gateways along which no route leads.
func (r *routing) unused() {
	r.eachJudged(func(m *mesh) {
		for _, s := range m.services {
			for _, rule := range s.allow {
				for _, f := range rule.From {
					if f.Kind != policy.FromService {
						continue
					}
					if !r.led[r.serviceOf(f.Service)] || f.Service.RouteTo(s.Service, &rule.Requests) != nil {
						continue
					}
					r.list.Add(diag.UnroutedEdge, rule.ToAt, "no route of the gateway %s leads here", f.Service.Name).
						WithHelp("delete the edge, or add the route that uses it to the manifests")
				}
			}
		}
	})
}

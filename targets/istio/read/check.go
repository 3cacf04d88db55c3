package read

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/lang/diag"
)

// Check reports objects without effect: those that bind none of the workloads, and PeerAuthentications that have no
// effect on a workload because an older one selects it too.
func Check(m *enforce.Layer, workloads []enforce.Workload) diag.List {
	var findings diag.List
	binds := map[*enforce.Object]bool{}
	populated := map[string]bool{}
	shadowed := map[*enforce.Object]*enforce.Object{}
	services := map[objectKey]bool{} // whether calls to them pass a waypoint
	waypoints := map[objectKey]bool{}
	for _, w := range workloads {
		c := m.For(w)
		populated[w.Namespace] = true
		for _, p := range slices.Concat(c.Policies, c.Peers, c.Tokens, c.Unsent) {
			binds[p.Written()] = true
		}
		for _, f := range w.Fronts {
			key := objectKey{"Service", w.Namespace, f.Host}
			services[key] = services[key] || f.Waypoint != nil && c.Ambient()
			if f.Waypoint != nil {
				waypoints[objectKey{"Gateway", f.Waypoint.Namespace, f.Waypoint.Name}] = true
			}
		}
		for _, p := range c.Policies {
			unmet(&findings, c, p, w)
		}
		for _, p := range c.Shadowed {
			for _, by := range c.Peers {
				if by.Namespace == p.Namespace && (len(by.Selector) > 0) == (len(p.Selector) > 0) {
					shadowed[p] = by
				}
			}
		}
	}
	for _, p := range m.Policies {
		for _, t := range p.Targets {
			passes, known := services[objectKey{"Service", p.Namespace, t.Value}]
			switch {
			case t.Key == enforce.TargetClass && p.Namespace != m.Mesh.RootNamespace:
				findings.Add(diag.Ineffective, p.At, "the %s %s has no effect: it binds a GatewayClass, as only policies of %s can", p.Kind, p.ID(), m.Mesh.RootNamespace).
					WithHelp("put it into %s, where it is for the waypoints of all namespaces, or bind a Gateway or Services", m.Mesh.RootNamespace)
			case t.Key == enforce.TargetGateway && populated[p.Namespace] && !binds[p] && !waypoints[objectKey{"Gateway", p.Namespace, t.Value}]:
				findings.Add(diag.Undecided, p.At, "the %s %s binds the Gateway %s, and no calls that are known here pass it", p.Kind, p.ID(), t.Value).
					WithHelp("compare the name with those of the Gateways of %s, or give the manifests of what is behind it, too", p.Namespace)
			case t.Key != enforce.TargetService || passes:
			case known:
				findings.Add(diag.Ineffective, p.At, "the %s %s has no effect: it binds the Service %s, and calls to that pass no waypoint", p.Kind, p.ID(), t.Value).
					WithNote("sidecars and ztunnel ignore policies with targetRefs").
					WithHelp("let calls to the Service pass a waypoint (label it `istio.io/use-waypoint`), or give the policy a selector")
			default:
				findings.Add(diag.Undecided, p.At, "the %s %s binds the Service %s, which is not known here", p.Kind, p.ID(), t.Value).
					WithNote("it has an effect only if calls to the Service pass a waypoint").
					WithHelp("give the manifests of the Service and of its Namespace, too")
			}
		}
		for _, l := range p.Selector {
			if l.Key == gatewayName && waypoints[objectKey{"Gateway", p.Namespace, l.Value}] {
				findings.Add(diag.Ineffective, p.At, "the %s %s has no effect: its selector is that of the waypoint %s, and waypoints ignore selectors", p.Kind, p.ID(), l.Value).
					WithHelp("write `targetRefs: [{group: %s, kind: Gateway, name: %s}]`, or name the Services", gatewayGroup, l.Value)
				binds[p] = true
			}
		}
		by := shadowed[p]
		switch {
		case by != nil && slices.Equal(by.Selector, p.Selector): // reported when it was read
		case by != nil && enforce.Rivals(p, by):
			findings.Add(diag.Unevaluable, p.At, "the PeerAuthentications %s and %s select the same workload, and it is not known which of them applies", by.ID(), p.ID()).
				WithRelated(by.At, "the other one").
				WithNote("the older one applies, and the manifests do not say which that is").
				WithHelp("let every workload be selected by one PeerAuthentication")
		case by != nil:
			findings.Add(diag.Ineffective, p.At, "the PeerAuthentication %s has no effect on workloads that the older %s selects", p.ID(), by.ID()).
				WithRelated(by.At, "the other one").
				WithHelp("let every workload be selected by one PeerAuthentication")
		case !binds[p] && !p.Gateways && (populated[p.Namespace] || p.Namespace == m.Mesh.RootNamespace) && !(p.Role == enforce.SetsModes && p.Namespace == m.Mesh.RootNamespace):
			findings.Add(diag.Ineffective, p.At, "the %s %s binds no workload that is known here", p.Kind, p.ID()).
				WithNote("it may bind pods whose manifests are not given").
				WithHelp("compare its namespace and selector with the labels of the pods")
		}
	}
	return findings.Sort()
}

// unmet reports rules that ask for a token which the workload does not take. A policy that allows has no effect by
// them.
func unmet(findings *diag.List, c *enforce.Point, p *enforce.Object, w enforce.Workload) {
	for i := range p.Clauses {
		r := &p.Clauses[i]
		if p.Broken || c.Ambient() || p.Effect != enforce.Allow || slices.ContainsFunc(r.From, c.Meets) {
			continue
		}
		reported := slices.ContainsFunc(*findings, func(d diag.Diagnostic) bool { return d.Primary == r.At })
		if !reported {
			findings.Add(diag.Ineffective, r.At, "no request can match: rule %d of %s asks for a token that no RequestAuthentication takes at its workload", i, p.ID()).
				WithHelp("add a RequestAuthentication with the issuer, which selects %s", labels(w))
		}
	}
}

func labels(w enforce.Workload) string {
	if len(w.Labels) == 0 {
		return "the pods of " + w.Namespace
	}
	var all []string
	for key, value := range w.Labels {
		all = append(all, key+"="+value)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

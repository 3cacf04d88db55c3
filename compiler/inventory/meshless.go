package inventory

import "github.com/meshc/meshc/compiler/policy"

// Meshless is the set as it is without a mesh, where the network itself enforces policies: for every pod that has an
// address of its own, whatever labels and annotations say about proxies.
func (s *Set) Meshless() *Set {
	out := *s
	out.Workloads, out.Namespaces = make([]*Workload, len(s.Workloads)), make([]*Namespace, len(s.Namespaces))
	for i, w := range s.Workloads {
		plain := *w
		plain.Inbound, plain.Outbound, plain.Bypass = policy.Captures{}, policy.Captures{}, policy.PortCapture{}
		plain.Dataplane, plain.Bound, plain.Assumed = Dataplane{}, false, false
		plain.Proxy, plain.NoProxy = "without a mesh, the network enforces its policies", ""
		plain.Probes, plain.Early, plain.Fronts = nil, nil, direct(w.Fronts)
		if w.Scrape != nil {
			scrape := *w.Scrape
			scrape.Merged = false
			plain.Scrape = &scrape
		}
		if w.OnNode {
			plain.Proxy, plain.NoProxy = "", "hostNetwork"
			plain.Dataplane = Dataplane{Dataplane: policy.NoProxy, Why: "hostNetwork", At: w.NoProxyAt}
		}
		out.Workloads[i] = &plain
	}
	for i, n := range s.Namespaces {
		out.Namespaces[i] = &Namespace{Name: n.Name, Injected: true, At: n.At}
	}
	out.Machines, out.MeshConfigs, out.Gateways, out.Routes = nil, nil, nil, nil
	return &out
}

// direct is the ports of Services without the waypoints of a mesh.
func direct(fronts []policy.Front) (all []policy.Front) {
	for _, f := range fronts {
		f.Waypoint, f.Ingress, f.Unbound = nil, false, false
		all = append(all, f)
	}
	return all
}

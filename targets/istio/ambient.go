package istio

import (
	"slices"

	"istio.io/api/security/v1beta1"
	selector "istio.io/api/type/v1beta1"

	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// closeWaypoints emits the policies that close the waypoints of a namespace: what no Service lets in is refused there
// too, and not passed on as a call of the waypoint.
func (b *builder) closeWaypoints(m *policy.Mesh, why targets.Origin) {
	wave := waveDefaultDeny
	if b.DryRun {
		wave = waveShadow
	}
	for _, name := range b.waypoints[m.Name] {
		spec := &v1beta1.AuthorizationPolicy{TargetRefs: []*selector.PolicyTargetReference{{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: name}}}
		b.add(b.draft(wave, b.security, "AuthorizationPolicy", m.Name, "default-deny-"+name, why, spec))
	}
}

// ambient returns the labels of a namespace in ambient mode, and emits the waypoint of its Services where the manifests
// do not have it.
func (b *builder) ambient(m *policy.Mesh, why targets.Origin) []targets.Pair {
	labels := []targets.Pair{{Key: bearing.DataplaneMode, Value: "ambient"}}
	add := func(key, value string) {
		if !slices.ContainsFunc(labels, func(p targets.Pair) bool { return p.Key == key }) {
			labels = append(labels, targets.Pair{Key: key, Value: value})
		}
	}
	kept := func() []targets.Pair { // what the Namespace among the manifests says beside
		for _, l := range m.Binding {
			add(l.Key, l.Value)
		}
		return labels
	}
	var of *policy.Waypoint
	for _, s := range m.Services {
		for _, f := range s.Through() {
			if f.Canary {
				continue // which labels beside these say
			}
			if of != nil && of != f.Waypoint {
				return kept() // its Services say which
			}
			of = f.Waypoint
		}
	}
	if of == nil {
		return kept()
	}
	if !of.Stated {
		kept()
	}
	if of.Stated || !slices.ContainsFunc(m.Services, passesNone) {
		add(bearing.UseWaypoint, of.Name)
		if of.Stated && of.Ingress {
			add(bearing.IngressWaypoint, "true")
		}
		if of.Namespace != m.Name {
			add(bearing.WaypointNamespace, of.Namespace)
		}
	}
	if of.Namespace == m.Name && !of.Known {
		o := b.draft(waveNamespace, "gateway.networking.k8s.io/v1", "Gateway", of.Namespace, of.Name, why, nil)
		o.Labels = append(o.Labels[:1:1], targets.Pair{Key: bearing.WaypointFor, Value: "service"})
		o.yaml = b.write(o) + waypointSpec
		b.add(o)
	}
	return kept()
}

// passesNone reports whether calls to a Service in front of a service pass no waypoint, as they would if the Namespace
// named one.
func passesNone(s *policy.Service) bool {
	return slices.ContainsFunc(s.Fronts, func(f policy.Front) bool { return f.Waypoint == nil && !f.Headless && !f.Unbound })
}

// waypointSpec is that of every waypoint: https://istio.io/latest/docs/ambient/usage/waypoint/#deploy-a-waypoint-proxy
const waypointSpec = `spec:
  gatewayClassName: istio-waypoint
  listeners:
  - name: mesh
    port: 15008
    protocol: HBONE
`

// host is a Service of a namespace.
type host struct{ namespace, name string }

// waypoints is the names of the waypoints of each namespace, sorted, and the services behind them of each Service that
// leads to several.
func waypoints(p *policy.Policy) (names map[string][]string, shared map[host][]*policy.Service) {
	names, shared = map[string][]string{}, map[host][]*policy.Service{}
	first := map[string]*policy.Service{} // by the names of Services
	for _, m := range p.Meshes {
		clear(first)
		for _, s := range m.Services {
			ways := s.Through()
			for _, f := range ways {
				if of := names[f.Waypoint.Namespace]; !slices.Contains(of, f.Waypoint.Name) {
					names[f.Waypoint.Namespace] = append(of, f.Waypoint.Name)
				}
			}
			for i, f := range ways {
				switch one := first[f.Host]; {
				case one == nil:
					first[f.Host] = s
				case one != s && !slices.ContainsFunc(ways[:i], func(before policy.Front) bool { return before.Host == f.Host }):
					of := host{m.Name, f.Host}
					if len(shared[of]) == 0 {
						shared[of] = []*policy.Service{one}
					}
					shared[of] = append(shared[of], s)
				}
			}
		}
	}
	for _, of := range names {
		slices.Sort(of)
	}
	return names, shared
}

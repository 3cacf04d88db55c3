package check

import (
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// stating is the entry of `dataplanes` that a mesh falls under. What its Namespace says comes first, unless its pods
// move.
func (c *checker) stating(m *mesh) (config.Dataplane, bool) {
	d, ok := c.Config.Dataplanes[m.Name]
	if !ok {
		d, ok = c.Config.Dataplanes["*"]
	}
	if ns := c.namespaces[m.Name]; ns != nil && (ns.Ambient || ns.Injected) && !d.Moving && !d.Joining && !d.Assumed {
		return config.Dataplane{}, false
	}
	return d, ok
}

// statedDataplane is what meshc.yaml says of the pods of a mesh.
func (c *checker) statedDataplane(m *mesh) inventory.Dataplane {
	if d, ok := c.stating(m); ok && (d.Ambient || d.Moving) {
		return inventory.Dataplane{Dataplane: policy.Ambient, Why: "meshc.yaml says so of its namespace", At: d.At}
	}
	return inventory.Dataplane{}
}

// joins reports whether what meshc.yaml says of a mesh, that its pods are or come to be in ambient mode, is about a
// workload.
func (c *checker) joins(m *mesh, w *inventory.Workload) bool {
	d, _ := c.stating(m)
	switch {
	case w.Bound, w.Dataplane.Dataplane == policy.Sidecar && w.Proxy == "":
		return true
	case w.Dataplane.Dataplane == policy.Sidecar:
		return (d.Moving || d.Assumed) && !w.OwnProxy
	}
	return w.Dataplane.Dataplane == policy.Ambient && (d.Moving || d.Joining)
}

// ambientMeshes settles which namespaces are in ambient mode.
func (c *checker) ambientMeshes() {
	for _, m := range c.meshes {
		ns := c.namespaces[m.Name]
		m.Ambient = ns != nil && ns.Ambient || c.statedDataplane(m).Dataplane == policy.Ambient
		if ns != nil {
			m.Binding = ns.Binding
		}
		if d, ok := c.stating(m); ok {
			m.Moving, m.Unlabelled = d.Moving, d.Moving && !d.Ambient
		}
	}
}

// contradicted reports entries of `dataplanes` that say something else than the manifests of the namespace, or are
// about none.
func (c *checker) contradicted() {
	for _, name := range slices.Sorted(maps.Keys(c.Config.Dataplanes)) {
		d, ns := c.Config.Dataplanes[name], c.namespaces[name]
		if name != "*" && c.byName[name] == nil {
			f := c.list.Add(diag.InvalidSetting, d.At, "mesh %s is not declared, so this entry has no effect", quoted(name)).
				WithHelp("correct the name, or delete the entry")
			if near, ok := diag.Nearest(name, slices.Sorted(maps.Keys(c.byName))); ok {
				f.WithHelp("did you mean %s?", near)
			}
			continue
		}
		if ns == nil || !ns.Injected || d.Moving || d.Joining || ns.Ambient == d.Ambient && (d.Waypoint == "" || ns.Waypoint != nil && ns.Waypoint.Name == d.Waypoint) {
			continue
		}
		what := "sidecars"
		if ns.Ambient {
			what = "ambient mode"
		}
		f := c.list.Add(diag.ContradictedDataplane, d.At, "the manifests of namespace %s say %s instead", name, what).
			WithRelated(ns.At, "the labels of the Namespace win").
			WithHelp("delete the entry")
		if c.env != nil && c.env.Dataplanes[name] == d {
			f.WithHelp("delete the entry, or leave the Namespace out of `workloads` if its labels differ between environments")
		}
	}
}

// passWaypoints settles which calls to a service pass a waypoint.
func (c *checker) passWaypoints(s *service) {
	if s.Dataplane != policy.Ambient {
		s.Fronts = slices.DeleteFunc(slices.Clone(s.Fronts), func(f policy.Front) bool { return f.Canary })
		for i := range s.Fronts {
			s.Fronts[i].Waypoint, s.Fronts[i].Ingress = nil, false
		}
		return
	}
	w, ingress := c.waypointOf(s)
	if w == nil {
		return
	}
	if len(s.Fronts) == 0 && len(s.workloads) == 0 {
		c.assumedFronts(s, w)
		if ns := c.namespaces[s.Namespace]; ns != nil && ns.Waypoint == w && ns.Canary != nil {
			c.assumedCanary(s, ns.Canary)
		}
	}
	for i := range s.Fronts {
		if f := &s.Fronts[i]; f.Waypoint == nil && !f.Headless && !f.Unbound {
			f.Waypoint, f.Ingress = w, f.Ingress || ingress
		}
	}
}

// waypointOf is the waypoint of the Services of a mesh that say nothing of their own, for a service that the manifests
// do not have: they settle it for the others. It also reports whether gateways pass it.
func (c *checker) waypointOf(s *service) (w *policy.Waypoint, ingress bool) {
	if d, ok := c.stating(s.mesh); ok && d.Waypoint != "" {
		key := [2]string{d.WaypointNamespace, d.Waypoint}
		if key[0] == "" {
			key[0] = s.Namespace
		}
		w := c.waypoints[key]
		if w == nil {
			w = &policy.Waypoint{Namespace: key[0], Name: key[1], Account: key[1], At: d.At, Stated: true, Ingress: d.Ingress}
			if c.waypoints == nil {
				c.waypoints = map[[2]string]*policy.Waypoint{}
			}
			c.waypoints[key] = w
		}
		return w, d.Ingress
	}
	if ns := c.namespaces[s.Namespace]; ns != nil && len(s.workloads) == 0 {
		return ns.Waypoint, false
	}
	return nil, false
}

// assumedFronts gives a service of which there are no manifests a Service of its name, whose ports are its own.
func (c *checker) assumedFronts(s *service, w *policy.Waypoint) {
	s.Fronts = policy.AssumedFronts(s.Service, w)
	if !s.mesh.assumed {
		s.mesh.assumed = true
		c.list.Add(diag.AssumedService, s.At, "the manifests lack the Service %s, which is assumed to have the ports of %s", s.Name, s.Name).
			WithRelated(w.At, "calls to it go through a waypoint, which sees the ports of Services").
			WithHelp("add the Services to `workloads` in meshc.yaml")
	}
}

// assumedCanary has a share of the calls to the Services that are assumed pass another waypoint.
func (c *checker) assumedCanary(s *service, w *policy.Waypoint) {
	for _, f := range slices.Clone(s.Fronts) {
		f.Waypoint, f.Canary = w, true
		s.Fronts = append(s.Fronts, f)
	}
	slices.SortFunc(s.Fronts, policy.CompareFronts)
}

// guessedWaypoints reports, once each, waypoints whose Gateways are not in the manifests.
func (c *checker) guessedWaypoints() {
	seen := map[*policy.Waypoint]bool{}
	for _, m := range c.meshes {
		for _, s := range m.services {
			for _, f := range s.Through() {
				if w := f.Waypoint; !w.Known && !w.Stated && !seen[w] {
					seen[w] = true
					d := c.list.Add(diag.GuessedWaypoint, w.At, "the manifests lack the waypoint %s, which is assumed to run as the account %s and to serve Services", w.ID(), w.Account).
						WithNote("under another account its calls would be refused; a waypoint for workloads would also take calls to pods").
						WithHelp("add the Gateway %s to `workloads` in meshc.yaml", w.ID())
					if w.Near != "" {
						d.WithHelp("write %s, which the manifests have, or add the Gateway %s to `workloads` in meshc.yaml", w.Near, w.ID())
					}
				}
			}
		}
	}
}

package importer

import (
	"fmt"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
)

// A service behind a waypoint has policies in two places, and one statement makes both. What the waypoint enforces is
// said, about the ports of the pods. Of what the pods enforce that is said which is about callers that do not pass the
// waypoint.

// takeInventory reads the workloads. Where some namespace is in ambient mode, the project needs their manifests,
// because a statement is enforced in other places then.
func (i *importer) takeInventory() {
	i.known = &inventory.Set{}
	if len(i.Workloads) > 0 {
		set, found := inventory.Read(i.Workloads)
		i.known, i.findings = set, append(i.findings, found...).Sort()
	}
	within := len(i.layer.Dataplanes) > 0
	if !within && !slices.ContainsFunc(i.known.Namespaces, func(n *inventory.Namespace) bool { return n.Ambient }) {
		return
	}
	i.manifests, i.paths = i.Workloads, i.WorkloadPaths
	named := len(i.Workloads) == 0 || len(i.WorkloadPaths) > 0
	if within {
		for _, f := range i.Given.Manifests {
			i.manifests = append(i.manifests, inventory.Input{File: f})
		}
		i.paths = append(slices.Clone(i.paths), i.ManifestPaths...)
		named = named && len(i.ManifestPaths) > 0
	}
	set, found := inventory.Read(i.manifests)
	if i.known = set; !named || found.HasErrors() {
		i.copy()
	}
	i.layer.Dataplanes = maps.Clone(i.layer.Dataplanes)
	if i.layer.Dataplanes == nil {
		i.layer.Dataplanes = map[string]policy.Dataplane{}
	}
	for _, n := range i.known.Namespaces {
		if n.Ambient {
			i.layer.Dataplanes[n.Name] = policy.Ambient
		}
	}
}

func (i *importer) ambient(namespace string) bool {
	return i.layer.Dataplanes[namespace] == policy.Ambient
}

// dataplane is what the settings say of a namespace in ambient mode, for a build without its manifests.
func (i *importer) dataplane(namespace string) any {
	k := slices.IndexFunc(i.known.Namespaces, func(n *inventory.Namespace) bool { return n.Name == namespace && n.Waypoint != nil })
	if k < 0 {
		return "ambient"
	}
	w := i.known.Namespaces[k].Waypoint
	name := w.Name
	if w.Namespace != namespace {
		name = w.ID()
	}
	return map[string]any{"ambient": map[string]string{"waypoint": name}}
}

// isWaypoint reports whether an object binds a waypoint, whatever Service is behind it.
func (i *importer) isWaypoint(o *enforce.Object) bool {
	return slices.ContainsFunc(o.Targets, func(t enforce.Label) bool {
		return slices.ContainsFunc(i.known.Workloads, func(w *inventory.Workload) bool {
			return slices.ContainsFunc(w.Fronts, func(f policy.Front) bool {
				return f.Waypoint != nil && f.Waypoint.Namespace == o.Namespace && f.Waypoint.Name == t.Value
			})
		})
	})
}

// passage is a Service through which calls pass a waypoint to the pods of a service.
type passage struct {
	*service
	host string
}

// passages are the Services that an object names, if all are known and in front of one workload each.
func (i *importer) passages(o *enforce.Object) (all []passage) {
	for _, t := range o.Targets {
		var behind []*inventory.Workload
		for _, w := range i.known.Workloads {
			if t.Key == enforce.TargetService && w.Namespace == o.Namespace && slices.ContainsFunc(w.Fronts, func(f policy.Front) bool { return f.Host == t.Value && f.Waypoint != nil }) {
				behind = append(behind, w)
			}
		}
		if len(behind) != 1 {
			return nil
		}
		all = append(all, passage{i.labelled(o.Namespace, naming(behind[0])), t.Value})
	}
	return all
}

// unnamed is why nothing in the language stands for what an object with targetRefs binds.
func (i *importer) unnamed(o *enforce.Object) string {
	for _, t := range o.Targets {
		switch t.Key {
		case enforce.TargetClass:
			return "it binds every waypoint of the mesh"
		case enforce.TargetService:
			behind, passes := 0, false
			for _, w := range i.known.Workloads {
				if k := slices.IndexFunc(w.Fronts, func(f policy.Front) bool { return w.Namespace == o.Namespace && f.Host == t.Value }); k >= 0 {
					behind, passes = behind+1, passes || w.Fronts[k].Waypoint != nil
				}
			}
			switch {
			case behind == 0:
				return fmt.Sprintf("it binds the Service %s, and the manifests do not have its pods: import it together with them", t.Value)
			case !passes:
				return fmt.Sprintf("it has no effect: calls to the Service %s pass no waypoint", t.Value)
			case behind > 1:
				return fmt.Sprintf("it binds the Service %s, which has pods of several workloads", t.Value)
			}
		}
	}
	if len(o.Targets) == 0 {
		return "it binds a ServiceEntry, and an edge to an external says nothing of its waypoint"
	}
	return "it binds several gateways at once"
}

// naming is the labels by which the language selects the pods of a workload.
func naming(w *inventory.Workload) []policy.Label {
	for _, key := range policy.NamingLabels {
		if w.Labels[key] == w.Service {
			return []policy.Label{{Key: key, Value: w.Service}}
		}
	}
	var all []policy.Label
	for _, key := range slices.Sorted(maps.Keys(w.Labels)) {
		all = append(all, policy.Label{Key: key, Value: w.Labels[key]})
	}
	return all
}

// fronts is the ports of Services through which calls pass a waypoint to the pods: those of one Service, or of all.
func (s *service) fronts(host string) (all []policy.Front) {
	for _, w := range s.known {
		for _, f := range w.Fronts {
			if f.Waypoint != nil && (host == "" || f.Host == host) {
				all = append(all, f)
			}
		}
	}
	return all
}

// inward has rules of a waypoint, which knows the ports of a Service, be about those of the pods behind it.
func (p *passage) inward(rules []*rule) (all []*rule, err error) {
	targets := func(port uint16) (found []uint16, err error) {
		for _, f := range p.fronts(p.host) {
			if f.Port == port {
				found = append(found, f.Target)
			}
		}
		if found == nil {
			return nil, fmt.Errorf("port %d, which the Service %s does not have", port, p.host)
		}
		return found, nil
	}
	for _, r := range rules {
		var closed []uint16
		for _, port := range r.closed {
			found, err := targets(port)
			if err != nil {
				return nil, err
			}
			closed = append(closed, found...)
		}
		slices.Sort(closed)
		r.closed = slices.Compact(closed)
		if r.port == 0 {
			all = append(all, r)
			continue
		}
		found, err := targets(r.port)
		if err != nil {
			return nil, err
		}
		for _, port := range found {
			one := *r
			one.port = port
			all = append(all, &one)
		}
	}
	return all, nil
}

// past leaves out of the rules of pods who passes a waypoint, and the waypoint itself.
func (i *importer) past(s *service, rules []*rule) (all []*rule) {
	fronts := s.fronts("")
	leads := func(port uint16) bool {
		return slices.ContainsFunc(fronts, func(f policy.Front) bool { _, ok := f.Leads(port); return ok })
	}
	for _, r := range rules {
		if len(fronts) == 0 || r.port != 0 && !leads(r.port) {
			all = append(all, r)
			continue
		}
		one := *r
		one.who = slices.DeleteFunc(slices.Clone(r.who), func(c caller) bool { return isCaller(c, fronts) || i.passes(c, fronts) })
		one.except = slices.DeleteFunc(slices.Clone(r.except), func(c caller) bool { return isCaller(c, fronts) })
		if len(one.who) > 0 {
			all = append(all, &one)
		}
	}
	return all
}

// isCaller reports whether a caller is a waypoint.
func isCaller(c caller, fronts []policy.Front) bool {
	return slices.ContainsFunc(fronts, func(f policy.Front) bool {
		return c.kind == policy.FromService && c.in == f.Waypoint.Namespace && c.account == f.Waypoint.Account
	})
}

// passes reports whether all calls of a caller pass a waypoint.
func (i *importer) passes(c caller, fronts []policy.Front) bool {
	if c.at != nil || c.kind != policy.FromService && c.kind != policy.FromMesh {
		return false
	}
	known := false
	for _, w := range i.known.Workloads {
		if w.Namespace != c.in || c.kind == policy.FromService && w.Account != c.account {
			continue
		}
		known = true
		switch w.Dataplane.Dataplane {
		case policy.Ambient:
		case policy.Gateway:
			if slices.ContainsFunc(fronts, func(f policy.Front) bool { return !f.Ingress }) {
				return false
			}
		default:
			return false
		}
	}
	return known || i.ambient(c.in)
}

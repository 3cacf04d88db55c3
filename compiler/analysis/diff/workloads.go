package diff

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/bearing"
	"github.com/meshc/meshc/compiler/policy"
)

// workload is pods that the same policies bind, on both sides.
type workload struct {
	callee  Callee
	was, is *policy.Service // nil where a side does not know it
	a, b    *enforce.Point
	same    bool // both sides decide alike
}

// service is the one to ask about ports.
func (w *workload) service() *policy.Service {
	if w.is != nil {
		return w.is
	}
	return w.was
}

// workloads is every workload that either side knows: services, what else selectors distinguish, and the rest of each
// namespace and of the mesh.
func (d *differ) workloads() []workload {
	was, is := map[string]*policy.Service{}, map[string]*policy.Service{}
	namespaces := map[string]bool{"": true}
	known := map[string]bool{}               // by namespace and labels
	pods := map[string][]map[string]string{} // labels by namespace
	for _, side := range []struct {
		model *model.Model
		into  map[string]*policy.Service
	}{{d.before, was}, {d.after, is}} {
		for _, s := range side.model.Policy.Services() {
			if !d.Scope.Has(s.Namespace) {
				continue
			}
			side.into[s.ID()] = s
			namespaces[s.Namespace] = true
			labels := s.Selector()
			known[s.Namespace+"/"+labelsText(labels)] = true
			pods[s.Namespace] = append(pods[s.Namespace], labels)
			for _, f := range s.Through() { // waypoints ignore selectors
				known[f.Waypoint.Namespace+"/"+labelsText(f.Waypoint.Caller().Selector())] = true
			}
		}
	}
	ids := maps.Clone(is)
	maps.Copy(ids, was)
	var all []workload
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		w := workload{was: was[id], is: is[id]}
		s := w.service()
		if !hasPolicies(s) {
			continue
		}
		old := w.was
		if old == nil || !hasPolicies(old) {
			old = w.is
		}
		w.callee = Callee{s.Namespace, s.Name, s}
		w.a, w.b = d.before.Callee(old), d.after.Callee(s)
		all = append(all, w)
	}
	named := map[string]bool{}
	for _, m := range []*model.Model{d.before, d.after} {
		for _, p := range m.Manifests.Policies {
			namespaces[p.Namespace] = true
			labels := p.Labels()
			text := p.Namespace + "/" + labelsText(labels)
			if len(labels) == 0 || p.Gateways || known[text] {
				continue
			}
			known[text] = true
			if d.AllPods && slices.ContainsFunc(pods[p.Namespace], func(pod map[string]string) bool { return bearing.Selects(labels, pod) }) {
				continue
			}
			name := nameOf(labels)
			if id := p.Namespace + "/" + name; ids[id] != nil || named[id] {
				name = labelsText(labels)
			}
			named[p.Namespace+"/"+name] = true
			all = append(all, d.unknown(Callee{Namespace: p.Namespace, Name: name}, labels))
		}
	}
	for _, n := range slices.Sorted(maps.Keys(namespaces)) {
		all = append(all, d.unknown(Callee{Namespace: n}, nil))
	}
	for i := range all {
		all[i].same = all[i].a.Same(all[i].b)
	}
	return all
}

// hasPolicies reports whether policies can bind a service: it has a proxy, and pods.
func hasPolicies(s *policy.Service) bool { return s.Proxied() && len(s.Labels) > 0 }

func (d *differ) unknown(c Callee, labels map[string]string) workload {
	w := enforce.Workload{Namespace: c.Namespace, Labels: labels}
	return workload{callee: c, a: d.before.Manifests.For(w), b: d.after.Manifests.For(w)}
}

func labelsText(labels map[string]string) string {
	words := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		words = append(words, k+"="+labels[k])
	}
	return strings.Join(words, ",")
}

// nameOf is what the language would call pods with these labels.
func nameOf(labels map[string]string) string {
	for _, key := range policy.NamingLabels {
		if len(labels) == 1 && labels[key] != "" {
			return labels[key]
		}
	}
	return labelsText(labels)
}

package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// egress is what the Sidecars of one side let out to ServiceEntries.
type egress struct {
	entries  map[string]*entry   // by NAMESPACE/NAME
	within   map[string][]*entry // by the only namespace that sees them, or "" where several do
	sidecars map[string]*sidecar
}

type entry struct {
	*Object
	visible   []string // namespaces, `.` and `*`; empty: all
	addresses map[string][]string
}

type sidecar struct {
	*Object
	hosts []string
}

// to is an entry that a Sidecar lets its workload call, with HOST:PORT of each that it names.
type to struct {
	*entry
	addresses []string
}

func readEgress(objects []Object) egress {
	e := egress{map[string]*entry{}, map[string][]*entry{}, map[string]*sidecar{}}
	for i := range objects {
		o := &objects[i]
		switch o.Kind {
		case "ServiceEntry":
			var is struct {
				Spec struct {
					Hosts    []string
					ExportTo []string `yaml:"exportTo"`
					Ports    []struct{ Number int }
				}
			}
			if o.root.Decode(&is) != nil {
				continue
			}
			s := &entry{Object: o, visible: is.Spec.ExportTo, addresses: map[string][]string{}}
			for _, host := range is.Spec.Hosts {
				for _, p := range is.Spec.Ports {
					s.addresses[host] = append(s.addresses[host], fmt.Sprintf("%s:%d", host, p.Number))
				}
			}
			e.entries[o.ID()] = s
			only := ""
			if slices.Equal(s.visible, []string{"."}) {
				only = o.Namespace
			}
			e.within[only] = append(e.within[only], s)
		case "Sidecar":
			var is struct {
				Spec struct {
					WorkloadSelector any `yaml:"workloadSelector"`
					Egress           []struct{ Hosts []string }
				}
			}
			if o.root.Decode(&is) != nil {
				continue
			}
			s := &sidecar{Object: o}
			for _, l := range is.Spec.Egress {
				s.hosts = append(s.hosts, l.Hosts...)
			}
			name := o.ID()
			if is.Spec.WorkloadSelector == nil {
				name = o.Namespace + "/*"
			}
			e.sidecars[name] = s
		}
	}
	return e
}

// lets is what a Sidecar lets its workload call, by the name of the entry.
func (e *egress) lets(s *sidecar) map[string]to {
	all := map[string]to{}
	if s == nil {
		return all
	}
	for _, x := range slices.Concat(e.within[s.Namespace], e.within[""]) {
		if len(x.visible) > 0 && !slices.Contains(x.visible, "*") && !slices.Contains(x.visible, s.Namespace) &&
			(x.Namespace != s.Namespace || !slices.Contains(x.visible, ".")) {
			continue
		}
		var addresses []string
		for host, of := range x.addresses {
			if slices.ContainsFunc(s.hosts, func(text string) bool { return admits(text, s.Namespace, x.Namespace, host) }) {
				addresses = append(addresses, of...)
			}
		}
		if len(addresses) > 0 {
			slices.Sort(addresses)
			all[x.ID()] = to{x, addresses}
		}
	}
	return all
}

// admits tells whether NAMESPACE/HOST of a Sidecar in one namespace is about a host of another.
// https://istio.io/latest/docs/reference/config/networking/sidecar/#IstioEgressListener
func admits(text, own, namespace, host string) bool {
	where, what, ok := strings.Cut(text, "/")
	switch {
	case !ok, where == "." && namespace != own, where != "." && where != "*" && where != namespace:
		return false
	}
	suffix, wild := strings.CutPrefix(what, "*")
	return what == host || wild && strings.HasSuffix(host, suffix)
}

// egress compares which external hosts the Sidecars of two sides let workloads call, and adds what it finds to what opens
// and closes. A side without any Sidecar restricts nobody, so nothing is compared with it, and a workload whose Sidecar
// is gone may be one that is kept in no more, so nothing is said to close. The policies, which may be nil, say where an
// external is declared.
func (d *Diff) egress(a, b *egress, was, is *policy.Policy) {
	if len(a.sidecars) == 0 || len(b.sidecars) == 0 {
		return
	}
	opened, closed := map[string][]string{}, map[string][]string{} // callers by what they call
	for _, name := range slices.Sorted(maps.Keys(b.sidecars)) {
		old, now := a.lets(a.sidecars[name]), b.lets(b.sidecars[name])
		more(name, old, now, opened)
		more(name, now, old, closed)
	}
	d.Opened = append(d.Opened, outward(opened, b, is, false)...)
	d.Closed = append(d.Closed, outward(closed, a, was, true)...)
}

// more notes what one caller may call now and could not before.
func more(caller string, old, now map[string]to, into map[string][]string) {
	for id, t := range now {
		added := slices.DeleteFunc(slices.Clone(t.addresses), func(a string) bool { return slices.Contains(old[id].addresses, a) })
		if len(added) > 0 {
			text := id + " (" + strings.Join(added, ", ") + ")"
			into[text] = append(into[text], caller)
		}
	}
}

// outward puts calls of externals into words. All workloads of a namespace are said as one.
func outward(callers map[string][]string, side *egress, p *policy.Policy, gone bool) []Change {
	size := map[string]int{}
	for name := range side.sidecars {
		namespace, _, _ := strings.Cut(name, "/")
		size[namespace]++
	}
	var all []Change
	for text, names := range callers {
		id, _, _ := strings.Cut(text, " ")
		byNamespace := map[string][]string{}
		for _, name := range names {
			namespace, _, _ := strings.Cut(name, "/")
			byNamespace[namespace] = append(byNamespace[namespace], name)
		}
		for namespace, names := range byNamespace {
			if len(names) > 1 && len(names) == size[namespace] {
				names = []string{namespace + "/*"}
			}
			for _, from := range names {
				c := Change{Text: from + " -> " + text, From: from, To: id, Target: strings.TrimPrefix(text, id), Gone: gone}
				c.At = externalAt(p, id)
				if x := side.entries[id]; c.At.IsZero() {
					c.File, c.Because = x.File, x.Because
				}
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(a.Text, b.Text))
	})
	return all
}

func externalAt(p *policy.Policy, id string) source.Span {
	if p != nil {
		for _, m := range p.Meshes {
			for _, x := range m.Externals {
				if x.Namespace+"/"+x.Name == id {
					return x.At
				}
			}
		}
	}
	return source.Span{}
}

// names tells whether a host of a Sidecar is about an external that is known.
func (e *egress) names(text, namespace string) bool {
	for _, x := range e.entries {
		for host := range x.addresses {
			if admits(text, namespace, x.Namespace, host) {
				return true
			}
		}
	}
	return false
}

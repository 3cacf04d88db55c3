package diff

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// egress is what the Sidecars of one side let out to external services.
type egress struct {
	externals map[string]*enforce.Other   // by ID
	within    map[string][]*enforce.Other // by the only namespace that sees them, or "" where several do
	sidecars  map[string]*enforce.Other   // by ID, or as NAMESPACE/*
}

// external is one that a Sidecar lets its workload call, at the addresses HOST:PORT.
type external struct {
	*enforce.Other
	addresses []string
}

// call is an external and those of its addresses that some caller gains or loses, each on a line.
type call struct{ id, addresses string }

func newEgress(objects []enforce.Other) egress {
	e := egress{map[string]*enforce.Other{}, map[string][]*enforce.Other{}, map[string]*enforce.Other{}}
	for i := range objects {
		switch o := &objects[i]; {
		case o.External != nil:
			e.externals[o.ID()] = o
			only := ""
			if slices.Equal(o.External.ExportTo, []string{"."}) {
				only = o.Namespace
			}
			e.within[only] = append(e.within[only], o)
		case o.Sidecar != nil && o.Sidecar.Whole:
			e.sidecars[o.Namespace+"/*"] = o
		case o.Sidecar != nil:
			e.sidecars[o.ID()] = o
		}
	}
	return e
}

// lets is what a Sidecar lets its workload call, by the ID of the external.
func (e *egress) lets(s *enforce.Other) map[string]external {
	all := map[string]external{}
	if s == nil {
		return all
	}
	for _, x := range slices.Concat(e.within[s.Namespace], e.within[""]) {
		if !x.External.Visible(x.Namespace, s.Namespace) {
			continue
		}
		var addresses []string
		for _, host := range x.External.Hosts {
			if s.Sidecar.Knows(s.Namespace, x.Namespace, host) {
				for _, port := range x.External.Ports {
					addresses = append(addresses, host+":"+port)
				}
			}
		}
		if len(addresses) > 0 {
			slices.Sort(addresses)
			all[x.ID()] = external{x, slices.Compact(addresses)}
		}
	}
	return all
}

// egress compares which external hosts the Sidecars of two sides let workloads call, and adds what it finds to what
// opens and closes. A side without any Sidecar restricts nobody, so nothing is compared with it. Where a workload's
// Sidecar is gone nothing is reported as closed: it may no longer be restricted. The policies, which may be nil, say
// where an external is declared.
func (d *Diff) egress(a, b *egress, was, is *policy.Policy) {
	if len(a.sidecars) == 0 || len(b.sidecars) == 0 {
		return
	}
	opened, closed := map[call][]*enforce.Other{}, map[call][]*enforce.Other{} // the callers' Sidecars
	for _, name := range slices.Sorted(maps.Keys(b.sidecars)) {
		old, now := a.lets(a.sidecars[name]), b.lets(b.sidecars[name])
		more(b.sidecars[name], old, now, opened)
		more(b.sidecars[name], now, old, closed)
	}
	d.Opened = append(d.Opened, outward(Opened, opened, b, is)...)
	d.Closed = append(d.Closed, outward(Closed, closed, a, was)...)
}

// more notes what one caller may call now and could not before.
func more(caller *enforce.Other, old, now map[string]external, into map[call][]*enforce.Other) {
	for id, t := range now {
		added := slices.DeleteFunc(slices.Clone(t.addresses), func(a string) bool { return slices.Contains(old[id].addresses, a) })
		if len(added) > 0 {
			c := call{id, strings.Join(added, "\n")}
			into[c] = append(into[c], caller)
		}
	}
}

// outward is the changes of calls to externals. All workloads of a namespace are one caller.
func outward(kind Kind, callers map[call][]*enforce.Other, side *egress, p *policy.Policy) []Change {
	size := map[string]int{}
	for _, s := range side.sidecars {
		size[s.Namespace]++
	}
	var all []Change
	for to, sidecars := range callers {
		byNamespace := map[string][]policy.Source{}
		for _, s := range sidecars {
			from := policy.Source{Service: &policy.Service{Namespace: s.Namespace, Name: s.Name}}
			if s.Sidecar.Whole {
				from = policy.Source{Kind: policy.FromMesh, Mesh: s.Namespace}
			}
			byNamespace[s.Namespace] = append(byNamespace[s.Namespace], from)
		}
		x := side.externals[to.id]
		for namespace, sources := range byNamespace {
			if len(sources) > 1 && len(sources) == size[namespace] {
				sources = []policy.Source{{Kind: policy.FromMesh, Mesh: namespace}}
			}
			for _, from := range sources {
				c := Change{Kind: kind, Callee: Callee{Namespace: x.Namespace, Name: x.Name}, Callers: Callers{Caller: Caller{Source: from}}, Addresses: strings.Split(to.addresses, "\n")}
				c.Gone = kind == Closed
				if declared := externalOf(p, to.id); declared != nil {
					c.At = declared.At
				} else {
					c.File, c.Because = strings.Join(x.Origin.Files, ", "), strings.Join(x.Origin.Because, "; ")
				}
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, byName)
	return all
}

// externalOf is the external of a policy, which may be nil, by its ID.
func externalOf(p *policy.Policy, id string) *policy.External {
	if p != nil {
		for _, m := range p.Meshes {
			for _, x := range m.Externals {
				if x.Namespace+"/"+x.Name == id {
					return x
				}
			}
		}
	}
	return nil
}

// names reports whether a host of a Sidecar is one of an external.
func (e *egress) names(text, namespace string) bool {
	for _, x := range e.externals {
		for _, host := range x.External.Hosts {
			if enforce.KnowsHost(text, namespace, x.Namespace, host) {
				return true
			}
		}
	}
	return false
}

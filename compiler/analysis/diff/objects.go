package diff

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// ObjectChange is an object that is not judged, and what became of it.
type ObjectChange struct {
	Change string // new, changed or gone
	Kind   string
	Name   string // NAMESPACE/NAME
}

// Objects compares the objects of two sides, and adds what it finds to a difference: what Sidecars let out to external
// hosts opens and closes, and the rest is named. The policies, where they are known, say where externals are declared.
func (d *Diff) Objects(before, after []enforce.Other, was, is *policy.Policy) {
	a, b := newEgress(before), newEgress(after)
	said := d.saidHosts()
	d.egress(&a, &b, was, is)
	old := map[ObjectChange]*enforce.Other{}
	for i := range before {
		old[ObjectChange{Kind: before[i].Kind, Name: before[i].ID()}] = &before[i]
	}
	for i := range after {
		o := &after[i]
		key := ObjectChange{Kind: o.Kind, Name: o.ID()}
		p, there := old[key]
		delete(old, key)
		switch {
		case !there:
			d.Others = append(d.Others, ObjectChange{"new", o.Kind, o.ID()})
		case !same(o, p, func(host string) bool {
			return said[host] || a.names(host, o.Namespace) || b.names(host, o.Namespace)
		}):
			d.Others = append(d.Others, ObjectChange{"changed", o.Kind, o.ID()})
		}
	}
	for _, o := range old {
		d.Others = append(d.Others, ObjectChange{"gone", o.Kind, o.ID()})
	}
	slices.SortFunc(d.Others, func(a, b ObjectChange) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
}

// saidHosts is the hosts, as a Sidecar names them, of the services that something was said of.
func (d *Diff) saidHosts() map[string]bool {
	hosts := map[string]bool{}
	for _, list := range [][]Change{d.Opened, d.Closed, d.FailOpen, d.FailClosed} {
		for _, c := range list {
			if c.Callee.Service == nil {
				continue
			}
			for _, name := range append(slices.Clone(c.Callee.Service.Hosts), c.Callee.Name) {
				hosts[c.Callee.Namespace+"/"+name+"."+c.Callee.Namespace+".svc.cluster.local"] = true
			}
		}
	}
	return hosts
}

// same reports whether two objects ask for the same. What is said of already is a host of which something was reported.
func same(o, p *enforce.Other, said func(host string) bool) bool {
	if o.Content != p.Content || o.Sidecar == nil || !o.Sidecar.Apart {
		return o.Content == p.Content
	}
	unsaid := func(list, among []string) bool {
		return slices.ContainsFunc(list, func(host string) bool { return !slices.Contains(among, host) && !said(host) })
	}
	return !unsaid(o.Sidecar.Hosts, p.Sidecar.Hosts) && !unsaid(p.Sidecar.Hosts, o.Sidecar.Hosts)
}

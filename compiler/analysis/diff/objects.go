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

	// Of an external host, HOST:PORT:
	Added, Removed []string
	Callers        []policy.Source // who has an edge to it
	Said           bool            // all that is added is among what opens
}

// Objects compares the objects of two sides, and adds what it finds to a difference: what Sidecars let out to external
// hosts opens and closes, and the rest is named. The policies, where they are known, say where externals are declared.
func (d *Diff) Objects(before, after []enforce.Other, was, is *policy.Policy) {
	a, b := newEgress(before), newEgress(after)
	said := d.saidHosts()
	d.egress(&a, &b, was, is)
	type key struct{ kind, name string }
	old := map[key]*enforce.Other{}
	for i := range before {
		old[key{before[i].Kind, before[i].ID()}] = &before[i]
	}
	add := func(change string, o *enforce.Other, old, now []string) {
		c := ObjectChange{Change: change, Kind: o.Kind, Name: o.ID(), Added: except(now, old), Removed: except(old, now)}
		c.Said = !slices.ContainsFunc(c.Added, func(address string) bool {
			return !slices.ContainsFunc(d.Opened, func(c Change) bool { return slices.Contains(c.Addresses, address) })
		})
		if x := externalOf(is, o.ID()); x != nil && o.External != nil && !c.Said {
			c.Callers = x.Callers
		}
		d.Others = append(d.Others, c)
	}
	for i := range after {
		o := &after[i]
		p, there := old[key{o.Kind, o.ID()}]
		delete(old, key{o.Kind, o.ID()})
		switch {
		case !there:
			add("new", o, nil, o.Addresses())
		case !same(o, p, func(host string) bool {
			return said[host] || a.names(host, o.Namespace) || b.names(host, o.Namespace)
		}):
			add("changed", o, p.Addresses(), o.Addresses())
		}
	}
	for _, o := range old {
		add("gone", o, o.Addresses(), nil)
	}
	slices.SortFunc(d.Others, func(a, b ObjectChange) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
}

// Tokens adds the objects that verify tokens otherwise than before: by other keys, in another place, or passed on or
// not. Whose tokens count, and for whom, is compared request by request.
func (d *Diff) Tokens(before, after []*enforce.Object) {
	old := map[string]*enforce.Object{}
	for _, o := range before {
		if o.Role == enforce.Authenticates {
			old[o.ID()] = o
		}
	}
	for _, o := range after {
		if was := old[o.ID()]; o.Role == enforce.Authenticates && was != nil && was.Verifies != o.Verifies {
			d.Others = append(d.Others, ObjectChange{Change: "changed", Kind: o.Kind, Name: o.ID()})
		}
	}
	slices.SortFunc(d.Others, func(a, b ObjectChange) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
}

// except is the items of a list that another one does not have.
func except(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
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

package compiler

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/policy"
)

// tunnel is the port of what ambient pods send to each other.
const tunnel = 15008

// untold keeps changes of the network that no change of what policies let through tells already: one statement changes
// both.
func (d *Difference) untold(all []network.Change, p *policy.Policy) (left []network.Change) {
	behind := map[string]map[string]bool{} // the services of each waypoint
	for _, s := range p.Services() {
		for _, f := range s.Through() {
			of := behind[f.Waypoint.ID()]
			if of == nil {
				of = map[string]bool{}
				behind[f.Waypoint.ID()] = of
			}
			of[s.ID()] = true
		}
	}
	for _, c := range all {
		c.Others = slices.DeleteFunc(slices.Clone(c.Others), func(o network.Other) bool { return d.tells(&c, &o, behind) })
		if len(c.Others) > 0 {
			left = append(left, c)
		}
	}
	return left
}

// tells reports whether what policies let through changes alike between the two ends, of which one may be a waypoint
// on the way.
func (d *Difference) tells(c *network.Change, o *network.Other, behind map[string]map[string]bool) bool {
	changes, all := d.Opened, d.FailOpen
	if !c.Opened {
		changes, all = d.Closed, d.FailClosed
	}
	caller, callee := o.Name, c.Pods
	if c.Direction == network.Egress {
		caller, callee = callee, caller
	}
	leadsTo := func(p *diff.Change) bool { return p.Callee.String() == callee || behind[callee][p.Callee.String()] }
	namespace, unnamed := strings.CutPrefix(callee, network.Unnamed)
	if slices.ContainsFunc(all, func(p diff.Change) bool {
		return leadsTo(&p) || unnamed && p.Callee.Namespace == namespace
	}) {
		return true // of everyone
	}
	return slices.ContainsFunc(changes, func(p diff.Change) bool {
		return leadsTo(&p) && leads(&p, c) && (behind[caller][callee] || calls(&p, c, o))
	})
}

// leads reports whether a change of policies is about all ports of a change of the network.
func leads(p *diff.Change, c *network.Change) bool {
	about := func(port uint16) bool { return port == tunnel || p.Names(port) }
	return about(0) || !c.Rest && len(c.Ports) > 0 && !slices.ContainsFunc(c.Ports, func(port uint16) bool { return !about(port) })
}

// calls reports whether the callers of a change of policies are, or have among them, those of a change of the network.
func calls(p *diff.Change, c *network.Change, o *network.Other) bool {
	from := p.Callers.Source
	switch {
	case c.Direction == network.Egress:
		return from.Kind != policy.FromService || from.Service != nil && from.Service.ID() == c.Pods
	case p.Callers.Unidentified || from.Kind == policy.FromWorld:
		return true
	case from.Kind == policy.FromAny:
		return o.Service != nil && o.Service.Proxied() || o.Namespace != ""
	case from.Kind == policy.FromMesh:
		return o.Namespace == from.Mesh || o.Service != nil && o.Service.Namespace == from.Mesh
	}
	return o.Service != nil && from.Service != nil && o.Service.ID() == from.Service.ID()
}

package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// Coverage counts the edges of a policy, as pairs of a caller and a callee, and those that guards cover: both sides of
// the guards include those of the edge, and together they have all of its ports. The exceptions of an only count as
// callers.
func Coverage(p *policy.Policy) (edges, covered int) {
	guards := map[*policy.Service][]*policy.Guard{}
	for _, g := range p.Guards {
		for _, to := range g.To {
			guards[to] = append(guards[to], g)
		}
	}
	for _, mesh := range p.Meshes {
		for _, s := range mesh.Services {
			ports := map[policy.Source][]uint16{} // by caller; 0 is any other port
			for _, r := range s.Allow {
				for _, f := range r.From {
					ports[f] = append(ports[f], portsOf(s, r.Ports)...)
				}
			}
			edges += len(ports)
			for f, needed := range ports {
				var had []uint16
				for _, g := range guards[s] {
					if policy.Includes(g.From, f) || g.Kind == policy.Only && policy.Includes(g.Except, f) {
						had = append(had, portsOf(s, g.Ports)...)
					}
				}
				if !slices.ContainsFunc(needed, func(port uint16) bool { return !slices.Contains(had, port) }) {
					covered++
				}
			}
		}
	}
	return edges, covered
}

// portsOf is the ports that a rule or guard is about. Without any it is those of the service, or 0 if it declares none.
func portsOf(s *policy.Service, ports []uint16) []uint16 {
	if len(ports) > 0 {
		return ports
	}
	for _, p := range s.Ports {
		ports = append(ports, p.Number)
	}
	if len(ports) == 0 {
		return []uint16{0}
	}
	return ports
}

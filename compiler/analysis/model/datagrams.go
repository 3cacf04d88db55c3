package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// Datagrams is the policy that a policy states for UDP: a statement about some ports is about those of them that are
// UDP ports of the callee, and one about what only HTTP has is about none.
func Datagrams(p *policy.Policy) *policy.Policy {
	out := &policy.Policy{TrustDomain: p.TrustDomain, Previous: p.Previous, Elsewhere: p.Elsewhere, Mode: p.Mode, ClosedAt: p.ClosedAt, Meshless: p.Meshless}
	for _, m := range p.Meshes {
		mesh := *m
		mesh.Services = make([]*policy.Service, len(m.Services))
		for i, s := range m.Services {
			service := *s
			service.Ports = nil
			for _, number := range s.UDP {
				service.Ports = append(service.Ports, policy.Port{Number: number})
			}
			service.Allow, service.Deny, service.Ask = ofDatagrams(s, s.Allow), ofDatagrams(s, s.Deny), nil
			mesh.Services[i] = &service
		}
		out.Meshes = append(out.Meshes, &mesh)
	}
	return out
}

// ofDatagrams keeps rules that are about no UDP port as rules of nobody: that there are edges closes a service.
func ofDatagrams(s *policy.Service, rules []policy.Rule) []policy.Rule {
	out := slices.Clone(rules)
	for i := range out {
		r := &out[i]
		some := len(r.Ports) > 0
		r.Ports = slices.DeleteFunc(slices.Clone(r.Ports), func(port uint16) bool { return !slices.Contains(s.UDP, port) })
		if r.OfHTTP() || some && len(r.Ports) == 0 {
			r.From, r.Ports, r.Ops, r.Without, r.Where = nil, nil, nil, nil, nil
		}
		if outs := r.PortsWithout(); len(outs) > 0 { // every port but some is every UDP port but these that is declared
			r.Where = nil
			for _, port := range s.UDP {
				if !slices.Contains(outs, port) {
					r.Ports = append(r.Ports, port)
				}
			}
			if len(r.Ports) == 0 {
				r.From = nil
			}
		}
	}
	return out
}

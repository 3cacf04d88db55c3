package model

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
)

// ServicePorts reports rules and modes for the port of a Kubernetes Service which leads to another container port:
// proxies compare the container port. A port that any pod of the policy has as a container port is not one.
func (m *Model) ServicePorts() (list diag.List) {
	type asked struct {
		policy *enforce.Object
		rule   int // -1 for a mode
		port   uint16
	}
	type lead struct {
		namespace string
		policy.Front
	}
	served := map[asked]bool{}
	leads := map[asked]lead{}
	var all []asked
	for _, s := range m.Policy.Services() {
		if !s.Proxied() || s.Dataplane == policy.Gateway || len(s.Labels) == 0 {
			continue
		}
		callee := m.Callee(s)
		for _, p := range slices.Concat(callee.Policies, callee.Peers) {
			var named []asked
			for rule := range p.Clauses {
				for _, port := range NamedPorts(&p.Clauses[rule]) {
					named = append(named, asked{p, rule, port})
				}
			}
			for _, mode := range p.Ports {
				named = append(named, asked{p, -1, mode.Port})
			}
			for _, at := range named {
				i := slices.IndexFunc(s.Fronts, func(f policy.Front) bool { return f.Port == at.port })
				switch {
				case len(s.Ports) == 0 || slices.ContainsFunc(s.Ports, func(q policy.Port) bool { return q.Number == at.port }) || i >= 0 && s.Fronts[i].Target == at.port:
					served[at] = true
				case i >= 0 && leads[at].Host == "":
					all, leads[at] = append(all, at), lead{s.Namespace, s.Fronts[i]}
				}
			}
		}
	}
	idle := func(p *enforce.Object, rule int) bool {
		ports := NamedPorts(&p.Clauses[rule])
		return len(ports) > 0 && !slices.ContainsFunc(ports, func(port uint16) bool {
			at := asked{p, rule, port}
			return served[at] || leads[at].Host == ""
		})
	}
	whole := func(p *enforce.Object) bool {
		for rule := range p.Clauses {
			if !idle(p, rule) {
				return false
			}
		}
		return true
	}
	outcomes := map[enforce.Effect]string{enforce.Allow: ", so the policy only closes its pods", enforce.Deny: ", so the policy denies nothing"}
	for _, at := range all {
		if served[at] {
			continue
		}
		to := leads[at]
		if at.rule < 0 {
			list.Add(diag.Misleading, at.policy.At, "%s %s sets a mode for port %d, which has no effect: port %d of the Service %s/%s leads to container port %d", at.policy.Kind, at.policy.ID(), at.port, at.port, to.namespace, to.Host, to.Target).
				WithHelp("write %d: modes are those of container ports", to.Target)
			continue
		}
		what, then := fmt.Sprintf("rule %d of %s %s matches no call: it asks for port %d", at.rule, at.policy.Kind, at.policy.ID(), at.port), ""
		if !idle(at.policy, at.rule) {
			what = fmt.Sprintf("port %d in rule %d of %s %s matches no call", at.port, at.rule, at.policy.Kind, at.policy.ID())
		} else if whole(at.policy) {
			then = outcomes[at.policy.Effect]
		}
		list.Add(diag.Misleading, at.policy.RuleAt(at.rule), "%s, and port %d of the Service %s/%s leads to container port %d%s", what, at.port, to.namespace, to.Host, to.Target, then).
			WithHelp("write %d: policies are about container ports", to.Target)
	}
	return list
}

// NamedPorts returns the ports that a clause asks for.
func NamedPorts(c *enforce.Clause) (ports []uint16) {
	for _, b := range c.To {
		for _, cond := range b {
			if cond.Dimension == space.Port {
				for _, v := range cond.Is {
					ports = append(ports, v.Port())
				}
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

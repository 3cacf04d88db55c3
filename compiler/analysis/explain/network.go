package explain

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/policy"
)

// Reach is what becomes on the network of connections to some ports.
type Reach struct {
	Ports   []uint16 // sorted
	Others  bool     // and ports that nothing names
	Verdict enforce.Verdict
	network.Step
}

// openPorts is the ports in question of a callee without a proxy, which all callers reach.
func (e *explaining) openPorts() []PortAnswer {
	open := CallerAnswer{Cases: []Case{{Decision: enforce.Decision{Verdict: enforce.Allowed}}}}
	answer := PortAnswer{Callers: []CallerAnswer{open}}
	switch {
	case e.Port != 0:
		answer.Ports = []policy.Port{{Number: e.Port}}
	default:
		answer.Ports, answer.Others = e.To.Ports, true
	}
	return []PortAnswer{answer}
}

// reach adds what becomes of the connections on the network, and has the verdict count it.
func (e *explaining) reach(answers []PortAnswer) {
	m := e.model
	if m.Network == nil {
		return
	}
	var seen [enforce.Allowed + 1]bool
	for _, a := range answers {
		var passes [enforce.Allowed + 1]bool
		look := func(number uint16, others bool) {
			v, step := e.through(network.Port{Protocol: network.TCP, Number: number})
			if m.Policy.Meshless && step.Policy == nil { // the policies of the callee are those of the answer itself
				step.Direction, step.Pods = network.Egress, e.From.String()
			}
			e.reached(number, others, v, step)
			passes[v] = true
		}
		for _, p := range a.Ports {
			look(p.Number, false)
		}
		if a.Others {
			for _, port := range m.Network.Others(e.To) {
				look(port, true)
			}
		}
		verdicts := (&Answer{Ports: []PortAnswer{a}}).verdicts()
		for v, ok := range verdicts {
			for n, passed := range passes {
				if ok && passed {
					seen[min(v, n)] = true
				}
			}
		}
	}
	e.UDP = slices.DeleteFunc(e.UDP, func(port uint16) bool {
		if v, _ := e.through(network.Port{Protocol: network.UDP, Number: port}); v == enforce.Denied {
			return true
		}
		seen[enforce.Allowed] = true
		return false
	})
	e.Verdict = verdictOf(seen)
}

// through decides whether those of the callers whom policies may let through to a port pass the network. Of a wildcard
// these are the callers that edges name, if only edges open the callee.
func (e *explaining) through(port network.Port) (enforce.Verdict, network.Step) {
	n := e.model.Network
	v, step := n.Reach(e.From, e.To, port)
	m := e.model.Mesh(e.To.Namespace)
	if e.From.Kind == policy.FromService || v != enforce.Undecided || m == nil || !m.Closes(e.To) || port.Protocol != network.TCP {
		return v, step
	}
	passed := network.Step{}
	for i := range e.To.Allow {
		r := &e.To.Allow[i]
		for _, f := range r.From {
			if !f.Meets(e.From) || !r.Leads(port.Number) {
				continue
			}
			one, at := n.Reach(f, e.To, port)
			if one != enforce.Allowed {
				return v, step
			}
			passed = at
		}
	}
	if passed.Pods == "" { // nobody may call, whatever the network lets through
		return v, step
	}
	return enforce.Allowed, passed
}

// reached adds what becomes of connections to a port.
func (e *explaining) reached(port uint16, others bool, v enforce.Verdict, step network.Step) {
	same := step
	same.Port = 0
	i := slices.IndexFunc(e.Network, func(r Reach) bool { return r.Verdict == v && r.Step == same })
	if i < 0 {
		i = len(e.Network)
		e.Network = append(e.Network, Reach{Verdict: v, Step: same})
	}
	if others {
		e.Network[i].Others = true
	} else {
		e.Network[i].Ports = append(e.Network[i].Ports, port)
		slices.Sort(e.Network[i].Ports)
	}
}

// Shut is where the network refuses, or may refuse, some of the connections in question; nil where it does not.
func (e *Explanation) Shut() *network.Step {
	if i := slices.IndexFunc(e.Network, func(r Reach) bool { return r.Verdict != enforce.Allowed }); i >= 0 {
		return &e.Network[i].Step
	}
	return nil
}

package main

import (
	"bytes"
	"fmt"

	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/network"
)

// whyReach is what becomes of connections on the network.
type whyReach struct {
	Ports      []uint16    `json:"ports,omitempty"`
	OtherPorts bool        `json:"otherPorts,omitempty"` // and the ports that nothing names
	Verdict    string      `json:"verdict"`
	Direction  string      `json:"direction"`        // of the pods where that is decided: ingress or egress
	Pods       string      `json:"pods"`             // whose they are
	Policy     *policyJSON `json:"policy,omitempty"` // absent where none is about them
	Rule       *int        `json:"rule,omitempty"`
}

// writeNetwork writes what becomes of the connections on the network, before a proxy decides.
func (r *reason) writeNetwork(b *bytes.Buffer) {
	if len(r.Network) == 0 {
		return
	}
	b.WriteString("\non the network\n")
	for i := range r.Network {
		n := &r.Network[i]
		fmt.Fprintf(b, "  %-9s  %s  %s\n", n.Verdict, reachText(n, len(r.Network) == 1), r.atNetwork(&n.Step))
	}
}

func reachText(n *explain.Reach, only bool) string {
	text := "port "
	if len(n.Ports) > 1 {
		text = "ports "
	}
	text += join(n.Ports, ", ")
	switch {
	case n.Others && only:
		return "every port"
	case n.Others && len(n.Ports) == 0:
		return "every port that nothing names"
	case n.Others:
		return text + " and every port that nothing names"
	}
	return text
}

// atNetwork says what decides at one end of a connection.
func (r *reason) atNetwork(s *network.Step) string {
	at := "to " + s.Pods
	if s.Direction == network.Egress {
		at = "from " + s.Pods
	}
	switch p := s.Policy; {
	case p == nil:
		return "no policy of the network is about connections " + at
	case s.Rule >= 0:
		return fmt.Sprintf("%s rule %d, %s", r.networkPolicy(p), s.Rule, at)
	default:
		return fmt.Sprintf("%s, %s", r.networkPolicy(p), at)
	}
}

// networkPolicy names a policy of the network, with its place if it is in a file.
func (r *reason) networkPolicy(p *network.Policy) string {
	if r.build != nil && r.build.Emits(p) {
		return p.Kind + " " + p.ID()
	}
	return p.Kind + " " + p.ID() + " (" + r.place(p.At) + ")"
}

func (r *reason) networkJSON() (all []whyReach) {
	for i := range r.Network {
		n := &r.Network[i]
		out := whyReach{Ports: n.Ports, OtherPorts: n.Others, Verdict: n.Verdict.String(), Direction: n.Direction.String(), Pods: n.Pods}
		if p := n.Policy; p != nil {
			out.Policy = &policyJSON{Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}
			if r.build == nil || !r.build.Emits(p) {
				out.Policy.File, out.Policy.Line = r.shown(p.At.File.Name), p.At.StartPosition().Line
			}
		}
		if n.Rule >= 0 {
			out.Rule = &n.Rule
		}
		all = append(all, out)
	}
	return all
}

package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Change is connections that the network lets through and did not, or no longer does.
type Change struct {
	Opened    bool
	Direction Direction // of the pods whose policies differ
	Pods      string    // whose these are
	Others    []string  // who is at the other end
	Ports     []uint16  // those that something names, sorted
	Rest      bool      // and ports that nothing names
}

// String is the change in words like those of the language: `shop/web -> shop/db:5432`.
func (c *Change) String() string {
	from, to := strings.Join(c.Others, ", "), c.Pods
	if c.Direction == Egress {
		from, to = to, from
	}
	var ports []string
	for _, p := range c.Ports {
		ports = append(ports, fmt.Sprint(p))
	}
	switch {
	case len(ports) == 0:
	case c.Rest:
		to += ", port " + strings.Join(ports, ", ") + " and others"
	default:
		to += ", port " + strings.Join(ports, ", ")
	}
	return from + " -> " + to
}

// Compare returns what changes between two layers for the services of a policy, in the order of these. A decision that becomes
// uncertain counts as opened if it was denied, and as closed if it was allowed.
func Compare(p *policy.Policy, was, is *Layer) (all []Change) {
	in := NewIntents(p)
	for _, s := range in.ends() {
		for _, d := range [...]Direction{Ingress, Egress} {
			if before, after := was.For(PodsOf(s)), is.For(PodsOf(s)); len(before.Bound)+len(after.Bound) > 0 {
				all = append(all, in.changes(before, after, d, s)...)
			}
		}
	}
	return all
}

// changes is what changes for the pods of one service in one direction.
func (in *Intents) changes(before, after *Point, d Direction, s *policy.Service) (all []Change) {
	others := in.others(before, d, s, nil)
	for _, c := range in.others(after, d, s, nil) {
		if !slices.ContainsFunc(others, func(o class) bool { return o.name == c.name }) {
			others = append(others, c)
		}
	}
	ports := append(portsNear(s, before, d, nil), portsNear(s, after, d, nil)...)
	named := map[uint16]bool{}
	for _, point := range [...]*Point{before, after} {
		numbers, _ := point.Named()
		for _, n := range numbers {
			named[n] = true
		}
	}
	for _, p := range s.Ports {
		named[p.Number] = true
	}
	for i := range others {
		o := &others[i]
		for _, opened := range [...]bool{true, false} {
			c := Change{Opened: opened, Direction: d, Pods: s.ID(), Others: []string{o.name}}
			whole := true
			for _, port := range ports {
				was, is := before.Decide(d, o.Caller, port).Verdict, after.Decide(d, o.Caller, port).Verdict
				switch {
				case was == is || (is > was) != opened:
					whole = whole && port.Protocol != TCP
				case port.Protocol != TCP:
				case named[port.Number]:
					c.Ports = append(c.Ports, port.Number)
				default:
					c.Rest = true
				}
			}
			if slices.Sort(c.Ports); len(c.Ports) == 0 && !c.Rest {
				continue
			}
			if c.Ports = slices.Compact(c.Ports); whole {
				c.Ports = nil
			}
			at := slices.IndexFunc(all, func(other Change) bool {
				return other.Opened == opened && other.Rest == c.Rest && slices.Equal(other.Ports, c.Ports)
			})
			if at < 0 {
				all = append(all, c)
			} else {
				all[at].Others = append(all[at].Others, o.name)
			}
		}
	}
	return all
}

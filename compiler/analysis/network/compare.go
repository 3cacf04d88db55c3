package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
)

// Unnamed stands before a namespace, for its pods that no service names.
const Unnamed = "other workloads of "

// Change is connections that the network lets through and did not, or no longer does.
type Change struct {
	Opened    bool
	Direction Direction // of the pods whose policies differ
	Pods      string    // whose these are
	Others    []Other   // who is at the other end
	Ports     []uint16  // those that something names, sorted
	Rest      bool      // and ports that nothing names
}

// Other is one end of connections: a service, or other pods of a namespace, or addresses.
type Other struct {
	Name      string
	Service   *policy.Service
	Namespace string // of pods that nothing names; empty for those of namespaces that nothing names, and for addresses
}

// Names is who is at the other end.
func (c *Change) Names() []string {
	names := make([]string, len(c.Others))
	for i := range c.Others {
		names[i] = c.Others[i].Name
	}
	return names
}

// String is the change in words like those of the language: `shop/web -> shop/db:5432`.
func (c *Change) String() string {
	from, to := strings.Join(c.Names(), ", "), c.Pods
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

// Compare returns what changes between two layers for the services of a policy, in the order of these. A decision that
// becomes uncertain counts as opened if it was denied, and as closed if it was allowed.
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
	others := in.others(d, s, nil, before, after)
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
	pods := s.ID()
	if s.Unnamed {
		pods = Unnamed + s.Namespace
	}
	for i := range others {
		o := &others[i]
		other := Other{Name: o.name, Service: o.service}
		if o.Kind == OfWorkload && o.service == nil {
			other.Namespace = o.Pods.Namespace
		}
		for _, opened := range [...]bool{true, false} {
			c := Change{Opened: opened, Direction: d, Pods: pods, Others: []Other{other}}
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
				all[at].Others = append(all[at].Others, other)
			}
		}
	}
	return all
}

package network

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
)

// Point is pods with the policies that bind them.
type Point struct {
	Bound []Bound // those that surely do, and those that may

	layer *Layer
}

// Bound is a policy and whether it surely binds the pods.
type Bound struct {
	*Policy
	Binds space.Match
}

// For is the point of pods.
func (l *Layer) For(pods Pods) *Point {
	p := &Point{layer: l}
	look := func(policies []*Policy) {
		for _, policy := range policies {
			if binds := pods.match(policy.Selector); binds != space.No {
				p.Bound = append(p.Bound, Bound{policy, binds})
			}
		}
	}
	if slices.ContainsFunc(pods.Labels, func(l Labels) bool { return l.More }) { // any may bind them
		from, _ := slices.BinarySearchFunc(l.Policies, pods.Namespace, func(p *Policy, namespace string) int { return cmp.Compare(p.Namespace, namespace) })
		end := from
		for end < len(l.Policies) && l.Policies[end].Namespace == pods.Namespace {
			end++
		}
		look(l.Policies[from:end])
		return p
	}
	look(l.index[scope{namespace: pods.Namespace}])
	pods.each(func(key, value string) { look(l.index[scope{pods.Namespace, key, value}]) })
	return p
}

// Decision is a verdict and what it follows from.
type Decision struct {
	enforce.Verdict
	Policy *Policy // nil where none isolates the pods
	Rule   int     // that lets it through, or may; -1 where none does
}

// String is the decision in one line, such as `allowed by NetworkPolicy shop/backend-ingress rule 0`.
func (d Decision) String() string {
	switch {
	case d.Policy == nil:
		return d.Verdict.String() + ": no policy of the network is about it"
	case d.Rule < 0:
		return fmt.Sprintf("%s by %s %s", d.Verdict, d.Policy.Kind, d.Policy.ID())
	}
	return fmt.Sprintf("%s by %s %s rule %d", d.Verdict, d.Policy.Kind, d.Policy.ID(), d.Rule)
}

// Decide judges connections of the pods in one direction, with a peer and to a port.
func (p *Point) Decide(d Direction, c Caller, port Port) Decision {
	if c.Kind != OfAddresses || len(c.Blocks) < 2 {
		return p.decide(d, c, port)
	}
	var all Decision
	for i, b := range c.Blocks { // different rules may be about them
		c.Blocks = []netip.Prefix{b}
		switch of := p.decide(d, c, port); {
		case i == 0:
			all = of
		case of.Verdict != all.Verdict:
			all = Decision{enforce.Undecided, of.Policy, of.Rule}
		}
	}
	return all
}

func (p *Point) decide(d Direction, c Caller, port Port) Decision {
	perhaps := Decision{enforce.Undecided, nil, -1}
	var isolates *Policy
	surely, each := false, true // a policy binds the pods; each one that may do lets the connection through
	for _, b := range p.Bound {
		switch {
		case b.Broken:
			if each = false; perhaps.Policy == nil {
				perhaps.Policy = b.Policy
			}
			continue
		case !b.Isolates[d]:
			continue
		case !surely:
			isolates, surely = b.Policy, b.Binds == space.Yes
		}
		through := space.No
		for i := range b.Rules[d] {
			lets := p.layer.lets(&b.Rules[d][i], &c, port)
			through = max(through, lets)
			switch min(b.Binds, lets) {
			case space.Yes:
				return Decision{enforce.Allowed, b.Policy, i}
			case space.Maybe:
				if perhaps.Policy == nil || perhaps.Rule < 0 {
					perhaps.Policy, perhaps.Rule = b.Policy, i
				}
			}
		}
		each = each && through == space.Yes
	}
	switch {
	case isolates == nil && perhaps.Policy == nil:
		return Decision{enforce.Allowed, nil, -1}
	case each && !surely: // whichever of them bind the pods
		return Decision{enforce.Allowed, perhaps.Policy, perhaps.Rule}
	case perhaps.Policy != nil:
		return perhaps
	case !surely:
		return Decision{enforce.Undecided, isolates, -1}
	}
	return Decision{enforce.Denied, isolates, -1}
}

// Between is Decide. Of pods with the addresses of their nodes it is not known whether policies are about them.
func (p *Point) Between(d Direction, c Caller, port Port, onNode bool) Decision {
	if i := slices.IndexFunc(p.Bound, func(b Bound) bool { return b.Isolates[d] || b.Broken }); onNode && i >= 0 {
		return Decision{enforce.Undecided, p.Bound[i].Policy, -1}
	}
	return p.Decide(d, c, port)
}

// Named is the ports that policies name one by one, and those at which ranges begin and after which they end.
func (p *Point) Named() (ports, edges []uint16) {
	for _, b := range p.Bound {
		for _, rules := range b.Rules {
			for i := range rules {
				for _, r := range rules[i].Ports {
					switch {
					case r.Name != "":
					case r.First == r.Last:
						ports = append(ports, r.First)
					default:
						edges = append(edges, r.First)
						if r.Last < math.MaxUint16 {
							edges = append(edges, r.Last+1)
						}
					}
				}
			}
		}
	}
	return ports, edges
}

func (l *Layer) lets(r *Rule, c *Caller, port Port) space.Match {
	to := space.No
	if len(r.Ports) == 0 {
		to = space.Yes
	}
	for i := range r.Ports {
		to = max(to, r.Ports[i].match(port))
	}
	if to == space.No {
		return space.No
	}
	from := space.No
	if len(r.Peers) == 0 {
		from = space.Yes
	}
	for i := range r.Peers {
		if from = max(from, l.match(&r.Peers[i], c)); from == space.Yes {
			break
		}
	}
	return min(from, to)
}

func (p *Ports) match(port Port) space.Match {
	switch {
	case p.Protocol != port.Protocol:
		return space.No
	case p.Name != "":
		return space.Maybe
	case p.First <= port.Number && port.Number <= p.Last:
		return space.Yes
	}
	return space.No
}

package diff

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// Passage is a service that a gateway passes calls on to, or no longer does, because a route was added or deleted.
type Passage struct {
	Gateway, To *policy.Service
	Port        uint16 // of its containers; 0 where it is not known which
	Gone        bool
	By          string      // the object that has the route, in words
	At          source.Span // of the destination in it
}

// String is the passage in a sentence.
func (p *Passage) String() string {
	verb, to := " passes calls on to ", p.To.ID()
	if p.Gone {
		verb = " no longer passes calls on to "
	}
	if p.Port != 0 {
		to += ":" + strconv.Itoa(int(p.Port))
	}
	return p.Gateway.ID() + verb + to + ", by " + p.By
}

// passages finds what gateways pass on to on one side only.
func (d *differ) passages() {
	was, is := gateways(d.before.Policy), gateways(d.after.Policy)
	d.diff.Passages = append(onlyIn(is, was, false), onlyIn(was, is, true)...)
	slices.SortFunc(d.diff.Passages, func(a, b Passage) int {
		return cmp.Or(cmp.Compare(a.Gateway.ID(), b.Gateway.ID()), cmp.Compare(a.To.ID(), b.To.ID()), cmp.Compare(a.Port, b.Port))
	})
}

// gateways is those of a policy that have routes, by their names.
func gateways(p *policy.Policy) map[string]*policy.Service {
	all := map[string]*policy.Service{}
	for _, s := range p.Services() {
		if len(s.Routes) > 0 {
			all[s.ID()] = s
		}
	}
	return all
}

// onlyIn is the passages of some gateways that others of the same names do not have.
func onlyIn(some, others map[string]*policy.Service, gone bool) (all []Passage) {
	type destination struct {
		id   string
		port uint16
	}
	for id, g := range some {
		seen := map[destination]bool{}
		if other := others[id]; other != nil {
			for _, r := range other.Routes {
				seen[destination{r.To.ID(), r.Port}] = true
			}
		}
		for _, r := range g.Routes {
			if to := (destination{r.To.ID(), r.Port}); !seen[to] {
				seen[to] = true
				all = append(all, Passage{Gateway: g, To: r.To, Port: r.Port, Gone: gone, By: r.By, At: r.At})
			}
		}
	}
	return all
}

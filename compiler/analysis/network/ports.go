package network

import (
	"math"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// Set is a set of port numbers, as ranges that do not meet.
type Set [][2]uint16

// Every is all ports.
var Every = Set{{1, math.MaxUint16}}

// Has reports whether a port is in the set.
func (s Set) Has(port uint16) bool {
	return slices.ContainsFunc(s, func(r [2]uint16) bool { return r[0] <= port && port <= r[1] })
}

// with is the set and one more port.
func (s Set) with(port uint16) Set {
	if s.Has(port) {
		return s
	}
	return append(slices.Clone(s), [2]uint16{port, port})
}

// only is the ports of the set among some.
func (s Set) only(ports []uint16) (some Set) {
	for _, p := range ports {
		if s.Has(p) {
			some = append(some, [2]uint16{p, p})
		}
	}
	return some
}

// All reports whether every port is in the set.
func (s Set) All() bool { return slices.Equal(s, Every) }

// without is the set without some ports.
func (s Set) without(ports Set) Set {
	for _, out := range ports {
		var left Set
		for _, r := range s {
			if out[1] < r[0] || out[0] > r[1] {
				left = append(left, r)
				continue
			}
			if out[0] > r[0] {
				left = append(left, [2]uint16{r[0], out[0] - 1})
			}
			if out[1] < r[1] {
				left = append(left, [2]uint16{out[1] + 1, r[1]})
			}
		}
		s = left
	}
	return s
}

func setOf(ports []uint16) (s Set) {
	for _, p := range ports {
		s = append(s, [2]uint16{p, p})
	}
	return s
}

// portsOf is the ports that some requests are about.
func portsOf(q *policy.Requests) Set {
	if len(q.Ports) > 0 {
		return setOf(q.Ports)
	}
	return Every.without(setOf(q.PortsWithout()))
}

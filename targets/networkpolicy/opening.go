package networkpolicy

import (
	"cmp"
	"slices"
)

// opening is peers that reach the same ports.
type opening struct {
	ports portRanges
	udp   []uint16
	peers []peer
}

// openings sorts what opens a callee, and joins it in the same list.
func openings(all []opening) []opening {
	slices.SortStableFunc(all, opening.compare)
	out := all[:0]
	for len(all) > 0 {
		n, peers := 1, len(all[0].peers)
		for n < len(all) && all[n].compare(all[0]) == 0 {
			peers += len(all[n].peers)
			n++
		}
		o := opening{all[0].ports, all[0].udp, make([]peer, 0, peers)}
		for i := range all[:n] {
			o.peers = append(o.peers, all[i].peers...)
		}
		all = all[n:]
		slices.SortFunc(o.peers, peer.compare)
		o.peers = slices.CompactFunc(o.peers, func(a, b peer) bool { return a.compare(b) == 0 })
		if o.peers[0].everyone {
			o.peers = o.peers[:1]
		}
		out = append(out, o)
	}
	return out
}

// compare orders openings by their ports.
func (o opening) compare(p opening) int {
	if c := slices.CompareFunc(o.ports, p.ports, func(x, y [2]uint16) int { return slices.Compare(x[:], y[:]) }); c != 0 {
		return c
	}
	return slices.Compare(o.udp, p.udp)
}

// tunnel is the port through which pods in ambient mode are called:
// https://istio.io/latest/docs/ambient/usage/networkpolicy/
const tunnel = 15008

var tunnelPort = portRanges{{tunnel, tunnel}}

// portRanges is TCP ports, as sorted ranges that do not meet.
type portRanges [][2]uint16

var every = portRanges{{1, 65535}}

// has reports whether a port is among them.
func (r portRanges) has(port uint16) bool {
	return slices.ContainsFunc(r, func(p [2]uint16) bool { return p[0] <= port && port <= p[1] })
}

// and returns the ranges and one more port.
func (r portRanges) and(port uint16) portRanges {
	if r.has(port) {
		return r
	}
	all := append(slices.Clone(r), [2]uint16{port, port})
	slices.SortFunc(all, func(a, b [2]uint16) int { return cmp.Compare(a[0], b[0]) })
	return all
}

// among returns those of some ports that are in the ranges.
func (r portRanges) among(ports []uint16) (some []uint16) {
	for _, p := range ports {
		if r.has(p) {
			some = append(some, p)
		}
	}
	return some
}

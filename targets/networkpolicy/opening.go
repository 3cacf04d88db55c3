package networkpolicy

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// opening is peers that reach the same ports.
type opening struct {
	ports portRanges
	udp   []uint16
	peers []peer
}

// openings sorts and joins what opens a callee.
func openings(all []opening) []opening {
	all = slices.Clone(all)
	slices.SortStableFunc(all, opening.compare)
	var out []opening
	for _, o := range all {
		if last := len(out) - 1; last >= 0 && out[last].compare(o) == 0 {
			out[last].peers = append(out[last].peers, o.peers...)
		} else {
			out = append(out, opening{o.ports, o.udp, slices.Clone(o.peers)})
		}
	}
	for i := range out {
		o := &out[i]
		slices.SortFunc(o.peers, peer.compare)
		o.peers = slices.CompactFunc(o.peers, func(a, b peer) bool { return a.compare(b) == 0 })
		if o.peers[0].everyone {
			o.peers = o.peers[:1]
		}
	}
	return out
}

// compare orders openings by their ports.
func (o opening) compare(p opening) int {
	return cmp.Or(slices.CompareFunc(o.ports, p.ports, func(x, y [2]uint16) int { return slices.Compare(x[:], y[:]) }), slices.Compare(o.udp, p.udp))
}

// rule is an opening as NetworkPolicies have it; side is `from` or `to`.
func (o *opening) rule(side string) targets.Fields {
	var fields targets.Fields
	if !o.peers[0].everyone {
		var peers []targets.Fields
		for i := 0; i < len(o.peers); {
			n := i + 1
			for n < len(o.peers) && joins(o.peers[i], o.peers[n]) {
				n++
			}
			peers = append(peers, peerFields(o.peers[i:n]))
			i = n
		}
		fields = append(fields, targets.Field{Key: side, Value: peers})
	}
	var ports []targets.Fields
	for _, r := range o.ports {
		if r == every[0] {
			return fields
		}
		if int(r[1])-int(r[0]) >= fewPorts {
			ports = append(ports, targets.Fields{{Key: "endPort", Value: r[1]}, {Key: "port", Value: r[0]}, {Key: "protocol", Value: "TCP"}})
			continue
		}
		for n := int(r[0]); n <= int(r[1]); n++ {
			ports = append(ports, targets.Fields{{Key: "port", Value: uint16(n)}, {Key: "protocol", Value: "TCP"}})
		}
	}
	for _, n := range o.udp {
		ports = append(ports, targets.Fields{{Key: "port", Value: n}, {Key: "protocol", Value: "UDP"}})
	}
	return append(fields, targets.Field{Key: "ports", Value: ports})
}

// fewPorts are written one by one: not every network knows ranges.
const fewPorts = 16

// joins reports whether the pods of two peers differ in the value of their one label alone.
func joins(p, q peer) bool {
	return p.namespace != "" && p.namespace == q.namespace && len(p.labels) == 1 && len(q.labels) == 1 && p.labels[0].Key == q.labels[0].Key
}

// peerFields writes peers that join.
func peerFields(peers []peer) targets.Fields {
	p := peers[0]
	switch {
	case p.pods:
		return targets.Fields{{Key: "namespaceSelector", Value: targets.Fields{}}}
	case p.namespace == "":
		return targets.Fields{{Key: "ipBlock", Value: targets.Fields{{Key: "cidr", Value: p.block.String()}}}}
	}
	fields := targets.Fields{{Key: "namespaceSelector", Value: matchLabels([]policy.Label{{Key: "kubernetes.io/metadata.name", Value: p.namespace}})}}
	switch {
	case len(p.labels) == 0:
		return fields
	case len(peers) == 1:
		return append(fields, targets.Field{Key: "podSelector", Value: matchLabels(p.labels)})
	}
	values := make([]string, len(peers))
	for i := range peers {
		values[i] = peers[i].labels[0].Value
	}
	return append(fields, targets.Field{Key: "podSelector", Value: targets.Fields{{Key: "matchExpressions", Value: []targets.Fields{
		{{Key: "key", Value: p.labels[0].Key}, {Key: "operator", Value: "In"}, {Key: "values", Value: values}},
	}}}})
}

func matchLabels(labels []policy.Label) targets.Fields {
	pairs := make(targets.Fields, len(labels))
	for i, l := range labels {
		pairs[i] = targets.Field{Key: l.Key, Value: l.Value}
	}
	return targets.Fields{{Key: "matchLabels", Value: pairs}}
}

// tunnel is the port through which pods in ambient mode are called: https://istio.io/latest/docs/ambient/usage/networkpolicy/
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

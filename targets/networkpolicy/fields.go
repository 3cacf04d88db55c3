package networkpolicy

import (
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// fields writes openings as NetworkPolicies have them, and keeps what many of them have.
type fields struct {
	namespaces map[string]targets.Fields
	ports      []portsField
}

// portsField is `ports` of a rule.
type portsField struct {
	of    *opening
	field targets.Field
}

// maxKept is how many lists of ports are kept. It keeps the time of a look at each of them short.
const maxKept = 16

// rule is an opening; side is `from` or `to`.
func (f *fields) rule(o *opening, side string) targets.Fields {
	rule := make(targets.Fields, 0, 2)
	if !o.peers[0].everyone {
		peers := make([]targets.Fields, 0, len(o.peers))
		for i := 0; i < len(o.peers); {
			n := i + 1
			for n < len(o.peers) && joins(o.peers[i], o.peers[n]) {
				n++
			}
			peers = append(peers, f.peer(o.peers[i:n]))
			i = n
		}
		rule = append(rule, targets.Field{Key: side, Value: peers})
	}
	if slices.Contains(o.ports, every[0]) {
		return rule
	}
	return append(rule, f.portsOf(o))
}

func (f *fields) portsOf(o *opening) targets.Field {
	for i := range f.ports {
		if f.ports[i].of.compare(*o) == 0 {
			return f.ports[i].field
		}
	}
	var ports []targets.Fields
	for _, r := range o.ports {
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
	made := targets.Field{Key: "ports", Value: ports}
	if len(f.ports) < maxKept {
		f.ports = append(f.ports, portsField{&opening{ports: o.ports, udp: o.udp}, made})
	}
	return made
}

// namespace selects one, in a list that cannot grow.
func (f *fields) namespace(name string) targets.Fields {
	if f.namespaces[name] == nil {
		if f.namespaces == nil {
			f.namespaces = map[string]targets.Fields{}
		}
		selector := targets.Field{Key: "namespaceSelector", Value: matchLabels([]policy.Label{{Key: "kubernetes.io/metadata.name", Value: name}})}
		f.namespaces[name] = targets.Fields{selector}
	}
	return f.namespaces[name]
}

// fewPorts are written one by one: not every network knows ranges.
const fewPorts = 16

// joins reports whether the pods of two peers differ in the value of their one label alone.
func joins(p, q peer) bool {
	return p.namespace != "" && p.namespace == q.namespace && len(p.labels) == 1 && len(q.labels) == 1 && p.labels[0].Key == q.labels[0].Key
}

// peer writes peers that join.
func (f *fields) peer(peers []peer) targets.Fields {
	p := peers[0]
	switch {
	case p.pods:
		return targets.Fields{{Key: "namespaceSelector", Value: targets.Fields{}}}
	case p.namespace == "":
		return targets.Fields{{Key: "ipBlock", Value: targets.Fields{{Key: "cidr", Value: p.block.String()}}}}
	}
	namespace := f.namespace(p.namespace)
	switch {
	case len(p.labels) == 0:
		return namespace
	case len(peers) == 1:
		return append(namespace, targets.Field{Key: "podSelector", Value: matchLabels(p.labels)})
	}
	values := make([]string, len(peers))
	for i := range peers {
		values[i] = peers[i].labels[0].Value
	}
	return append(namespace, targets.Field{Key: "podSelector", Value: targets.Fields{{Key: "matchExpressions", Value: []targets.Fields{
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

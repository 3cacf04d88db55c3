package networkpolicy

import (
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// callees emits whom the pods of a service may call.
func (e *emission) callees(m *policy.Mesh, s *policy.Service) {
	var all []opening
	var why targets.Origin
	for edge := range e.Edges().From(policy.Source{Service: s}) {
		all = append(all, e.dialled(edge)...)
		why = why.And(edge.At())
	}
	if len(all) == 0 {
		return
	}
	e.add(object{wave: waveAllow, namespace: m.Name, name: s.Name + "-egress", why: why, of: s, egresses: true, egress: openings(append(all, e.needed(m)...))})
}

// dialled returns what an edge opens on the side of its caller.
func (e *emission) dialled(edge *policy.Edge) (all []opening) {
	if x := edge.External; x != nil {
		o := opening{peers: []peer{{block: netip.MustParsePrefix("0.0.0.0/0")}, {block: netip.MustParsePrefix("::/0")}}}
		for _, p := range x.Ports {
			o.ports = append(o.ports, [2]uint16{p.Number, p.Number})
		}
		e.external(x)
		return []opening{o}
	}
	for _, l := range e.appendLegs(nil, edge.To, edge.Rule, portsOf(edge.To, edge.Rule, edge.From), edge.From) {
		if l.from == edge.From {
			all = append(all, opening{l.ports, l.udp, e.peers(policy.Source{Service: l.to})})
		}
	}
	return all
}

// external reports, once, an external whose callers the network lets call every address.
func (e *emission) external(x *policy.External) {
	key := told{what: x.ID()}
	if e.told[key] {
		return
	}
	e.told[key] = true
	d := e.findings.Add(diag.WiderNetwork, x.At, "a NetworkPolicy has no names of hosts: the network lets the callers of %s/%s call every address on its ports", x.Namespace, x.Name).
		WithHelp("let a gateway of the mesh be the only caller of externals, or accept this under `warnings`")
	if slices.ContainsFunc(x.Callers, func(c policy.Source) bool { return c.Service == nil || c.Service.Dataplane != policy.Ambient }) {
		d.WithNote("sidecars keep to the hosts that edges name with `targets.istio.sidecars: true`")
	}
}

// needed is what all pods of a namespace may call: what edges of wildcards lead to, DNS, and the control plane where
// they may have a proxy.
func (e *emission) needed(m *policy.Mesh) []opening {
	if known, ok := e.needs[m.Name]; ok {
		return known
	}
	dns := portRanges{{53, 53}}
	all := append(e.ofWildcards(m.Name),
		opening{dns, []uint16{53}, []peer{{namespace: "kube-system"}}},
		opening{dns, []uint16{53}, []peer{{block: netip.MustParsePrefix("169.254.20.10/32")}}})
	proxies, known := false, false
	for _, s := range m.Services {
		if s.Proxied() && !s.Unnamed {
			known = true
			proxies = proxies || !only(s)
		}
	}
	if proxies || !known {
		all = append(all, e.control())
	}
	e.needs[m.Name] = openings(all)
	return e.needs[m.Name]
}

// control opens the control plane, which proxies need and pods in ambient mode do not.
func (e *emission) control() opening {
	return opening{ports: portRanges{{15012, 15012}}, peers: []peer{{namespace: e.root}}}
}

// ofWildcards is what edges of `any`, `world` and NAMESPACE/* open for the pods of a namespace.
func (e *emission) ofWildcards(namespace string) (all []opening) {
	if e.wildcards == nil {
		e.wildcards = map[string][]opening{}
		add := func(namespace string, from policy.Source) {
			for edge := range e.Edges().From(from) {
				e.wildcards[namespace] = append(e.wildcards[namespace], e.dialled(edge)...)
			}
		}
		add("", policy.Source{Kind: policy.FromAny})
		add("", policy.Source{Kind: policy.FromWorld})
		for _, m := range e.Meshes {
			add(m.Name, policy.Source{Kind: policy.FromMesh, Mesh: m.Name})
		}
	}
	return append(append(all, e.wildcards[""]...), e.wildcards[namespace]...)
}

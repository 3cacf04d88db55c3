package cilium

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/targets"
)

// systemNamespace is where the DNS of a cluster runs, also as a cache on each node.
const systemNamespace = "kube-system"

// exits is whom pods may call.
type exits struct {
	byPorts map[string]*exit
	keys    []string
	named   bool // some by the names of their hosts
}

// exit is who is called at some ports.
type exit struct {
	access
	everyone bool
	pods     []selector
	blocks   []string
	hosts    []string
}

func (x *exits) at(ports [][2]uint16, udp []uint16) *exit {
	key := fmt.Sprint(ports, udp)
	if x.byPorts == nil {
		x.byPorts = map[string]*exit{}
	}
	if x.byPorts[key] == nil {
		x.byPorts[key] = &exit{access: access{ports: ports, udp: udp}}
		x.keys = append(x.keys, key)
	}
	return x.byPorts[key]
}

// leaves adds an edge, as the pods see it that may call by it.
func (e *emission) leaves(x *exits, edge *policy.Edge) {
	if edge.External == nil {
		ports := dialled(edge)
		var udp []uint16
		for _, p := range edge.To.UDP {
			if ports == nil || slices.ContainsFunc(ports, func(r [2]uint16) bool { return r[0] <= p && p <= r[1] }) {
				udp = append(udp, p)
			}
		}
		if ports == nil { // every one of every protocol
			udp = nil
		} else if len(ports) == 0 {
			return
		}
		to := x.at(ports, udp)
		switch {
		case len(edge.To.Addresses) > 0:
		case edge.To.HostNetwork:
			to.everyone = true
			e.onNodes(edge.To)
		default:
			to.pods = append(to.pods, e.podsOf(edge.To))
		}
		for _, block := range edge.To.Addresses {
			to.blocks = append(to.blocks, block.String())
		}
		return
	}
	var ports [][2]uint16
	for _, p := range edge.External.Ports {
		ports = append(ports, [2]uint16{p.Number, p.Number})
	}
	to := x.at(ports, nil)
	to.hosts, x.named = append(to.hosts, edge.External.Hosts...), true
}

// onNodes reports, once, a callee whose pods no label selects.
func (e *emission) onNodes(s *policy.Service) {
	if !e.guessed[s] {
		e.guessed[s] = true
		e.findings.Add(diag.WiderNetwork, s.At, "the pods of %s have the addresses of their nodes, so the network lets its callers call everyone on its ports", s.ID()).
			WithHelp("run it without hostNetwork")
	}
}

// dialled returns the ports of an edge, without those that are denied to its source; nil: every port of every protocol.
func dialled(edge *policy.Edge) [][2]uint16 {
	changes := slices.Concat(edge.Rule.Ports, edge.Rule.PortsWithout())
	var denies []*policy.Rule
	for i := range edge.To.Deny {
		if d := &edge.To.Deny[i]; !d.OfHTTP() && d.Includes(edge.From) {
			denies = append(denies, d)
			changes = slices.Concat(changes, d.Ports, d.PortsWithout())
		}
	}
	if len(changes) == 0 && len(denies) == 0 {
		return nil
	}
	all := targets.PortRanges(changes, func(port uint16) bool {
		return edge.Rule.Leads(port) && !slices.ContainsFunc(denies, func(d *policy.Rule) bool { return d.Leads(port) })
	})
	if all == nil {
		all = [][2]uint16{}
	}
	return all
}

// podsOf selects the pods of a callee, or all of its namespace where nothing shows their labels.
func (e *emission) podsOf(s *policy.Service) selector {
	of := selector{{namespaceKey, "In", []string{s.Namespace}}}
	if s.Unnamed || s.Guessed {
		if s.Guessed && !e.guessed[s] {
			e.guessed[s] = true
			e.findings.Add(diag.UnknownPods, s.At, "the labels of the pods of %s are not known, so the network lets its callers call the whole namespace", s.ID()).
				WithHelp("give the manifests of its workloads (`workloads` of meshc.yaml), or state the labels: `service %s label app=%s`", s.Name, s.Name)
		}
		return of
	}
	for _, l := range s.Labels {
		of = append(of, requirement{labelPrefix + l.Key, "In", []string{l.Value}})
	}
	return of
}

// rules returns rules of egress, with the DNS that every pod needs. Cilium learns what the names of hosts lead to from
// the answers that it sees, so it reads them where names are used:
// https://docs.cilium.io/en/stable/security/policy/language/#dns-based
func (x *exits) rules() (rules []targets.Fields) {
	slices.Sort(x.keys)
	add := func(to targets.Field, ports []targets.Fields) {
		rule := targets.Fields{to}
		if len(ports) > 0 {
			rule = append(rule, targets.Field{Key: "toPorts", Value: ports})
		}
		rules = append(rules, rule)
	}
	var systems []targets.Fields
	systems = append(systems, selector{{namespaceKey, "In", []string{systemNamespace}}}.fields())
	dns := (&access{ports: [][2]uint16{{53, 53}}, udp: []uint16{53}}).fields()
	if x.named {
		dns[0] = append(dns[0], targets.Field{Key: "rules", Value: targets.Fields{{Key: "dns", Value: []targets.Fields{{{Key: "matchPattern", Value: "*"}}}}}})
	}
	add(targets.Field{Key: "toEndpoints", Value: systems}, dns)
	for _, key := range x.keys {
		to := x.byPorts[key]
		ports := to.fields()
		if to.ports == nil {
			ports = nil
		}
		if to.everyone {
			add(targets.Field{Key: "toEntities", Value: []string{"all"}}, ports)
			continue
		}
		if len(to.pods) > 0 {
			slices.SortFunc(to.pods, selector.compare)
			var pods []targets.Fields
			for _, s := range slices.CompactFunc(to.pods, func(a, b selector) bool { return a.compare(b) == 0 }) {
				pods = append(pods, s.fields())
			}
			add(targets.Field{Key: "toEndpoints", Value: pods}, ports)
		}
		if len(to.blocks) > 0 {
			slices.Sort(to.blocks)
			add(targets.Field{Key: "toCIDR", Value: slices.Compact(to.blocks)}, ports)
		}
		slices.Sort(to.hosts)
		var hosts []targets.Fields
		for _, host := range slices.Compact(to.hosts) {
			if domain, wild := strings.CutPrefix(host, "*."); wild {
				hosts = append(hosts, targets.Fields{{Key: "matchPattern", Value: "**." + domain}})
			} else {
				hosts = append(hosts, targets.Fields{{Key: "matchName", Value: host}})
			}
		}
		if len(hosts) > 0 {
			add(targets.Field{Key: "toFQDNs", Value: hosts}, ports)
		}
	}
	return rules
}

// ofWildcards adds what edges of `any`, `world` and NAMESPACE/* open for the pods of a namespace.
func (e *emission) ofWildcards(x *exits, namespace string) {
	for _, from := range []policy.Source{{Kind: policy.FromAny}, {Kind: policy.FromWorld}, {Kind: policy.FromMesh, Mesh: namespace}} {
		for edge := range e.Edges().From(from) {
			e.leaves(x, edge)
		}
	}
}

// egress emits whom the pods of a closed namespace may call.
func (e *emission) egress(m *policy.Mesh) {
	for _, s := range m.Services {
		if s.Unnamed || !s.Proxied() || len(s.Labels) == 0 || !policy.IsName(s.Name) {
			continue
		}
		var all exits
		var files []string
		for edge := range e.Edges().From(policy.Source{Service: s}) {
			e.leaves(&all, edge)
			if file := edge.File(); file != "" {
				files = append(files, file)
			}
		}
		if len(all.keys) == 0 {
			continue
		}
		e.ofWildcards(&all, m.Name)
		e.add(object{namespace: m.Name, name: s.Name + "-egress", wave: waveAllow, why: targets.OfFiles(files), at: s.At, subject: subjectOf(s), egress: all.rules()})
	}
}

// externals reports those that nothing limits calls to.
func (e *emission) externals(m *policy.Mesh) {
	for _, x := range m.Externals {
		if len(x.Callers) > 0 && !e.Egress {
			e.findings.Add(diag.OpenEgress, x.At, "edges lead to %s/%s, and every pod may call it without one: nothing is emitted for what pods call", m.Name, x.Name).
				WithHelp("close closed namespaces in that direction too: `targets: {cilium: {egress: true}}`")
		}
	}
}

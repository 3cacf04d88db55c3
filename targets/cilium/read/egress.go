package read

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// Egress reads whom pods may call. Of policies of the whole cluster, and of what is about requests or the names that
// are looked up, it knows nothing.
func Egress(files []*source.File) (*network.Layer, diag.List) {
	all := scan(files, reader{leaving: true})
	var policies []*network.Policy
	for _, p := range all.policies {
		policies = append(policies, p.leaves...)
	}
	return network.NewLayer(policies, nil), all.findings.Sort()
}

// leave adds what a spec lets out of its pods. What it denies is not told apart from what it lets through: then the
// policy may stand for anything.
func (d *decoder) leave(s *sections) {
	if d.out.namespace == "" {
		return
	}
	untold := d.findings
	d.findings = d.told
	defer func() { d.findings = untold }()
	p := &network.Policy{Kind: d.out.kind, Namespace: d.out.namespace, Name: d.out.name, At: d.out.at}
	p.Isolates[network.Egress] = s.closes || !s.closesStated
	d.out.leaves = append(d.out.leaves, p)
	maybe := func(n *yaml.Node, what string) {
		if !p.Broken {
			p.Broken = true
			d.skip(n, what)
		}
	}
	for _, r := range d.selector(s.subject) {
		if r.key == namespaceKey {
			continue
		}
		if strings.HasPrefix(r.key, ciliumPrefix) || strings.Contains(r.key, ":") {
			maybe(s.subject, "which pods it binds")
			continue
		}
		p.Selector = append(p.Selector, r.onLabels())
	}
	if len(s.egressDeny) > 0 {
		maybe(s.egressDeny[0], "whom its pods may not call")
	}
	if len(s.egress) > 0 && !p.Isolates[network.Egress] {
		maybe(s.egress[0], "whether its rules of egress count, for it isolates nothing by itself")
	}
	for _, n := range s.egress {
		rule, some, limited := d.exit(n)
		if limited {
			maybe(n, "which requests it lets out of its pods")
		}
		if some {
			p.Rules[network.Egress] = append(p.Rules[network.Egress], rule)
		}
	}
	if p.Broken = p.Broken || d.broken; p.Broken {
		p.Selector = nil
	}
}

// onLabels is a requirement as the analysis of networks has it.
func (r *requirement) onLabels() network.Requirement {
	of := map[string]network.Operator{"In": network.In, "NotIn": network.NotIn, "Exists": network.Exists, "DoesNotExist": network.Absent}
	return network.Requirement{Key: r.key, Operator: of[r.operator], Values: slices.Sorted(slices.Values(r.values))}
}

// exit reads an item of egress. It lets nothing out if it names nobody, and is limited if it is about requests too.
func (d *decoder) exit(n *yaml.Node) (rule network.Rule, some, limited bool) {
	rule.At = d.doc.Span(n)
	kinds, none, everyone := 0, false, false
	var toPorts, icmps *yaml.Node
	to := func(n *yaml.Node, each func(*yaml.Node) []network.Peer) {
		items := d.list(n)
		if none = none || len(items) == 0; len(items) > 0 {
			kinds++
		}
		for _, item := range items {
			rule.Peers = append(rule.Peers, each(item)...)
		}
	}
	d.fields(n, "a rule", func(key string, v *yaml.Node) bool {
		switch key {
		case "toEndpoints":
			to(v, d.calledPods)
		case "toEntities":
			to(v, func(n *yaml.Node) []network.Peer {
				everyone = everyone || n.Value == "all"
				return d.calledEntity(n)
			})
		case "toCIDR":
			to(v, func(n *yaml.Node) []network.Peer { return []network.Peer{{Block: d.prefix(n)}} })
		case "toCIDRSet":
			to(v, d.calledBlock)
		case "toFQDNs":
			to(v, d.calledHost)
		case "toServices", "toGroups", "toNodes":
			to(v, func(*yaml.Node) []network.Peer { limited = true; return nil })
		case "toPorts":
			toPorts = v
		case "icmps":
			icmps = v
		case "authentication":
			limited = true
		default:
			return false
		}
		return true
	})
	switch {
	case kinds > 1:
		d.refuse(n, "Cilium refuses a rule that leads to several kinds of callees")
	case icmps != nil && toPorts != nil:
		d.refuse(n, "Cilium refuses a rule with icmps and toPorts")
	}
	if everyone {
		rule.Peers = nil
	}
	ports := d.list(toPorts)
	if none || icmps != nil || kinds == 0 && len(ports) == 0 || kinds > 0 && !everyone && len(rule.Peers) == 0 {
		return rule, false, limited
	}
	for _, item := range ports {
		open, every := d.calledPorts(item, &limited)
		if every {
			rule.Ports = nil
			break
		}
		rule.Ports = append(rule.Ports, open...)
	}
	return rule, true, limited
}

// calledPorts reads an item of toPorts. Every is set if it is about all ports of all protocols.
func (d *decoder) calledPorts(n *yaml.Node, limited *bool) (all []network.Ports, every bool) {
	stated := false
	d.fields(n, "an item of toPorts", func(key string, v *yaml.Node) bool {
		switch key {
		case "ports":
			items := d.portItems(v)
			stated = len(items) > 0
			for _, item := range items {
				for _, protocol := range [...]network.Protocol{network.TCP, network.UDP, network.SCTP} {
					var of ranges
					d.port(item, string(protocol), &of)
					for _, r := range of.all {
						all = append(all, network.Ports{Protocol: protocol, First: r[0], Last: r[1]})
					}
					if of.named {
						all = append(all, network.Ports{Protocol: protocol, First: 1, Last: math.MaxUint16, Name: "by name"})
					}
				}
			}
		case "rules":
			d.fields(v, key, func(key string, v *yaml.Node) bool {
				*limited = *limited || key != "dns" || !d.everyName(v)
				return slices.Contains([]string{"http", "kafka", "dns", "l7", "l7proto"}, key)
			})
		case "listener", "terminatingTLS", "originatingTLS", "serverNames":
			*limited = true
		default:
			return false
		}
		return true
	})
	return all, !stated
}

// everyName reports whether rules for DNS let every name be looked up.
func (d *decoder) everyName(n *yaml.Node) bool {
	return slices.ContainsFunc(d.list(n), func(item *yaml.Node) bool {
		every := false
		d.fields(item, "a rule for DNS", func(key string, v *yaml.Node) bool {
			every = every || key == "matchPattern" && d.word(v) == "*"
			return key == "matchPattern" || key == "matchName"
		})
		return every
	})
}

// calledPods reads pods by a selector: without a namespace those of the policy's.
func (d *decoder) calledPods(n *yaml.Node) (all []network.Peer) {
	if n == nil || n.Kind != yaml.MappingNode {
		d.refuse(n, "a selector is not a mapping")
		return nil
	}
	p := network.Peer{}
	var namespaces []string
	placed := false
	for _, r := range d.selector(n) {
		switch {
		case r.key == namespaceKey && r.operator == "In" && namespaces == nil:
			placed, namespaces = true, r.values
		case r.key == namespaceKey:
			at := r
			at.key = network.NamespaceLabel
			placed, p.Namespaces = true, append(p.Namespaces, at.onLabels())
		case strings.HasPrefix(r.key, ciliumPrefix), strings.Contains(r.key, ":"): // an account, or what no manifest shows
			p.Vague = true
		default:
			p.Pods = append(p.Pods, r.onLabels())
		}
	}
	if !placed {
		namespaces = []string{d.out.namespace}
	}
	if namespaces == nil {
		return []network.Peer{p}
	}
	for _, namespace := range namespaces {
		if len(p.Namespaces) > 0 {
			p.Vague = true
		}
		one := p
		one.Namespace, one.Namespaces = namespace, nil
		all = append(all, one)
	}
	return all
}

var everywhere = [...]netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// calledEntity is what the name of an entity stands for.
func (d *decoder) calledEntity(n *yaml.Node) (all []network.Peer) {
	name := d.word(n)
	if _, known := entities[name]; !known {
		d.refuse(n, "Cilium has no entity %s", n.Value)
		return nil
	}
	outside := func(vague bool) {
		for _, block := range everywhere {
			all = append(all, network.Peer{Block: block, Vague: vague})
		}
	}
	switch name {
	case "all", "none":
	case "cluster":
		all = append(all, network.Peer{})
		outside(true)
	case "world":
		outside(false)
	case "init", "unmanaged":
		all = append(all, network.Peer{Vague: true})
	default:
		outside(true)
	}
	return all
}

func (d *decoder) prefix(n *yaml.Node) netip.Prefix {
	written := d.word(n)
	block, err := netip.ParsePrefix(written)
	if a, bad := netip.ParseAddr(written); bad == nil {
		block, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil {
		d.refuse(n, "%s is no block of addresses", written)
		return everywhere[0]
	}
	return block.Masked()
}

func (d *decoder) calledBlock(n *yaml.Node) []network.Peer {
	p := network.Peer{}
	d.fields(n, "an item of toCIDRSet", func(key string, v *yaml.Node) bool {
		switch key {
		case "cidr":
			p.Block = d.prefix(v)
		case "except":
			for _, item := range d.list(v) {
				p.Except = append(p.Except, d.prefix(item))
			}
		case "cidrGroupRef", "cidrGroupSelector":
			p.Vague, p.Block = true, everywhere[0]
		default:
			return false
		}
		return true
	})
	if !p.Block.IsValid() {
		d.refuse(n, "an item of toCIDRSet names either a cidr or a group")
		return nil
	}
	return []network.Peer{p}
}

// calledHost reads what names lead to: FQDNSelector in pkg/policy/api/fqdn.go.
func (d *decoder) calledHost(n *yaml.Node) []network.Peer {
	name, pattern := "", ""
	d.fields(n, "an item of toFQDNs", func(key string, v *yaml.Node) bool {
		switch key {
		case "matchName":
			name = d.word(v)
		case "matchPattern":
			pattern = d.word(v)
		default:
			return false
		}
		return true
	})
	if (name == "") == (pattern == "") {
		d.refuse(n, "an item of toFQDNs has either a matchName or a matchPattern")
		return nil
	}
	return []network.Peer{{Host: strings.ToLower(strings.TrimSuffix(cmp.Or(name, pattern), "."))}}
}

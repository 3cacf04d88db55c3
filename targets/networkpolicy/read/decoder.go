package read

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/compiler/yamldoc"
	"github.com/meshc/meshc/lang/diag"
)

// decoder takes one policy after another apart.
type decoder struct {
	doc       *yamldoc.Document
	namespace string // of a policy that names none
	findings  *diag.List
	out       *network.Policy

	pairs []yamldoc.Pair // of the mappings that are looked at, one within the other
}

// policy reads a NetworkPolicy with the defaults and the validation of an API server: pkg/apis/networking/validation of
// kubernetes/kubernetes.
func (d *decoder) policy(n *yaml.Node) *network.Policy {
	meta := yamldoc.Get(n, "metadata")
	name := yamldoc.Get(meta, "name")
	p := &network.Policy{Kind: "NetworkPolicy", Namespace: cmp.Or(yamldoc.Scalar(meta, "namespace"), d.namespace), Name: yamldoc.Scalar(name), At: d.doc.Span(n)}
	if name != nil {
		p.At = d.doc.Span(name)
	}
	d.out = p
	var types *yaml.Node
	var sections [2]*yaml.Node
	d.fields(n, "the object", func(key string, v *yaml.Node) bool {
		return slices.Contains([]string{"apiVersion", "kind", "metadata", "spec", "status"}, key)
	})
	d.fields(yamldoc.Get(n, "spec"), "spec", func(key string, v *yaml.Node) bool {
		switch key {
		case "podSelector":
			p.Selector = d.selector(v)
		case "policyTypes":
			types = v
		case "ingress":
			sections[network.Ingress] = v
		case "egress":
			sections[network.Egress] = v
		default:
			return false
		}
		return true
	})
	for i, side := range [...]string{"from", "to"} {
		items := d.list(sections[i])
		p.Rules[i] = make([]network.Rule, len(items))
		for n := range items {
			p.Rules[i][n] = d.rule(items[n], side)
		}
	}
	p.Isolates = [2]bool{true, len(p.Rules[network.Egress]) > 0}
	if stated := d.list(types); len(stated) > 0 {
		p.Isolates = [2]bool{}
		for _, t := range stated {
			switch yamldoc.Scalar(t) {
			case "Ingress":
				p.Isolates[network.Ingress] = true
			case "Egress":
				p.Isolates[network.Egress] = true
			default:
				d.broken(t, "policyTypes are Ingress and Egress")
			}
		}
	}
	if p.Broken { // whatever it selects
		p.Selector = nil
	}
	return p
}

// broken marks the policy as one that may stand for anything.
func (d *decoder) broken(n *yaml.Node, format string, args ...any) {
	if d.out == nil || d.out.Broken {
		return
	}
	d.out.Broken = true
	at := d.out.At
	if n != nil {
		at = d.doc.Span(n)
	}
	d.findings.Add(diag.SkippedObject, at, "the NetworkPolicy %s is not judged: %s", d.out.ID(), fmt.Sprintf(format, args...))
}

// fields calls f with the fields of a mapping that have a value. It returns false for one that is not known.
func (d *decoder) fields(n *yaml.Node, what string, f func(key string, value *yaml.Node) bool) {
	if yamldoc.Null(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.broken(n, "%s is not a mapping", what)
		return
	}
	before := len(d.pairs)
	pairs, repeats := yamldoc.PairsInto(d.pairs[before:], n)
	d.pairs = append(d.pairs, pairs...)
	if len(repeats) > 0 {
		d.broken(repeats[0].Again, "%s is given twice", repeats[0].Again.Value)
	}
	for _, p := range pairs {
		if !f(p.Key.Value, p.Value) && !yamldoc.Null(p.Value) {
			d.broken(p.Key, "the field %s of %s is not known here", p.Key.Value, what)
		}
	}
	d.pairs = d.pairs[:before]
}

// list returns the items of a list.
func (d *decoder) list(n *yaml.Node) []*yaml.Node {
	if yamldoc.Null(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.broken(n, "not a list")
		return nil
	}
	return yamldoc.Items(n)
}

// word returns a string.
func (d *decoder) word(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		d.broken(n, "not a string")
		return ""
	}
	return n.Value
}

func (d *decoder) selector(n *yaml.Node) (all network.Selector) {
	d.fields(n, "a selector", func(key string, v *yaml.Node) bool {
		switch key {
		case "matchLabels":
			d.fields(v, "matchLabels", func(key string, v *yaml.Node) bool {
				all = append(all, network.Requirement{Key: key, Operator: network.In, Values: []string{d.word(v)}})
				return true
			})
		case "matchExpressions":
			for _, item := range d.list(v) {
				all = append(all, d.requirement(item))
			}
		default:
			return false
		}
		return true
	})
	return all
}

var operators = map[string]network.Operator{"In": network.In, "NotIn": network.NotIn, "Exists": network.Exists, "DoesNotExist": network.Absent}

func (d *decoder) requirement(n *yaml.Node) (r network.Requirement) {
	operator, known := "", false
	d.fields(n, "an expression", func(key string, v *yaml.Node) bool {
		switch key {
		case "key":
			r.Key = d.word(v)
		case "operator":
			operator = d.word(v)
			r.Operator, known = operators[operator]
		case "values":
			for _, item := range d.list(v) {
				r.Values = append(r.Values, d.word(item))
			}
		default:
			return false
		}
		return true
	})
	listed := r.Operator == network.In || r.Operator == network.NotIn
	if !known || r.Key == "" || listed != (len(r.Values) > 0) {
		d.broken(n, "an expression has a key, an operator and, for In and NotIn, values")
	}
	slices.Sort(r.Values)
	return r
}

func (d *decoder) rule(n *yaml.Node, side string) network.Rule {
	r := network.Rule{At: d.doc.Span(n)}
	d.fields(n, "a rule", func(key string, v *yaml.Node) bool {
		switch key {
		case side:
			items := d.list(v)
			r.Peers = make([]network.Peer, len(items))
			for i := range items {
				r.Peers[i] = d.peer(items[i])
			}
		case "ports":
			items := d.list(v)
			r.Ports = make([]network.Ports, len(items))
			for i := range items {
				r.Ports[i] = d.ports(items[i])
			}
		default:
			return false
		}
		return true
	})
	return r
}

func (d *decoder) peer(n *yaml.Node) (p network.Peer) {
	p.Namespace = d.out.Namespace
	pods, block := false, false
	d.fields(n, "a peer", func(key string, v *yaml.Node) bool {
		switch key {
		case "podSelector":
			p.Pods, pods = d.selector(v), true
		case "namespaceSelector":
			p.Namespaces, p.Namespace, pods = d.selector(v), "", true
			if len(p.Namespaces) == 1 && p.Namespaces[0].Key == network.NamespaceLabel && p.Namespaces[0].Operator == network.In && len(p.Namespaces[0].Values) == 1 {
				p.Namespace, p.Namespaces = p.Namespaces[0].Values[0], nil
			}
		case "ipBlock":
			block = true
			d.block(v, &p)
		default:
			return false
		}
		return true
	})
	if pods == block {
		d.broken(n, "a peer is pods, namespaces, or else a block of addresses")
	}
	return p
}

func (d *decoder) block(n *yaml.Node, p *network.Peer) {
	prefix := func(n *yaml.Node) netip.Prefix {
		b, err := netip.ParsePrefix(d.word(n))
		if err != nil || b != b.Masked() {
			d.broken(n, "not a block of addresses, such as 10.0.0.0/8")
		}
		return b
	}
	d.fields(n, "ipBlock", func(key string, v *yaml.Node) bool {
		switch key {
		case "cidr":
			p.Block = prefix(v)
		case "except":
			for _, item := range d.list(v) {
				p.Except = append(p.Except, prefix(item))
			}
		default:
			return false
		}
		return true
	})
	for _, e := range p.Except {
		if !p.Block.Overlaps(e) || e.Bits() <= p.Block.Bits() {
			d.broken(n, "what an ipBlock excepts is within its cidr")
		}
	}
	if !p.Block.IsValid() {
		d.broken(n, "an ipBlock has a cidr")
	}
}

func (d *decoder) ports(n *yaml.Node) network.Ports {
	p := network.Ports{Protocol: network.TCP, First: 1, Last: math.MaxUint16}
	var first, last *yaml.Node
	d.fields(n, "a port", func(key string, v *yaml.Node) bool {
		switch key {
		case "protocol":
			if p.Protocol = network.Protocol(d.word(v)); !slices.Contains([]network.Protocol{network.TCP, network.UDP, network.SCTP}, p.Protocol) {
				d.broken(v, "a protocol is TCP, UDP or SCTP")
			}
		case "port":
			first = v
		case "endPort":
			last = v
		default:
			return false
		}
		return true
	})
	number := func(n *yaml.Node) uint16 {
		v, err := strconv.ParseUint(n.Value, 0, 16)
		if err != nil || v == 0 || n.ShortTag() != "!!int" {
			d.broken(n, "a port is a number from 1 to 65535")
		}
		return uint16(v)
	}
	switch {
	case yamldoc.Null(first):
	case first.Kind == yaml.ScalarNode && first.ShortTag() == "!!str":
		p.Name = first.Value
	default:
		p.First = number(first)
		p.Last = p.First
	}
	if !yamldoc.Null(last) {
		if p.Last = number(last); yamldoc.Null(first) || p.Name != "" || p.Last < p.First {
			d.broken(last, "an endPort is not below the number of its port")
		}
	}
	return p
}

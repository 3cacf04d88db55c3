package network

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// NamespaceLabel is the label with its name that every namespace has.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
const NamespaceLabel = "kubernetes.io/metadata.name"

// Direction is that of connections, as pods see them.
type Direction uint8

const (
	Ingress Direction = iota
	Egress
)

func (d Direction) String() string { return [...]string{"ingress", "egress"}[d] }

// Protocol is that of connections.
type Protocol string

const (
	TCP  Protocol = "TCP"
	UDP  Protocol = "UDP"
	SCTP Protocol = "SCTP"
)

// Port is one end of connections.
type Port struct {
	Protocol Protocol
	Number   uint16
}

// Policy is an object that isolates pods and lets connections through to them, or from them.
type Policy struct {
	Kind, Namespace, Name string
	At                    source.Span

	Selector Selector  // of the pods of its namespace
	Isolates [2]bool   // by direction
	Rules    [2][]Rule // by direction
	Broken   bool      // a cluster would refuse it, or it has something in it that is unknown here: it may stand for anything
}

// ID is NAMESPACE/NAME.
func (p *Policy) ID() string { return p.Namespace + "/" + p.Name }

// Rule lets connections through: with one of its peers, to one of its ports.
type Rule struct {
	Peers []Peer  // empty: everyone
	Ports []Ports // empty: every port
	At    source.Span
}

// Peer is who is at the other end: pods, or addresses.
type Peer struct {
	Namespace  string // the only one; empty: those that Namespaces takes
	Namespaces Selector
	Pods       Selector

	Block  netip.Prefix // valid for addresses, which are not of pods
	Except []netip.Prefix

	Host string // for what names of hosts lead to: a pattern

	Vague bool // it asks for more, which is not known here
}

// Ports is a range of ports of a protocol.
type Ports struct {
	Protocol    Protocol
	First, Last uint16
	Name        string // of a container port, of which the number is not known
}

// Layer is the policies of a set of manifests.
type Layer struct {
	Policies   []*Policy                    // sorted by namespace and name
	Namespaces map[string]map[string]string // the labels of those that the manifests have
	Isolates   [2]bool                      // by direction: whether any policy does, or may

	index map[scope][]*Policy
}

// scope is the key by which a policy is found: its namespace, and a label that all pods have which it selects.
type scope struct{ namespace, key, value string }

// NewLayer makes a layer of policies, and sorts them.
func NewLayer(policies []*Policy, namespaces map[string]map[string]string) *Layer {
	if !slices.IsSortedFunc(policies, byName) {
		slices.SortStableFunc(policies, byName)
	}
	l := &Layer{Policies: policies, Namespaces: namespaces, index: make(map[scope][]*Policy, len(policies))}
	for _, p := range policies {
		for d := range l.Isolates {
			l.Isolates[d] = l.Isolates[d] || p.Isolates[d] || p.Broken
		}
		s := scope{namespace: p.Namespace}
		for _, r := range p.Selector {
			if r.Operator == In && len(r.Values) == 1 {
				s.key, s.value = r.Key, r.Values[0]
				break
			}
		}
		l.index[s] = append(l.index[s], p)
	}
	return l
}

func byName(a, b *Policy) int {
	if a.Namespace != b.Namespace {
		return cmp.Compare(a.Namespace, b.Namespace)
	}
	return cmp.Compare(a.Name, b.Name)
}

// Join is several layers in force together. The labels of a namespace are those of the last one that has it.
func Join(layers ...*Layer) *Layer {
	says := func(l *Layer) bool { return len(l.Policies)+len(l.Namespaces) > 0 }
	if i := slices.IndexFunc(layers, says); i >= 0 && !slices.ContainsFunc(layers[i+1:], says) {
		return layers[i]
	}
	var policies []*Policy
	namespaces := map[string]map[string]string{}
	for _, l := range layers {
		policies = append(policies, l.Policies...)
		maps.Copy(namespaces, l.Namespaces)
	}
	return NewLayer(policies, namespaces)
}

// namespace is the labels of a namespace. A cluster may have given it more than its manifest does.
func (l *Layer) namespace(name string) Labels {
	all := maps.Clone(l.Namespaces[name])
	if all == nil {
		all = map[string]string{}
	}
	all[NamespaceLabel] = name
	return Labels{all, true}
}

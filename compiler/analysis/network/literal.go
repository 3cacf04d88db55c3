package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// literal compares what is granted to pods with what policies say, word for word: as two lists of who is at the other
// end of which ports. Equal lists let through the same. One comparison after another uses its memory.
type literal struct {
	want, got []permit
	peers     []permit       // of one rule, with every port
	labels    []policy.Label // of got
}

// permit is callers and ports: pods of a namespace, those with labels there, a block of addresses, or what the name of
// a host leads to.
type permit struct {
	kind   Kind
	name   string // of a namespace or a host
	labels []policy.Label
	block  netip.Prefix
	ports  Ports // zero: every port of every protocol
}

// fewPorts are permits of their own: what writes a policy may have ranges, or each port.
const fewPorts = 16

// equal reports whether the policies of pods let through what is granted and nothing else, or everything to pods that
// are not to be isolated, because they say the same word for word. Where it does not, nothing is known.
func (l *literal) equal(p *Point, d Direction, isolated bool, grants []Grant) bool {
	l.want, l.got, l.labels = l.want[:0], l.got[:0], l.labels[:0]
	isolates := false
	for _, b := range p.Bound {
		switch {
		case b.Broken:
			return false
		case !b.Isolates[d]:
			continue
		case b.Binds != space.Yes:
			return false
		}
		isolates = true
		for i := range b.Rules[d] {
			if !l.say(&b.Rules[d][i]) {
				return false
			}
		}
	}
	if !isolated || !isolates {
		return isolated == isolates
	}
	for i := range grants {
		if !l.mean(&grants[i]) {
			return false
		}
	}
	return slices.EqualFunc(distinct(l.want), distinct(l.got), permit.is)
}

// mean lists what a grant means. It fails where policies may say that in another way.
func (l *literal) mean(g *Grant) bool {
	p := permit{kind: g.Kind}
	switch g.Kind {
	case OfEveryone, OfPods:
	case OfNamespace:
		p.name = g.Namespace
	case OfWorkload:
		s := g.Service
		if len(s.Pods) > 0 {
			if pods := PodsOf(s); pods.match(selectorOf(s)) != space.Yes {
				return false
			}
		}
		p.name, p.labels = s.Namespace, s.Labels
	case OfHost:
		if p.name = g.Host; strings.HasPrefix(g.Host, "*.") {
			p.name = "*" + g.Host
		}
	case OfAddresses:
		for _, b := range g.Blocks {
			p.block = b.Masked()
			l.meanAt(p, g)
		}
		return true
	}
	l.meanAt(p, g)
	return true
}

func (l *literal) meanAt(p permit, g *Grant) {
	if g.Ports.All() {
		l.want = append(l.want, p)
		return
	}
	for _, r := range g.Ports {
		l.want = p.at(l.want, Ports{Protocol: TCP, First: r[0], Last: r[1]})
	}
	for _, r := range g.UDP {
		l.want = p.at(l.want, Ports{Protocol: UDP, First: r[0], Last: r[1]})
	}
}

// say lists what a rule says. It fails where that looks at anything else.
func (l *literal) say(r *Rule) bool {
	l.peers = l.peers[:0]
	if len(r.Peers) == 0 {
		l.peers = append(l.peers, permit{kind: OfEveryone})
	}
	for i := range r.Peers {
		if !l.sayOf(&r.Peers[i]) {
			return false
		}
	}
	if len(r.Ports) == 0 {
		l.got = append(l.got, l.peers...)
	}
	for _, ports := range r.Ports {
		if ports.Name != "" || ports.Protocol == "" {
			return false
		}
		for _, p := range l.peers {
			l.got = p.at(l.got, ports)
		}
	}
	return true
}

func (l *literal) sayOf(p *Peer) bool {
	one := permit{kind: OfNamespace, name: p.Namespace}
	switch {
	case p.Vague || len(p.Namespaces)+len(p.Except) > 0:
		return false
	case p.Host != "":
		one = permit{kind: OfHost, name: p.Host}
	case p.Block.IsValid():
		one = permit{kind: OfAddresses, block: p.Block.Masked()}
	case p.Namespace == "":
		one.kind = OfPods
		if len(p.Pods) > 0 {
			return false
		}
	case len(p.Pods) > 0:
		one.kind = OfWorkload
		return l.sayOfPods(one, p.Pods)
	}
	l.peers = append(l.peers, one)
	return true
}

// sayOfPods adds pods with labels of one value each. A label of several values is as many kinds of pods.
func (l *literal) sayOfPods(p permit, s Selector) bool {
	for i := range s {
		if s[i].Operator != In || len(s[i].Values) != 1 && len(s) > 1 {
			return false
		}
	}
	for _, value := range s[0].Values {
		first := len(l.labels)
		l.labels = append(l.labels, policy.Label{Key: s[0].Key, Value: value})
		for i := range s[1:] {
			l.labels = append(l.labels, policy.Label{Key: s[1+i].Key, Value: s[1+i].Values[0]})
		}
		p.labels = l.labels[first:]
		l.peers = append(l.peers, p)
	}
	return true
}

// at appends the permit for a range of ports.
func (p permit) at(all []permit, ports Ports) []permit {
	p.ports = ports
	if ports.Last-ports.First >= fewPorts {
		return append(all, p)
	}
	for n := int(ports.First); n <= int(ports.Last); n++ {
		p.ports.First, p.ports.Last = uint16(n), uint16(n)
		all = append(all, p)
	}
	return all
}

// distinct sorts permits, and keeps one of each: that for everyone, where there is one for the same ports.
func distinct(all []permit) []permit {
	slices.SortFunc(all, permit.compare)
	kept := all[:0]
	for _, p := range all {
		if n := len(kept) - 1; n < 0 || p.ports != kept[n].ports || kept[n].kind != OfEveryone && !p.is(kept[n]) {
			kept = append(kept, p)
		}
	}
	return kept
}

func (p permit) is(q permit) bool { return p.compare(q) == 0 }

// compare orders permits by their ports, those for everyone first.
func (p permit) compare(q permit) int {
	switch {
	case p.ports != q.ports:
		return cmp.Or(cmp.Compare(p.ports.First, q.ports.First), cmp.Compare(p.ports.Last, q.ports.Last), cmp.Compare(p.ports.Protocol, q.ports.Protocol))
	case p.kind != q.kind:
		return cmp.Compare(q.kind, p.kind)
	case p.name != q.name:
		return cmp.Compare(p.name, q.name)
	case p.block != q.block:
		return p.block.Compare(q.block)
	}
	return slices.CompareFunc(p.labels, q.labels, func(a, b policy.Label) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
	})
}

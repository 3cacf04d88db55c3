package network

import (
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Caller is who opens connections, or where they lead.
type Caller struct {
	Kind      Kind
	Pods      Pods           // OfWorkload
	Namespace string         // OfNamespace
	Blocks    []netip.Prefix // OfAddresses
	Host      string         // OfHost

	// Apart is set if the pods have addresses that no rule names: then only their labels count.
	Apart bool
}

// Kind is the kind of a Caller.
type Kind uint8

const (
	OfWorkload  Kind = iota // the pods of a workload
	OfNamespace             // all pods of a namespace
	OfPods                  // all pods
	OfAddresses             // addresses that no pod has
	OfHost                  // what a name outside the cluster leads to
	OfEveryone              // pods and addresses
)

// match reports whether a peer takes a caller: all that it stands for, some, or nothing.
func (l *Layer) match(p *Peer, c *Caller) space.Match {
	if p.Vague {
		return min(l.matchKnown(p, c), space.Maybe)
	}
	return l.matchKnown(p, c)
}

// matchKnown is match for what is known of a peer.
func (l *Layer) matchKnown(p *Peer, c *Caller) space.Match {
	if p.Host != "" {
		switch {
		case c.Kind == OfEveryone:
			return space.Maybe
		case c.Kind == OfHost && matchHost(p.Host, c.Host):
			return space.Yes
		}
		return space.No
	}
	if p.Block.IsValid() {
		return p.takes(c)
	}
	switch c.Kind {
	case OfWorkload:
		of := l.of(p, c.Pods.Namespace)
		if of == space.No {
			return space.No
		}
		return min(of, c.Pods.match(p.Pods))
	case OfNamespace:
		of := l.of(p, c.Namespace)
		if of == space.Yes && len(p.Pods) > 0 {
			return space.Maybe
		}
		return of
	case OfPods:
		if p.Namespace == "" && len(p.Namespaces)+len(p.Pods) == 0 {
			return space.Yes
		}
		return space.Maybe
	case OfAddresses, OfHost:
		return space.No
	}
	return space.Maybe
}

// takes reports whether the addresses of a peer take a caller.
func (p *Peer) takes(c *Caller) space.Match {
	switch {
	case c.Kind == OfHost && p.Block.Bits() == 0 && len(p.Except) == 0:
		return space.Yes
	case c.Kind == OfAddresses:
		return p.covers(c.Blocks)
	case c.Kind != OfEveryone && c.Apart:
		return space.No
	}
	return space.Maybe // what a name leads to may have any address, and it depends on the network whether addresses take pods
}

// of reports whether a peer takes pods of a namespace.
func (l *Layer) of(p *Peer, namespace string) space.Match {
	switch {
	case p.Namespace != "" && p.Namespace == namespace:
		return space.Yes
	case p.Namespace != "":
		return space.No
	case len(p.Namespaces) == 0:
		return space.Yes
	}
	return p.Namespaces.Match(l.namespace(namespace))
}

// covers reports whether the addresses of a peer include some blocks.
func (p *Peer) covers(blocks []netip.Prefix) space.Match {
	within := func(b netip.Prefix) space.Match {
		meets := func(e netip.Prefix) bool { return e.Overlaps(b) }
		includes := func(e netip.Prefix) bool { return e.Overlaps(b) && e.Bits() <= b.Bits() }
		switch {
		case !p.Block.Overlaps(b), slices.ContainsFunc(p.Except, includes):
			return space.No
		case p.Block.Bits() > b.Bits(), slices.ContainsFunc(p.Except, meets):
			return space.Maybe
		}
		return space.Yes
	}
	if len(blocks) == 0 {
		return space.Maybe
	}
	least, most := space.Yes, space.No
	for _, b := range blocks {
		m := within(b)
		least, most = min(least, m), max(most, m)
	}
	return between(least, most)
}

package networkpolicy

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/meshc/meshc/compiler/policy"
)

// peer is one side of a rule: exactly one of its kinds.
type peer struct {
	everyone  bool
	pods      bool // those of every namespace
	namespace string
	labels    []policy.Label // of pods in namespace; empty: all pods there
	block     netip.Prefix
}

func (p peer) compare(q peer) int {
	switch {
	case p.kind() != q.kind():
		return cmp.Compare(p.kind(), q.kind())
	case p.namespace != q.namespace:
		return cmp.Compare(p.namespace, q.namespace)
	case p.block != q.block:
		return p.block.Compare(q.block)
	}
	return slices.CompareFunc(p.labels, q.labels, func(a, b policy.Label) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
	})
}

func (p *peer) kind() int {
	switch {
	case p.everyone:
		return 0
	case p.pods:
		return 1
	case p.namespace != "":
		return 2
	}
	return 3
}

var everyone = []peer{{everyone: true}}

// callers is the pods and addresses that a source of an edge comes to, with findings where these are more.
func (e *emission) callers(s *policy.Service, r *policy.Rule, from policy.Source) []peer {
	const elsewhere = "the network does not see callers of another mesh apart, so it lets everyone through"
	switch f := from.Service; {
	case from.Kind == policy.FromAny && len(e.Elsewhere) > 0, from.Kind == policy.FromMesh && e.Elsewhere[from.Mesh] != "":
		e.wider(s, r, from, elsewhere, "")
	case from.Kind != policy.FromService:
	case e.Elsewhere[f.Namespace] != "":
		e.wider(s, r, from, elsewhere, "")
	case f.HostNetwork && len(f.Addresses) == 0:
		e.wider(s, r, from, "its pods have the addresses of their nodes, so the network lets everyone through", "run it without hostNetwork")
	case f.Guessed && f.Proxied():
		e.unknown[f] = true
	case selectable(f):
		e.alike(f)
	}
	return e.peers(from)
}

// peers is the pods and addresses that a source stands for.
func (e *emission) peers(of policy.Source) []peer {
	switch of.Kind {
	case policy.FromWorld:
		return everyone
	case policy.FromAny:
		if len(e.Elsewhere) > 0 {
			return everyone
		}
		return []peer{{pods: true}}
	case policy.FromMesh:
		if e.Elsewhere[of.Mesh] != "" {
			return everyone
		}
		return []peer{{namespace: of.Mesh}}
	}
	s := of.Service
	var all []peer
	for _, block := range s.Addresses {
		all = append(all, peer{block: block.Masked()})
	}
	switch {
	case e.Elsewhere[s.Namespace] != "" || s.HostNetwork && len(all) == 0:
		return everyone
	case selectable(s):
		return append(all, peer{namespace: s.Namespace, labels: s.Labels})
	case s.Unnamed || len(all) == 0:
		return append(all, peer{namespace: s.Namespace})
	}
	return all
}

// selectable reports whether labels find the pods of a service.
func selectable(s *policy.Service) bool {
	return len(s.Labels) > 0 && !s.Guessed && !s.HostNetwork && (s.Proxied() || len(s.Pods) > 0)
}

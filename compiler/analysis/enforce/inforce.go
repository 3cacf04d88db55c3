package enforce

import (
	"maps"
	"slices"
)

// inForce is the Destinations of a set of manifests as an istiod of one revision keeps them. It follows
// setDestinationRules and destinationRule in istio.io/istio/pilot/pkg/model/push_context.go, mergeDestinationRule in
// destination_rule.go, and DestinationRule in sidecar.go.
type inForce struct {
	local    map[string]hosts // by the namespace of the rules: for callers there
	exported map[string]hosts // for callers of any namespace
	root     hosts            // of the root namespace, for callers there only
}

// hosts is the rules of each host: of whole names, and of the ends of names.
type hosts struct{ whole, ends map[string][]*merged }

// merged is the rules that count as one.
type merged struct {
	*Destination                // the first of them
	counts       []*Destination // the one whose traffic policy counts; several where their age is not known
}

// destinationsInForce returns one for each istiod that may serve the mesh: without a revision it reads every rule, else
// those of its own and those without one.
func destinationsInForce(all []*Destination, root string) []*inForce {
	revisions := map[string]bool{}
	for _, d := range all {
		if d.Revision != "" {
			revisions[d.Revision] = true
		}
	}
	possible := []*inForce{newInForce(all, root)}
	if len(revisions) == 0 {
		return possible
	}
	names := slices.Sorted(maps.Keys(revisions))
	if len(names) == 1 {
		names[0] = "" // the istiod of the only revision reads all of them
	} else {
		names = append(names, "")
	}
	for _, revision := range names {
		read := slices.DeleteFunc(slices.Clone(all), func(d *Destination) bool { return d.Revision != "" && d.Revision != revision })
		possible = append(possible, newInForce(read, root))
	}
	return possible
}

// newInForce takes rules that are sorted by namespace and age.
func newInForce(all []*Destination, root string) *inForce {
	f := &inForce{local: map[string]hosts{}, exported: map[string]hosts{}, root: newHosts()}
	for _, selective := range [...]bool{true, false} {
		for _, d := range all {
			if d.Selective != selective {
				continue
			}
			to := d.to()
			if len(to) == 0 || slices.ContainsFunc(to, func(n string) bool { return n == "*" || n == "." || n == d.Namespace }) {
				in(f.local, d.Namespace).add(d)
			}
			switch private := len(to) == 1 && (to[0] == "." || to[0] == d.Namespace); {
			case !private:
				in(f.exported, d.Namespace).add(d)
			case d.Namespace == root:
				f.root.add(d)
			}
		}
	}
	return f
}

func in(all map[string]hosts, namespace string) hosts {
	h, ok := all[namespace]
	if !ok {
		h = newHosts()
		all[namespace] = h
	}
	return h
}

func newHosts() hosts { return hosts{map[string][]*merged{}, map[string][]*merged{}} }

// to is the namespaces that see a rule.
func (d *Destination) to() []string {
	if d.Selective {
		return []string{"."}
	}
	return d.ExportTo
}

// add adds a rule that is younger than the others, and merges it with those that it can be merged with.
func (h hosts) add(d *Destination) {
	of, host := h.whole, d.Host
	if end, wild := wildcard(host); wild {
		of, host = h.ends, end
	}
	apart := true
	for _, m := range of[host] {
		apart = !slices.Equal(d.to(), m.to())
		if apart && (len(m.to()) == 0 || slices.ContainsFunc(m.to(), func(n string) bool { return !slices.Contains(d.to(), n) })) {
			continue
		}
		if d.Selective && m.Selective && !slices.Equal(d.Selector, m.Selector) {
			apart = true
			continue
		}
		if d.Selective == m.Selective {
			apart = false
		}
		m.merge(d)
	}
	if apart {
		m := &merged{Destination: d}
		m.counts = []*Destination{m.fetching(d)}
		of[host] = append(of[host], m)
	}
}

func (m *merged) merge(d *Destination) {
	switch {
	case !d.HasPolicy:
	case !m.counts[0].HasPolicy:
		m.counts = []*Destination{m.fetching(d)}
	case d.Created.IsZero() && m.counts[0].Created.IsZero():
		m.counts = append(m.counts, m.fetching(d))
	}
}

// fetching is a rule as it is within others that it is merged with: sidecars fetch its certificate where the first of
// these has a selector (isDrWithSelector in pilot/pkg/networking/core of istio/istio).
func (m *merged) fetching(d *Destination) *Destination {
	if !m.Selective {
		return d
	}
	whole := *d
	whole.Dials.Secret, whole.PortTLS = false, slices.Clone(d.PortTLS)
	for i := range whole.PortTLS {
		whole.PortTLS[i].Secret = false
	}
	return &whole
}

// of is the rules of the closest host.
func (h hosts) of(host string) []*merged {
	if list := h.whole[host]; list != nil {
		return list
	}
	for i := range len(host) + 1 {
		if list := h.ends[host[i:]]; list != nil {
			return list
		}
	}
	return nil
}

// DestinationsOf is the rule that a caller obeys when it calls a Kubernetes Service, nil for none. It is several where
// it depends on what is not known: which istiod serves the mesh, the age of the rules, or the labels of the caller,
// which are not known where they are nil. An empty namespace stands for callers from anywhere.
func (m *Layer) DestinationsOf(caller Workload, name, namespace string) []*Destination {
	if len(m.Destinations) == 0 {
		return []*Destination{nil}
	}
	host := name + "." + namespace + ".svc.cluster.local"
	var all []*Destination
	for _, f := range m.inForce {
		all = append(all, chosen(f.rules(caller.Namespace, host, namespace, m.Mesh.RootNamespace), caller)...)
	}
	return all
}

// rules is the rules from which a caller chooses: those of its own namespace, else of that of the Service, else of the
// root.
func (f *inForce) rules(caller, host, namespace, root string) []*merged {
	own := f.local[caller]
	if caller == root {
		own = f.root
	}
	if list := own.of(host); list != nil {
		return list
	}
	for _, where := range [...]string{namespace, root} {
		var seen []*merged
		for _, m := range f.exported[where].of(host) {
			if to := m.to(); len(to) == 0 || slices.Contains(to, "*") || caller != "" && slices.Contains(to, caller) {
				seen = append(seen, m)
			}
		}
		if seen != nil {
			return seen
		}
	}
	return nil
}

func chosen(rules []*merged, caller Workload) (all []*Destination) {
	var rest []*Destination
	for _, m := range rules {
		switch selects, surely := m.selects(caller); {
		case !m.Selective:
			rest = m.counts
		case surely:
			return append(all, m.counts...)
		case selects:
			all = append(all, m.counts...)
		}
	}
	if rest == nil {
		rest = []*Destination{nil}
	}
	return append(all, rest...)
}

// selects reports whether a rule may be, and whether it surely is, about the callers with some labels.
func (d *Destination) selects(caller Workload) (selects, surely bool) {
	if d.Namespace != caller.Namespace {
		return false, false
	}
	surely = true
	for _, l := range d.Selector {
		switch value, ok := caller.Labels[l.Key]; {
		case !ok:
			surely = false
		case value != l.Value:
			return false, false
		}
	}
	return true, surely
}

package check

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// join gives each declared service the workloads that its selector takes, and declares the services that
// only the manifests know. Afterwards Meshes is complete and sorted.
func (c *checker) join() {
	for _, n := range c.inv.Namespaces {
		if n.Ambient {
			c.ambients[n.Name] = n
		}
	}
	byNamespace := map[string][]*inventory.Workload{}
	for _, w := range c.inv.Workloads {
		byNamespace[w.Namespace] = append(byNamespace[w.Namespace], w)
	}
	for _, a := range c.inv.Accounts {
		m := c.mesh(a.Namespace)
		m.manifest = true
		if m.accounts == nil {
			m.accounts = map[string]source.Span{}
		}
		m.accounts[a.Name] = a.At
	}
	for namespace := range byNamespace {
		c.mesh(namespace).manifest = true
	}
	c.Meshes = slices.SortedFunc(maps.Values(c.meshes), func(a, b *Mesh) int { return cmp.Compare(a.Name, b.Name) })
	for _, m := range c.Meshes {
		slices.Sort(m.Files)
		m.Files = slices.Compact(m.Files)
		c.joinMesh(m, byNamespace[m.Name])
	}
}

func (c *checker) joinMesh(m *Mesh, workloads []*inventory.Workload) {
	taken := make(map[*inventory.Workload]bool, len(workloads))
	for _, labelled := range []bool{true, false} {
		for _, s := range m.services {
			if labelled == (len(s.Labels) == 0) {
				continue
			}
			for _, w := range workloads {
				if s.takes(w) && (labelled || !taken[w]) {
					s.workloads = append(s.workloads, w)
					taken[w] = true
				}
			}
		}
	}
	for _, s := range m.services {
		if len(s.workloads) > 0 {
			c.hold(s)
		} else if i := slices.IndexFunc(workloads, func(w *inventory.Workload) bool { return w.Service == s.Name && !taken[w] }); i >= 0 {
			c.missed(s, workloads[i])
			taken[workloads[i]] = true
		}
		c.complete(s)
	}
	for _, w := range workloads {
		if taken[w] {
			continue
		}
		symbolOf := m.names[w.Service]
		if symbolOf != nil && symbolOf.service == nil {
			c.list.Add(diag.DuplicateDeclaration, symbolOf.at, "%s is also a workload of mesh %s", quoted(w.Service), m.Name).
				WithRelated(w.At, "%s %s", w.Kind, w.Object).
				WithHelp("give the group or external another name")
			continue
		}
		if symbolOf == nil {
			s := &Service{mesh: m, Service: &policy.Service{Namespace: m.Name, Name: w.Service, At: w.At}}
			symbolOf = &symbol{service: s, at: w.At}
			m.names[w.Service] = symbolOf
			m.services = append(m.services, s)
		}
		symbolOf.service.workloads = append(symbolOf.service.workloads, w)
	}
	for _, s := range m.services {
		if s.decl == nil {
			c.hold(s)
			c.complete(s)
		}
	}
	slices.SortFunc(m.services, func(a, b *Service) int { return cmp.Compare(a.Name, b.Name) })
}

// takes tells whether a workload belongs to a declared service: by its labels where it states any, else by
// name, and then only what no stated labels take.
func (s *Service) takes(w *inventory.Workload) bool {
	if len(s.Labels) == 0 {
		return w.Service == s.Name
	}
	return selects(s.Labels, w.Labels)
}

func selects(selector []policy.Label, pod map[string]string) bool {
	for _, l := range selector {
		if v, ok := pod[l.Key]; !ok || v != l.Value {
			return false
		}
	}
	return true
}

// missed reports a declared service whose selector takes none of the pods that bear its name.
func (c *checker) missed(s *Service, w *inventory.Workload) {
	s.mismatch = true // that no workload runs as its account would only follow from this
	label := s.decl.Labels[0]
	d := c.list.Add(diag.SelectorMismatch, label.Key.Range.To(label.Value.Range), "no pod of %s carries these labels", s.Name).
		WithRelated(w.LabelsAt, "the pods of %s %s", w.Kind, w.Object)
	for _, l := range s.Labels {
		if v, ok := w.Labels[l.Key]; ok && v != l.Value {
			d.WithNote("its pods have %s=%s", l.Key, v)
		} else if !ok {
			d.WithNote("its pods have no label %s", l.Key)
		}
	}
	d.WithHelp("a policy for %s would bind nothing: write the labels that its pods have, or none where `app=%s` is one of them", s.Name, s.Name)
}

// hold compares a service with its workloads and takes over what only they say.
func (c *checker) hold(s *Service) {
	if len(s.workloads) == 0 {
		return
	}
	bare := 0
	for _, w := range s.workloads {
		if w.NoProxy != "" {
			bare++
		}
	}
	if bare == len(s.workloads) {
		s.Dataplane = policy.NoProxy
	}
	s.partly = s.Proxied() && bare > 0
	if s.declaredOutside() {
		c.holdOutside(s)
	} else {
		c.holdAccount(s)
	}
	c.holdDeclaredPorts(s)
	for _, w := range s.workloads {
		for _, p := range w.Ports {
			if !p.UDP {
				c.holdPort(s, p)
			}
		}
		s.Hosts = append(s.Hosts, w.Hosts...)
	}
	sortPorts(s.Ports)
	slices.Sort(s.Hosts)
	s.Hosts = slices.Compact(s.Hosts)
	if len(s.Labels) == 0 {
		s.Labels = selectorOf(s.Name, s.workloads)
	}
}

// holdOutside reports a service that is declared outside the mesh, and has a proxy: its calls bear an identity, which
// rules for its addresses do not match, and its own proxy would enforce no rule.
func (c *checker) holdOutside(s *Service) {
	for _, w := range s.workloads {
		if w.Proxy != "" {
			c.list.Add(diag.ProxiedOutside, s.decl.Outside.Range, "%s is not outside the mesh: %s", s.Name, w.Proxy).
				WithRelated(place(w.ProxyAt, w.At), "the manifests say so here").
				WithHelp("delete `outside` and the addresses, or take its proxy away: label its pods `sidecar.istio.io/inject: \"false\"`")
			return
		}
	}
}

func (c *checker) holdAccount(s *Service) {
	first := s.workloads[0]
	if s.Account == "" {
		s.Account, s.accountAt = first.Account, first.AccountAt
	}
	for _, w := range s.workloads {
		if w.Account == s.Account {
			continue
		}
		s.mismatch = true
		if s.decl != nil && len(s.decl.Accounts) > 0 {
			d := c.list.Add(diag.AccountMismatch, s.accountAt, "%s runs as %s, not as %s", s.Name, quoted(w.Account), quoted(s.Account)).
				WithRelated(w.AccountAt, "%s %s says so here", w.Kind, w.Object).
				WithNote("Istio takes a pod's identity from its serviceAccountName: with another account here, every call of %s would be denied", s.Name)
			if len(s.workloads) == 1 {
				d.WithHelp("write `account %s`, or set serviceAccountName: %s in the manifest", w.Account, s.Account).
					WithFix(false, s.accountAt, w.Account, "write account "+w.Account)
			} else {
				d.WithHelp("give all workloads of %s the one account, or make services of them", s.Name)
			}
			return
		}
		c.list.Add(diag.AccountMismatch, w.AccountAt, "the workloads of %s run under two accounts, %s and %s", s.Name, quoted(s.Account), quoted(w.Account)).
			WithRelated(first.AccountAt, "%s %s", first.Kind, first.Object).
			WithHelp("identity is the account: give them the same serviceAccountName, or declare a service with a label for each")
		return
	}
}

// holdDeclaredPorts reports the declared ports on which no pod listens: rules for them would bind nothing.
func (c *checker) holdDeclaredPorts(s *Service) {
	if s.decl == nil {
		return
	}
	for _, d := range s.decl.Ports {
		i := slices.IndexFunc(s.Ports, func(p policy.Port) bool { return portText(p.Number) == d.Number.Text })
		if i < 0 {
			continue
		}
		number := s.Ports[i].Number
		p := s.behind(number)
		if p == nil {
			continue
		}
		f := c.servicePort(s, d.Number, number, p)
		if slices.ContainsFunc(s.Ports, func(q policy.Port) bool { return q.Number == p.Number }) {
			f.WithHelp("delete it: container port %d is declared already", p.Number)
		} else {
			f.WithHelp("declare the container port: `port %d`", p.Number).
				WithFix(true, d.Number.Range, portText(p.Number), "write the container port "+portText(p.Number))
		}
	}
}

func (c *checker) holdPort(s *Service, p inventory.Port) {
	i := slices.IndexFunc(s.Ports, func(q policy.Port) bool { return q.Number == p.Number })
	if i < 0 {
		s.Ports = append(s.Ports, policy.Port{Number: p.Number, Protocol: p.Protocol})
		return
	}
	declared := &s.Ports[i]
	switch {
	case declared.Protocol == policy.ProtocolUnset:
		declared.Protocol = p.Protocol
	case declared.Protocol.IsHTTP() && p.Protocol != policy.ProtocolUnset && !p.Protocol.IsHTTP():
		at := s.At
		for _, q := range s.decl.Ports {
			if q.Number.Text == portText(p.Number) {
				at = q.Number.Range.To(q.Protocol.Range)
			}
		}
		c.list.Add(diag.NotHTTP, at, "port %d of %s is %s to Istio, not %s", p.Number, s.Name, p.Protocol, declared.Protocol).
			WithRelated(p.At, "the protocol comes from here").
			WithNote("on such a port Istio skips an allow rule with HTTP operations, and widens a deny").
			WithHelp("set appProtocol: %s on the Service's port, or declare the port as %s", declared.Protocol, p.Protocol)
	}
}

// complete gives a service the selector that it has by default.
func (c *checker) complete(s *Service) {
	if len(s.Labels) == 0 && len(s.workloads) == 0 {
		s.Labels = []policy.Label{{Key: policy.NamingLabels[0], Value: s.Name}}
	}
}

// selectorOf is the labels that select the workloads of a service: the one that names it where all carry
// it, else all that they have in common.
func selectorOf(name string, workloads []*inventory.Workload) []policy.Label {
	for _, key := range policy.NamingLabels {
		l := []policy.Label{{Key: key, Value: name}}
		if !slices.ContainsFunc(workloads, func(w *inventory.Workload) bool { return !selects(l, w.Labels) }) {
			return l
		}
	}
	var shared []policy.Label
	for _, key := range slices.Sorted(maps.Keys(workloads[0].Labels)) {
		l := policy.Label{Key: key, Value: workloads[0].Labels[key]}
		if !slices.ContainsFunc(workloads, func(w *inventory.Workload) bool { return !selects([]policy.Label{l}, w.Labels) }) {
			shared = append(shared, l)
		}
	}
	return shared
}

package check

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// matchWorkloads gives each declared service the workloads that its labels select, and declares the services that only
// the manifests have. Afterwards c.meshes is complete and sorted.
func (c *checker) matchWorkloads() {
	for _, n := range c.inv.Namespaces {
		c.namespaces[n.Name] = n
	}
	byNamespace := map[string][]*inventory.Workload{}
	for _, w := range c.inv.Workloads {
		byNamespace[w.Namespace] = append(byNamespace[w.Namespace], w)
	}
	for _, a := range c.inv.Accounts {
		m := c.manifested(a.Namespace, a.NamespaceAt)
		if m.accounts == nil {
			m.accounts = map[string]source.Span{}
		}
		m.accounts[a.Name] = a.At
	}
	for namespace, workloads := range byNamespace {
		c.manifested(namespace, workloads[0].NamespaceAt)
	}
	c.meshes = slices.SortedFunc(maps.Values(c.byName), func(a, b *mesh) int { return cmp.Compare(a.Name, b.Name) })
	for _, m := range c.meshes {
		slices.Sort(m.Files)
		m.Files = slices.Compact(m.Files)
		c.matchMesh(m, byNamespace[m.Name])
	}
}

// manifested returns the mesh of a namespace that the manifests have, and where they name it if no section does.
func (c *checker) manifested(namespace string, at source.Span) *mesh {
	m := c.mesh(namespace)
	m.manifested = true
	if n := c.namespaces[namespace]; n != nil {
		at = n.At
	}
	m.object.At = either(m.object.At, at)
	return m
}

// matchMesh matches by labels first: what a stated label selects is not taken by name as well.
func (c *checker) matchMesh(m *mesh, workloads []*inventory.Workload) {
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
			c.compare(s)
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
		name := w.Service
		sym := m.names[name]
		if sym != nil && sym.service != nil && sym.service.decl != nil {
			name = w.Object // its labels make it another workload than the service of this name
			sym = m.names[name]
		}
		if sym != nil && (sym.service == nil || sym.service.decl != nil) {
			c.list.Add(diag.DuplicateDeclaration, sym.object.At, "%s is also a workload of mesh %s", quoted(name), m.Name).
				WithRelated(w.At, "%s %s", w.Kind, w.Object).
				WithHelp("give it another name, or the labels of these pods")
			continue
		}
		if sym == nil {
			s := &service{mesh: m, Service: &policy.Service{Namespace: m.Name, Name: name, At: w.At}}
			sym = &symbol{service: s, object: Object{ServiceName, m.Name, name, w.NameAt}}
			m.names[name] = sym
			m.services = append(m.services, s)
		}
		sym.service.workloads = append(sym.service.workloads, w)
	}
	for _, s := range m.services {
		if s.decl == nil {
			c.compare(s)
			c.complete(s)
		}
	}
	slices.SortFunc(m.services, func(a, b *service) int { return cmp.Compare(a.Name, b.Name) })
}

// takes reports whether a workload belongs to a declared service: by the labels that it states, else by its name.
func (s *service) takes(w *inventory.Workload) bool {
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

// missed reports a declared service whose labels select none of the pods that have its name.
func (c *checker) missed(s *service, w *inventory.Workload) {
	s.mismatch = true // that no workload runs as its account would only follow from this
	label := s.decl.Labels[0]
	d := c.list.Add(diag.SelectorMismatch, label.Key.Range.To(label.Value.Range), "no pod of %s has these labels", s.Name).
		WithRelated(w.LabelsAt, "the pods of %s %s", w.Kind, w.Object)
	for _, l := range s.Labels {
		if v, ok := w.Labels[l.Key]; ok && v != l.Value {
			d.WithNote("its pods have %s=%s", l.Key, v)
		} else if !ok {
			d.WithNote("its pods have no label %s", l.Key)
		}
	}
	d.WithHelp("a policy for %s would bind nothing: write the labels that its pods have, or none if `app=%s` is one of them", s.Name, s.Name)
}

// compare holds a service against its workloads and adds what only they say.
func (c *checker) compare(s *service) {
	if len(s.workloads) == 0 {
		return
	}
	bare := 0
	for _, w := range s.workloads {
		if w.Bare() {
			bare++
		}
	}
	if bare == len(s.workloads) {
		s.Dataplane = policy.NoProxy
	}
	s.partly = s.Proxied() && bare > 0
	if s.declaredOutside() {
		c.compareOutside(s)
	} else {
		c.compareAccount(s)
		c.moved(s)
	}
	c.declaredPorts(s)
	for _, w := range s.workloads {
		for _, p := range w.Ports {
			if !p.UDP {
				if w.Dataplane.Dataplane == policy.Gateway {
					p.Protocol = c.listened(w, &p)
				}
				c.comparePort(s, p)
			} else if !slices.Contains(s.UDP, p.Number) {
				s.UDP = append(s.UDP, p.Number)
			}
		}
		s.Hosts = append(s.Hosts, w.Hosts...)
		s.Fronts = append(s.Fronts, w.Fronts...)
	}
	sortPorts(s.Ports)
	slices.Sort(s.UDP)
	slices.Sort(s.Hosts)
	s.Hosts = slices.Compact(s.Hosts)
	slices.SortFunc(s.Fronts, policy.CompareFronts)
	s.Fronts = slices.Compact(s.Fronts)
	if len(s.Labels) == 0 {
		s.Labels = selectorOf(s.Name, s.workloads)
	}
}

// compareOutside reports a service that is declared outside the mesh but has a proxy: its calls have an identity, which
// rules for its addresses do not match, and its own proxy would enforce no rule.
func (c *checker) compareOutside(s *service) {
	for _, w := range s.workloads {
		if w.Proxy != "" {
			c.list.Add(diag.ProxiedOutside, s.decl.Outside.Range, "%s is not outside the mesh: %s", s.Name, w.Proxy).
				WithRelated(either(w.ProxyAt, w.At), "the manifests say so here").
				WithHelp("delete `outside` and the addresses, or remove its proxy: label its pods `sidecar.istio.io/inject: \"false\"`")
			return
		}
	}
}

func (c *checker) compareAccount(s *service) {
	first := s.workloads[0]
	if s.Account == "" {
		s.Account, s.accountAt = first.Account, first.AccountAt
	}
	for _, w := range s.workloads {
		if w.Account == s.Account || slices.Contains(s.Was, w.Account) {
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
				d.WithHelp("give all workloads of %s the same account, or declare a service for each", s.Name)
			}
			return
		}
		s.divided = w
		return
	}
}

// dividedServices reports services whose workloads run under two accounts. One that no statement is about has a
// warning, and is not in the policy: nothing could be said of its identity.
func (c *checker) dividedServices() {
	guarded := slices.ContainsFunc(c.files, func(f *lang.File) bool {
		return slices.ContainsFunc(f.Stmts, func(s lang.Stmt) bool { _, guard := s.(*lang.Guard); return guard })
	})
	c.eachJudged(func(m *mesh) {
		unused := m.Declares && !m.named() && !guarded
		m.services = slices.DeleteFunc(m.services, func(s *service) bool {
			if s.divided == nil {
				return false
			}
			c.whole = true // guards count
			code, left := diag.AccountMismatch, unused && s.decl == nil && !s.called && !s.statesMode()
			if left {
				code = diag.TwoAccounts
			}
			first := s.workloads[0]
			d := c.list.Add(code, s.divided.AccountAt, "the workloads of %s run under two accounts, %s and %s", s.Name, quoted(s.Account), quoted(s.divided.Account)).
				WithRelated(first.AccountAt, "%s %s", first.Kind, first.Object).
				WithHelp("give them the same serviceAccountName, since the account is the identity, or declare a service with a label for each")
			if maps.Equal(first.Labels, s.divided.Labels) {
				d.WithHelp("give them the same serviceAccountName, since the account is the identity, or labels that differ, and declare a service for each")
			}
			if !left {
				return false
			}
			d.WithNote("they are left out, since no statement is about their namespace yet")
			delete(m.names, s.Name)
			return true
		})
	})
}

// declaredPorts reports declared ports on which no pod listens: rules for them would bind nothing.
func (c *checker) declaredPorts(s *service) {
	if s.decl == nil {
		return
	}
	for _, d := range s.decl.Ports {
		i := slices.IndexFunc(s.Ports, func(p policy.Port) bool { return portText(p.Number) == d.Number.Text })
		if i < 0 {
			continue
		}
		declared := s.Ports[i]
		served := s.servedBy(declared.Number)
		if len(served) == 0 {
			continue
		}
		p := served[0]
		f := c.servicePort(s, d.Number, declared.Number, p)
		s.Ports = slices.Delete(s.Ports, i, i+1) // an edge to it would bind nothing either
		switch {
		case len(served) > 1:
			f.WithHelp("its Services map this number to several container ports: declare those you mean")
		case slices.ContainsFunc(s.Ports, func(q policy.Port) bool { return q.Number == p.Number }):
			f.WithHelp("delete it: container port %d is already declared", p.Number)
		default:
			s.Ports = append(s.Ports, policy.Port{Number: p.Number, Protocol: declared.Protocol})
			f.WithHelp("declare the container port: `port %d`", p.Number).
				WithFix(true, d.Number.Range, portText(p.Number), "write the container port "+portText(p.Number))
		}
	}
}

// listened is the protocol of a port of a gateway: that of its listeners. If their Gateway is not among the manifests,
// a Service whose port is HTTP shows it too; one that is `https` does not say where TLS ends.
func (c *checker) listened(w *inventory.Workload, p *inventory.Port) policy.Protocol {
	found := false
	protocol := p.Protocol
	for _, g := range c.inv.Gateways {
		if !g.Selects(w.Namespace, w.Labels) {
			continue
		}
		for _, number := range append([]uint16{p.Number}, p.ServicePorts...) {
			listens, ok := g.Protocols[number]
			switch {
			case !ok:
			case !found:
				protocol, found = listens, true
			case listens != protocol:
				protocol = policy.ProtocolUnset
			}
		}
	}
	if !found && !protocol.IsHTTP() {
		return policy.ProtocolUnset
	}
	return protocol
}

func (c *checker) comparePort(s *service, p inventory.Port) {
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

// complete gives a service that neither states labels nor has workloads the default label, and settles its data plane.
func (c *checker) complete(s *service) {
	if len(s.Labels) == 0 && len(s.workloads) == 0 {
		s.Labels, s.Guessed = []policy.Label{{Key: policy.NamingLabels[0], Value: s.Name}}, true
	}
	for _, w := range s.workloads {
		s.Pods, s.HostNetwork = append(s.Pods, w.Labels), s.HostNetwork || w.OnNode
	}
	c.dataplane(s)
	stated := c.statedDataplane(s.mesh).Dataplane == policy.Ambient
	s.Mixed = s.Dataplane == policy.Ambient && slices.ContainsFunc(s.workloads, func(w *inventory.Workload) bool {
		return w.Bare() || w.Dataplane.Dataplane != policy.Ambient && (w.Proxy != "" || !stated)
	})
	c.clients(s)
	c.captures(s)
}

// captures settles which connections of a service its proxies see: those of pods without one, none.
func (c *checker) captures(s *service) {
	if !s.Proxied() {
		return
	}
	in, out := make([]policy.Captures, len(s.workloads)), make([]policy.Captures, len(s.workloads))
	for i, w := range s.workloads {
		in[i], out[i] = w.Inbound, w.Outbound
		if s.Dataplane == policy.Ambient && w.Dataplane.Dataplane != policy.Ambient {
			in[i], out[i] = policy.Captures{Rest: w.Bypass}, policy.Captures{}
			if s.Moving {
				in[i], out[i] = policy.JoinCaptures(w.Inbound, in[i]), w.Outbound
			}
		}
		if w.Bare() {
			in[i].Rest = policy.PortCapture{Capture: policy.Bypassed, Why: "some of its pods have no proxy (" + w.NoProxy + ")", At: either(w.NoProxyAt, w.At)}
			out[i].Rest = in[i].Rest
		}
	}
	s.Inbound, s.Outbound = policy.JoinCaptures(in...), policy.JoinCaptures(out...)
	s.Inbound.Agent = !c.Meshless && (s.Dataplane == policy.Sidecar || s.Dataplane == policy.Gateway)
}

// selectorOf returns the labels that select the workloads of a service: the one that names it if all have it, else all
// that they have in common.
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

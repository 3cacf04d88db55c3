package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// lookup returns what a reference to one name stands for in mesh m (nil outside any), or nil after a finding.
func (c *checker) lookup(m *mesh, r lang.Ref) *symbol {
	if r.Qualified() {
		other := c.lookupMesh(r.Namespace)
		if other == nil {
			return nil
		}
		m = other
	}
	if m == nil {
		d := c.list.Add(diag.NoSection, r.Range, "%s needs its mesh here", quoted(r.Name.Text))
		if homes := c.homes(r.Name.Text); len(homes) == 1 {
			d.WithFix(false, r.Range, homes[0]+"/"+r.Name.Text, "write "+homes[0]+"/"+r.Name.Text)
		}
		d.WithHelp("outside a mesh every name is qualified: `shop/%s`", r.Name.Text)
		return nil
	}
	if s := m.names[r.Name.Text]; s != nil {
		c.record(r.Name, s.object)
		return s
	}
	c.unknown(m, r)
	return nil
}

func (c *checker) lookupMesh(n lang.Name) *mesh {
	if m := c.byName[n.Text]; m != nil {
		c.record(n, m.object)
		return m
	}
	d := c.list.Add(diag.UnknownMesh, n.Range, "mesh %s is not declared", quoted(n.Text))
	if !suggest(d, n, slices.Sorted(maps.Keys(c.byName))) {
		d.WithHelp("declare it and its services: `mesh %s`, then `service NAME account ACCOUNT`", n.Text)
	}
	return nil
}

func (c *checker) unknown(m *mesh, r lang.Ref) {
	d := c.list.Add(diag.UnknownService, r.Name.Range, "%s is not declared in mesh %s", quoted(r.Name.Text), m.Name)
	if name, namespace, dotted := hostOf(r); dotted {
		if o := c.byName[namespace]; o != nil && o.names[name] != nil {
			if namespace != m.Name {
				name = namespace + "/" + name
			}
			d.WithHelp("that is its host name: write %s", name).WithFix(false, r.Name.Range, name, "write "+name)
		} else {
			d.WithHelp("a service of another mesh is written NAMESPACE/NAME; a host outside the mesh is declared, `external NAME host %s port 443 tls`", r.Name.Text)
		}
		return
	}
	if m.known == nil {
		m.known = slices.Sorted(maps.Keys(m.names))
	}
	if m.misses++; m.misses > maxSuggestions {
		d.WithHelp("declare it: `service %s account NAME`, or name its manifests with --workloads or in meshc.yaml", r.Name.Text)
		return
	}
	if suggest(d, r.Name, m.known) {
		return
	}
	switch homes := c.homes(r.Name.Text); {
	case c.unplaced(r.Name.Text) != nil:
		d.WithHelp("a manifest that names no namespace has one: give it its namespace in meshc.yaml, `%s`", inventory.Entry(c.unplaced(r.Name.Text).At.File.Name, m.Name))
	case !r.Qualified() && len(homes) > 0:
		d.WithHelp("mesh %s has one: write %s/%s", listed(homes), homes[0], r.Name.Text)
	case m.manifested:
		d.WithNote("the workload manifests of namespace %s have %s", m.Name, listed(c.serviceNames(m)))
		d.WithHelp("declare it: `service %s account NAME`", r.Name.Text)
	default:
		d.WithHelp("declare it: `service %s account NAME`, or name its manifests with --workloads or in meshc.yaml", r.Name.Text)
	}
}

// hostOf splits a Kubernetes host name: SERVICE.NAMESPACE and what may follow.
func hostOf(r lang.Ref) (service, namespace string, dotted bool) {
	service, rest, dotted := strings.Cut(r.Name.Text, ".")
	namespace, _, _ = strings.Cut(rest, ".")
	return service, namespace, dotted && !r.Qualified()
}

// maxSuggestions bounds the search for near names in one mesh: so many unknown names are not typos.
const maxSuggestions = 100

// homes returns the meshes that declare a name, sorted.
func (c *checker) homes(name string) []string {
	var found []string
	for _, m := range c.meshes {
		if m.names[name] != nil {
			found = append(found, m.Name)
		}
	}
	return found
}

// unplaced returns a workload of a name whose manifest names no namespace; nil where there is none.
func (c *checker) unplaced(name string) *inventory.Workload {
	i := slices.IndexFunc(c.inv.Workloads, func(w *inventory.Workload) bool { return w.Unplaced && w.Service == name })
	if i < 0 {
		return nil
	}
	return c.inv.Workloads[i]
}

func (c *checker) serviceNames(m *mesh) []string {
	var names []string
	for _, s := range m.services {
		names = append(names, s.Name)
		if len(names) == 8 {
			return append(names, "others")
		}
	}
	return names
}

// services returns what a name stands for on either side of an edge; none for an external.
func (s *symbol) services() []*service {
	switch {
	case s.service != nil:
		return []*service{s.service}
	case s.group != nil:
		return s.group.members
	}
	return nil
}

// resolveGroups expands every group, groups in groups too.
func (c *checker) expandGroups() {
	for _, m := range c.meshes {
		for _, name := range slices.Sorted(maps.Keys(m.names)) {
			if g := m.names[name].group; g != nil {
				c.expand(g)
			}
		}
	}
}

func (c *checker) expand(g *group) {
	if g.state != unvisited {
		return
	}
	g.state = visiting
	defer func() { g.state = visited }()
	members := map[*service]bool{}
	for _, r := range g.decl.Members {
		if special(r) != policy.FromService || r.Name.Text == "*" && !r.Name.Quoted {
			c.list.Add(diag.NotADestination, r.Range, "the members of a group are services, not %s", quoted(r.String())).
				WithHelp("name the services one by one")
			continue
		}
		s := c.lookup(g.mesh, r)
		switch {
		case s == nil:
			continue
		case s.external != nil:
			c.list.Add(diag.NotADestination, r.Range, "%s is an external: the members of a group are services", quoted(r.String())).
				WithRelated(s.object.At, "declared here").
				WithHelp("write an edge to the external itself")
			continue
		case s.group != nil && s.group.state == visiting:
			c.list.Add(diag.InvalidValue, r.Range, "group %s contains itself", quoted(g.decl.Name.Text)).
				WithHelp("delete it from its own members")
			continue
		case s.group != nil:
			c.expand(s.group)
		}
		for _, member := range s.services() {
			members[member] = true
		}
	}
	g.members = slices.SortedFunc(maps.Keys(members), compareServices)
	if len(g.members) == 1 && len(g.decl.Members) == 1 {
		c.list.Add(diag.SmallGroup, g.decl.Name.Range, "group %s has one member", quoted(g.decl.Name.Text)).
			WithHelp("write %s itself instead of the group", g.decl.Members[0])
	}
}

func compareServices(a, b *service) int {
	switch {
	case a.Namespace != b.Namespace:
		if a.Namespace < b.Namespace {
			return -1
		}
		return 1
	case a.Name < b.Name:
		return -1
	case a.Name > b.Name:
		return 1
	}
	return 0
}

// special returns FromAny, FromWorld or, for NS/*, FromMesh; FromService for every other reference, `*` included.
func special(r lang.Ref) policy.SourceKind {
	if r.Name.Quoted {
		return policy.FromService
	}
	switch {
	case r.Qualified() && r.Name.Text == "*":
		return policy.FromMesh
	case r.Qualified():
		return policy.FromService
	case r.Name.Text == "any":
		return policy.FromAny
	case r.Name.Text == "world":
		return policy.FromWorld
	}
	return policy.FromService
}

// ambiguous reports `any` or `world` in a mesh that has a service of that name.
func (c *checker) ambiguous(m *mesh, r lang.Ref) bool {
	if m == nil || r.Qualified() {
		return false
	}
	s := m.names[r.Name.Text]
	if s == nil {
		return false
	}
	c.list.Add(diag.AmbiguousName, r.Range, "`%s` means every caller here, and mesh %s declares one of that name", r.Name.Text, m.Name).
		WithRelated(s.object.At, "declared here").
		WithHelp("write \"%s\" in quotes for the service; better, give it another name", r.Name.Text)
	return true
}

// sources resolves the left side of an edge, with the span of each source. On the left of an edge `*` stands for the
// services that can prove an identity; of a deny or a guard (restricts) also for those without a proxy.
func (c *checker) sources(m *mesh, targets []lang.Target, restricts bool) ([]policy.Source, []source.Span) {
	var from []policy.Source
	var at []source.Span
	several := len(targets) > 1
	for _, t := range targets {
		if t.Port.Present() {
			c.list.Add(diag.MisplacedClause, t.Port.Range, "a caller has no port: ports belong to what is called").
				WithHelp("write the port after the destination: `%s -> backend:%s`", t.Ref, t.Port.Text)
		}
		if len(t.Ops) > 0 {
			c.list.Add(diag.MisplacedClause, t.Ops[0].Range, "a caller has no operations: they belong to what is called").
				WithHelp("write them after the destination")
		}
		for _, s := range c.source(m, t.Ref, restricts) {
			if several && slices.Contains(from, s) {
				continue
			}
			from = append(from, s)
			at = append(at, t.Ref.Range)
		}
	}
	return from, at
}

// source resolves one reference on the left side of an edge.
func (c *checker) source(m *mesh, r lang.Ref, restricts bool) []policy.Source {
	switch kind := special(r); kind {
	case policy.FromMesh:
		other := c.lookupMesh(r.Namespace)
		if other == nil {
			return nil
		}
		return []policy.Source{{Kind: kind, Mesh: other.Name}}
	case policy.FromAny, policy.FromWorld:
		if c.ambiguous(m, r) {
			return nil
		}
		return []policy.Source{{Kind: kind}}
	}
	var services []*service
	if r.Name.Text == "*" && !r.Name.Quoted {
		services = c.everyone(m, restricts)
		if !restricts {
			c.leftOut(m, r)
		}
	} else {
		s := c.lookup(m, r)
		if s == nil {
			return nil
		}
		if s.external != nil {
			c.list.Add(diag.ExternalSource, r.Range, "%s is outside the mesh: it can be called, it cannot call", quoted(r.String())).
				WithRelated(s.object.At, "declared as an external here").
				WithNote("an external has no identity in the mesh, so nothing distinguishes it from other callers").
				WithHelp("let it call through the ingress gateway, or declare it as `service NAME outside address NETWORK`")
			return nil
		}
		services = s.services()
	}
	from := make([]policy.Source, len(services))
	for i, s := range services {
		from[i] = policy.Source{Service: s.Service}
	}
	return from
}

// leftOut warns of the services that `*` on the left of an edge does not include.
func (c *checker) leftOut(m *mesh, r lang.Ref) {
	var names []string
	for _, s := range m.services {
		if !s.Proxied() {
			names = append(names, s.Name)
		}
	}
	if len(names) > 0 {
		c.list.Add(diag.NoProxy, r.Range, "`*` leaves out %s: without a proxy a service proves no identity", listed(names)).
			WithHelp("write an edge for each that may call: by its address, into a port that is not strict")
	}
}

// everyone returns what `*` stands for: all services of the section, or outside any mesh those of the project, that have a
// proxy, and if outside is set also those that have none.
func (c *checker) everyone(m *mesh, outside bool) []*service {
	meshes := c.meshes
	if m != nil {
		meshes = []*mesh{m}
	}
	var all []*service
	for _, m := range meshes {
		for _, s := range m.services {
			if outside || s.Proxied() {
				all = append(all, s)
			}
		}
	}
	return all
}

// servedBy returns the container port that port number of a Kubernetes Service leads to; nil where number is itself a
// container port, or no Service has it.
func (s *service) servedBy(number uint16) *inventory.Port {
	var found *inventory.Port
	for _, w := range s.workloads {
		for i := range w.Ports {
			switch p := &w.Ports[i]; {
			case p.UDP:
			case p.Number == number:
				return nil
			case found == nil && slices.Contains(p.ServicePorts, number):
				found = p
			}
		}
	}
	return found
}

// alsoServicePort warns of a container port whose number is also that of a Service port leading to another container port.
func (c *checker) alsoServicePort(s *service, n lang.Name, number uint16) {
	var here, there *inventory.Port
	for _, w := range s.workloads {
		for i := range w.Ports {
			p := &w.Ports[i]
			if p.Number == number {
				here = p
			}
			if p.Number != number && slices.Contains(p.ServicePorts, number) {
				there = p
			}
		}
	}
	if here == nil || there == nil || slices.Contains(here.ServicePorts, number) {
		return
	}
	c.list.Add(diag.AlsoServicePort, n.Range, "port %d of the Kubernetes Service leads to container port %d, and this opens container port %d", number, there.Number, number).
		WithRelated(there.At, "container port %d", there.Number).
		WithHelp("write %s:%d if callers go through the Service", s.Name, there.Number)
}

// port resolves the port of a destination.
func (c *checker) port(s *service, n lang.Name) (uint16, bool) {
	number, ok := c.portNumber(n)
	if !ok {
		return 0, false
	}
	if slices.ContainsFunc(s.Ports, func(p policy.Port) bool { return p.Number == number }) {
		c.alsoServicePort(s, n, number)
		return number, true
	}
	if p := s.servedBy(number); p != nil {
		c.servicePort(s, n, number, p).WithHelp("write %s:%d", s.Name, p.Number).
			WithFix(true, n.Range, portText(p.Number), "write the container port "+portText(p.Number))
		return 0, false
	}
	var known []string
	for _, p := range s.Ports {
		known = append(known, portText(p.Number))
	}
	d := c.list.Add(diag.UnknownPort, n.Range, "%s declares no port %d", s.Name, number).WithRelated(s.At, "declared here")
	if len(known) == 0 {
		d.WithHelp("add it to its declaration: `port %d http`, or tcp, grpc, http2, tls", number)
	} else {
		d.WithHelp("its ports are %s: write one of them, or declare `port %d` with its protocol", listed(known), number)
	}
	return 0, false
}

// servicePort reports the port of a Kubernetes Service where a container port is meant.
func (c *checker) servicePort(s *service, n lang.Name, number uint16, p *inventory.Port) *diag.Diagnostic {
	return c.list.Add(diag.ServicePort, n.Range, "%d is the port of the Kubernetes Service; the pods of %s listen on %d", number, s.Name, p.Number).
		WithRelated(p.At, "container port %d", p.Number).
		WithNote("Istio enforces policies at the pod, so it sees container ports only")
}

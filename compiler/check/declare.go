package check

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// section is the statements from one `mesh` to the next.
type section struct {
	mesh   *mesh
	stmts  []lang.Stmt
	broken bool // the file has mistakes, so that a statement may lack its end
}

// declare opens the meshes of all files and enters every declared name.
func (c *checker) declare(files []*lang.File) []section {
	var sections []section
	for _, f := range files {
		begin := 0
		var open *mesh
		flush := func(end int) {
			if open != nil && end > begin {
				sections = append(sections, section{open, f.Stmts[begin:end], f.Broken})
			}
		}
		strays := 0
		for i, s := range f.Stmts {
			m, ok := s.(*lang.Mesh)
			switch {
			case ok && m.Name.Text == "*" && !m.Name.Quoted:
				flush(i)
				open, begin = nil, i+1
				c.openMeshWide(m)
			case ok:
				flush(i)
				open, begin = c.openMesh(m), i+1
			case open == nil:
				switch d := s.(type) {
				case *lang.Guard:
				case *lang.Issuer:
					c.declareIssuer(d)
				default:
					if strays == 0 {
						c.stray(s.Span(), f.Stmts[i:])
					}
					strays++
				}
			}
		}
		flush(len(f.Stmts))
	}
	for _, s := range sections {
		for _, stmt := range s.stmts {
			switch d := stmt.(type) {
			case *lang.Service:
				c.declareService(s.mesh, d)
			case *lang.External:
				c.declareExternal(s.mesh, d)
			case *lang.Issuer:
				c.declareIssuer(d)
			case *lang.Group:
				c.enter(s.mesh, d.Name, GroupName, &symbol{group: &group{decl: d, mesh: s.mesh, partial: s.broken}})
			}
		}
	}
	return sections
}

// stray reports a statement that stands above the sections of its file.
func (c *checker) stray(at source.Span, rest []lang.Stmt) {
	d := c.list.Add(diag.NoSection, at, "this statement is in no mesh").
		WithHelp("open one above it, such as `mesh NAMESPACE`; only issuer, never, always and only may stand outside a mesh")
	for _, s := range rest {
		if m, ok := s.(*lang.Mesh); ok && (m.Name.Text != "*" || m.Name.Quoted) {
			d.WithHelp("move it below `mesh %s`; only issuer, never, always and only may stand outside a mesh", m.Name.Text).
				WithFix(false, at.File.Span(int(at.Start), int(at.Start)), "mesh "+m.Name.Text+"\n", "open mesh "+m.Name.Text+" above it")
			return
		}
	}
}

func (c *checker) openMeshWide(m *lang.Mesh) {
	c.owned("*", m)
	if m.Default.Text == "open" {
		c.list.Add(diag.MisplacedClause, m.Default.Range, "`mesh *` closes nothing, so there is nothing to leave open").
			WithHelp("delete `open`")
	}
	if m.Default.Text == "closed" {
		c.policy.ClosedAt = m.Default.Range
	}
	switch {
	case !m.Mode.Present() && m.Default.Text == "closed":
		return
	case !m.Mode.Present():
		c.list.Add(diag.InvalidValue, m.Range, "mesh * needs a mode").
			WithHelp("write `mesh * permissive`, `mesh * strict` or `mesh * disable`")
		return
	}
	c.state(&c.wide, m.Mode, "the mesh-wide default")
}

func (c *checker) openMesh(m *lang.Mesh) *mesh {
	mesh := c.mesh(m.Name.Text)
	if len(mesh.sections) == 0 {
		mesh.At = m.Name.Range
		mesh.object.At = m.Name.Range
		c.validName(nil, m.Name, "mesh")
	}
	c.record(m.Name, &mesh.object)
	mesh.sections = append(mesh.sections, m.Name.Range)
	mesh.Files = append(mesh.Files, m.Name.Range.File.Name)
	c.owned(m.Name.Text, m)
	if m.Mode.Present() {
		c.state(&mesh.stated, m.Mode, "mesh "+mesh.Name)
	}
	switch m.Default.Text {
	case "open":
		mesh.Open, mesh.openAt = true, m.Default.Range
	case "closed":
		c.list.Add(diag.MisplacedClause, m.Default.Range, "mesh %s is closed by default as soon as it states a mode or an edge leads into it", mesh.Name).
			WithHelp("delete `closed`").
			WithFix(true, m.Default.Range, "", "delete `closed`")
	}
	return mesh
}

// mesh returns the mesh of a name, and makes it where there is none yet.
func (c *checker) mesh(name string) *mesh {
	m := c.byName[name]
	if m == nil {
		m = &mesh{names: map[string]*symbol{}, object: Object{Kind: MeshName, Name: name}}
		m.Name = name
		c.byName[name] = m
	}
	return m
}

// owned reports a file that opens a mesh of which meshc.yaml makes others the owners.
func (c *checker) owned(name string, m *lang.Mesh) {
	globs, ok := c.Config.Owners[name]
	if !ok {
		return
	}
	file := m.Range.File.Name
	if !slices.ContainsFunc(globs, func(g string) bool { return doublestar.MatchUnvalidated(g, file) }) {
		c.list.Add(diag.NotOwner, m.Name.Range, "%s may not open mesh %s", file, name).
			WithNote("meshc.yaml gives mesh %s to %s", name, listed(globs)).
			WithHelp("move these statements to one of its files, or ask its owners for an export")
	}
}

// unknownOwners warns of owners of a mesh that nothing declares: an entry with a misspelt name protects nothing.
func (c *checker) unknownOwners() {
	for _, name := range slices.Sorted(maps.Keys(c.Config.Owners)) {
		if name == "*" || c.byName[name] != nil {
			continue
		}
		d := c.list.Add(diag.UnknownOwnedMesh, c.Config.OwnersAt[name], "mesh %s is not declared, so this entry has no effect", quoted(name)).
			WithHelp("correct the name, or delete the entry")
		if near, ok := diag.Nearest(name, slices.Sorted(maps.Keys(c.byName))); ok && c.Config.Owners[near] == nil {
			d.WithHelp("did you mean %s?", near)
		}
	}
}

// enter declares a name in a mesh; the first declaration wins.
func (c *checker) enter(m *mesh, name lang.Name, kind ObjectKind, s *symbol) bool {
	c.validName(m, name, "name")
	s.object = Object{kind, m.Name, name.Text, name.Range}
	if first := m.names[name.Text]; first != nil {
		c.record(name, &first.object)
		c.list.Add(diag.DuplicateDeclaration, name.Range, "%s is declared twice in mesh %s", quoted(name.Text), m.Name).
			WithRelated(first.object.At, "first declared here").
			WithHelp("give one of the two another name, or delete it")
		return false
	}
	c.record(name, &s.object)
	m.names[name.Text] = s
	return true
}

func (c *checker) declareService(m *mesh, d *lang.Service) {
	s := &service{decl: d, mesh: m, Service: &policy.Service{Namespace: m.Name, Name: d.Name.Text, At: d.Name.Range}}
	if !c.enter(m, d.Name, ServiceName, &symbol{service: s}) {
		return
	}
	m.services = append(m.services, s)
	if d.Outside.Present() {
		s.Dataplane = policy.NoProxy
		if d.Gateway.Present() {
			c.list.Add(diag.MisplacedClause, d.Gateway.Range, "a gateway has a proxy, and is not outside the mesh").
				WithHelp("keep one of `gateway` and `outside`")
		}
	}

	for i, a := range d.Accounts {
		switch {
		case i > 0:
			c.repeated(a, d.Accounts[0], "account")
		case !s.Proxied():
			c.list.Add(diag.MisplacedClause, a.Range, "a service outside the mesh has no account to prove").
				WithHelp("delete `account %s`, or delete `outside` if the service has a proxy", a.Text)
		default:
			s.Account, s.accountAt = a.Text, a.Range
			s.mismatch = !c.validAccount(a)
		}
	}
	c.earlierAccounts(s)
	for _, l := range d.Labels {
		if c.validLabel(l) {
			s.Labels = append(s.Labels, policy.Label{Key: l.Key.Text, Value: l.Value.Text})
		}
	}
	slices.SortFunc(s.Labels, compareLabels)
	for i := 1; i < len(s.Labels); i++ {
		if s.Labels[i].Key == s.Labels[i-1].Key {
			c.list.Add(diag.RepeatedClause, d.Range, "label %s is given twice", s.Labels[i].Key).
				WithHelp("keep one: a pod has one value for each label")
		}
	}
	s.Labels = slices.CompactFunc(s.Labels, func(a, b policy.Label) bool { return a.Key == b.Key })
	for _, p := range d.Ports {
		number, ok := c.portNumber(p.Number)
		if !ok {
			continue
		}
		if p.TLS.Present() {
			c.list.Add(diag.MisplacedClause, p.TLS.Range, "only the port of an external may have tls after its protocol").
				WithHelp("delete it: inside the mesh the proxies use mutual TLS")
		}
		if i := slices.IndexFunc(s.Ports, func(q policy.Port) bool { return q.Number == number }); i >= 0 {
			c.list.Add(diag.RepeatedClause, p.Number.Range, "port %d is given twice", number).WithHelp("keep one")
			continue
		}
		s.Ports = append(s.Ports, policy.Port{Number: number, Protocol: c.protocol(p.Protocol)})
	}
	sortPorts(s.Ports)
	for _, a := range d.Addresses {
		if s.Proxied() {
			c.list.Add(diag.MisplacedClause, a.Range, "only a service outside the mesh has an address").
				WithHelp("write `service %s outside address %s`, or delete the address: inside the mesh the account is the identity", d.Name.Text, a.Text)
			break
		}
		if prefix, ok := c.prefix(a); ok {
			s.Addresses = append(s.Addresses, prefix)
		}
	}
	slices.SortFunc(s.Addresses, netip.Prefix.Compare)
	s.Addresses = slices.Compact(s.Addresses)
}

func (c *checker) declareExternal(m *mesh, d *lang.External) {
	e := &external{decl: d, External: policy.External{Namespace: m.Name, Name: d.Name.Text, At: d.Name.Range}}
	if !c.enter(m, d.Name, ExternalName, &symbol{external: e}) {
		return
	}
	for _, h := range d.Hosts {
		if c.validHost(d.Name.Text, h) {
			e.Hosts = append(e.Hosts, h.Text)
		}
	}
	if len(d.Hosts) == 0 {
		c.list.Add(diag.IncompleteStatement, d.Range, "external %s has no host", d.Name.Text).
			WithHelp("name its host: `external %s host api.example.com port 443 tls`", d.Name.Text)
	}
	slices.Sort(e.Hosts)
	e.Hosts = slices.Compact(e.Hosts)
	for _, p := range d.Ports {
		number, ok := c.portNumber(p.Number)
		if !ok {
			continue
		}
		port := policy.ExternalPort{Number: number, Protocol: c.protocol(p.Protocol), Originate: p.TLS.Present()}
		if port.Originate && !port.Protocol.IsHTTP() {
			c.list.Add(diag.MisplacedClause, p.TLS.Range, "the proxy opens TLS only for http, http2 and grpc").
				WithHelp("write `port %d tls` if the application itself speaks TLS, `port %d http tls` if it speaks plain HTTP", number, number)
		}
		if slices.ContainsFunc(e.Ports, func(q policy.ExternalPort) bool { return q.Number == number }) {
			c.list.Add(diag.RepeatedClause, p.Number.Range, "port %d is given twice", number).WithHelp("keep one")
			continue
		}
		if !p.Protocol.Present() {
			c.list.Add(diag.IncompleteStatement, p.Number.Range, "port %d of an external needs its protocol", number).
				WithHelp("write `port %d tls`, or http, http2, grpc or tcp", number)
		}
		e.Ports = append(e.Ports, port)
	}
	if len(d.Ports) == 0 {
		c.list.Add(diag.IncompleteStatement, d.Range, "external %s has no port", d.Name.Text).
			WithHelp("add the port and its protocol: `port 443 tls`")
	}
	slices.SortFunc(e.Ports, func(a, b policy.ExternalPort) int { return cmp.Compare(a.Number, b.Number) })
}

func (c *checker) repeated(again, first lang.Name, clause string) {
	c.list.Add(diag.RepeatedClause, again.Range, "%s is given twice", clause).
		WithRelated(first.Range, "first given here").
		WithHelp("keep one")
}

// prefix reads an address or a network. An IPv4 address that is written as IPv6 is taken as IPv4, which is what Envoy
// sees of a caller.
func (c *checker) prefix(n lang.Name) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(n.Text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(n.Text)
	if err != nil {
		c.list.Add(diag.InvalidValue, n.Range, "%s is not an address", quoted(n.Text)).
			WithHelp("write an address or a network: 10.0.3.7, 10.0.3.0/24, 2001:db8::/32")
		return p, false
	}
	if p != p.Masked() {
		c.list.Add(diag.InvalidValue, n.Range, "%s has bits set after its prefix", n.Text).
			WithHelp("write %s for the network, or %s for the one address", p.Masked(), p.Addr())
		return p, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, true
}

func compareLabels(a, b policy.Label) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
}

// either returns the first span, or the second where the first is zero.
func either(first, second source.Span) source.Span {
	if first.IsZero() {
		return second
	}
	return first
}

// insertAfter returns the empty span after a span.
func insertAfter(at source.Span) source.Span { return at.File.Span(int(at.End), int(at.End)) }

package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// state enters a mode from a statement; a second one is a finding.
func (c *checker) state(s *stated, n lang.Name, what string) {
	if !s.at.IsZero() {
		c.list.Add(diag.DuplicateMode, n.Range, "the mode of %s is stated twice", what).
			WithRelated(s.at, "first stated here").
			WithHelp("keep one: of two, Istio would follow the older object")
		return
	}
	*s = stated{mode: c.mode(n), at: n.Range}
}

// modeStatements enters the `mtls` statements.
func (c *checker) modeStatements(sections []section) {
	for _, s := range sections {
		for _, stmt := range s.stmts {
			if m, ok := stmt.(*lang.MTLS); ok {
				c.mtls(s.mesh, m)
			}
		}
	}
}

func (c *checker) mtls(m *mesh, stmt *lang.MTLS) {
	for _, t := range stmt.Targets {
		if t.Name.Text == "*" && !t.Name.Quoted {
			if t.Port.Present() {
				c.modeOfPort(m, stmt, &t)
			} else {
				m.modesOfAll = append(m.modesOfAll, modeOfAll{stmt, t.Ref.Range})
			}
			continue
		}
		sym := c.lookup(m, t.Ref)
		switch {
		case sym == nil:
			continue
		case sym.external != nil:
			c.list.Add(diag.ExternalMode, t.Ref.Range, "%s is a host outside the mesh: `mtls` cannot set how calls to it are encrypted", quoted(t.String())).
				WithRelated(sym.object.At, "declared as an external here").
				WithNote("`mtls` is about calls between proxies of the mesh, and an external has no such proxy").
				WithHelp("delete this, and say on its port who encrypts: `port 443 tls` if your application does, as with https://, or `port 443 http tls` if its proxy is to")
			continue
		}
		for _, s := range sym.services() {
			switch {
			case s.mesh != m:
				c.list.Add(diag.MisplacedClause, t.Ref.Range, "the mode of %s is stated in its own mesh", s.ID()).
					WithHelp("move this statement below `mesh %s`", s.Namespace)
			case !s.Proxied():
				c.list.Add(diag.MisplacedClause, t.Ref.Range, "%s is outside the mesh and has no mTLS mode", s.Name).
					WithRelated(s.outsideAt(), "it has no proxy")
			case s.Dataplane == policy.Gateway:
				c.list.Add(diag.Ineffective, t.Ref.Range, "%s is a gateway, whose listeners set their own TLS: its mode has no effect", s.Name).
					WithRelated(s.DataplaneAt, "%s", s.DataplaneWhy).
					WithHelp("delete this; `servers.tls` of its Gateway says what its listeners take")
			case !t.Port.Present():
				s.ModeAt = stmt.Range
				c.state(&s.stated, stmt.Mode, s.Name)
			default:
				if number, ok := c.port(s, t.Port); ok {
					s.ModeAt = either(s.ModeAt, stmt.Range)
					if s.ports == nil {
						s.ports = map[uint16]stated{}
					}
					p := s.ports[number]
					c.state(&p, stmt.Mode, fmt.Sprintf("port %d of %s", number, s.Name))
					s.ports[number] = p
				}
			}
		}
	}
}

// modeOfPort reports `mtls *:PORT`: the mode of one port is stated for each service that has the port.
func (c *checker) modeOfPort(m *mesh, stmt *lang.MTLS, t *lang.Target) {
	d := c.list.Add(diag.NotADestination, t.Span(), "an mTLS mode for one port names the service that has the port")
	var targets []string
	for _, s := range m.services {
		if s.Proxied() && slices.Contains(s.portTexts(), t.Port.Text) {
			targets = append(targets, s.Name+":"+t.Port.Text)
		}
	}
	if len(targets) == 0 {
		d.WithHelp("no service of mesh %s declares port %s", m.Name, t.Port.Text)
		return
	}
	written := strings.Join(targets, ", ")
	d.WithHelp("the services with this port: `mtls %s %s`", written, stmt.Mode.Text).
		WithFix(false, t.Span(), written, "name the services with port "+t.Port.Text)
}

// modeOfAll is `mtls *`, and where the `*` is.
type modeOfAll struct {
	stmt *lang.MTLS
	at   source.Span
}

// modeOfAll reports `mtls *`: the mode of a mesh is stated where the mesh is opened. It does not say whether the mesh
// is closed too, unless edges close it in any case.
func (c *checker) modeOfAll(m *mesh, all modeOfAll) {
	stmt := all.stmt
	d := c.list.Add(diag.NotADestination, all.at, "the mode of all services is the mode of their mesh")
	way := func(title, text string) {
		d.Fixes = append(d.Fixes, diag.Fix{Title: title, Edits: []diag.Edit{{Span: insertAfter(m.sections[0]), New: text}, {Span: stmt.Range}}})
	}
	switch _, known := modes[stmt.Mode.Text]; {
	case m.stated.at.IsZero() && len(stmt.Targets) == 1 && known && m.Declares && !m.Open:
		d.WithHelp("delete this statement, and write `mesh %s %s open` where the mesh is opened, or `mesh %[1]s %[2]s` to close it too to every call that no edge allows", m.Name, stmt.Mode.Text)
		way("state the mode, and close nothing", " "+stmt.Mode.Text+" open")
		way("state the mode, and close the mesh", " "+stmt.Mode.Text)
	case m.stated.at.IsZero() && len(stmt.Targets) == 1 && known:
		text := stmt.Mode.Text
		if m.Open {
			text += " open"
		}
		d.WithHelp("write `mesh %s %s` where the mesh is opened, and delete this statement", m.Name, text)
		way("state the mode where the mesh is opened", " "+stmt.Mode.Text)
	case !m.stated.at.IsZero():
		d.WithRelated(m.stated.at, "the mode of the mesh").
			WithHelp("delete `*`: the mesh states its mode where it is opened; a different mode is for single services or ports")
	default:
		d.WithHelp("state the mode where the mesh is opened, and name the services with a mode of their own here")
	}
}

// applyCeilings sets the mode of everything in the chosen environment: what is stated, but no stricter than the nearest
// ceiling of the environment.
func (c *checker) applyCeilings() {
	c.unknownCeilings()
	wide := stated{mode: policy.Permissive, at: c.wide.at} // Istio's default
	if c.wide.mode != policy.ModeUnset {
		wide = c.wide
		c.policy.Mode, c.policy.ModeAt = min(wide.mode, c.ceiling("*")), wide.at
	}
	inherited := min(wide.mode, c.ceiling("*"))
	if c.wide.mode == policy.ModeUnset {
		inherited = policy.Permissive // nothing is emitted mesh-wide, so no ceiling acts there
	}
	for _, m := range c.meshes {
		full := m.stated
		if full.mode == policy.ModeUnset {
			full = wide
		}
		mine := min(full.mode, c.ceiling(m.Name, "*"))
		if c.isRoot(m.Name) {
			c.withoutCeilings(m)
			continue
		}
		if m.stated.mode != policy.ModeUnset || mine != inherited && len(m.sections) > 0 {
			m.Mode, m.ModeAt = mine, either(m.stated.at, m.At)
		}
		for _, s := range m.services {
			c.capService(s, full, mine)
		}
	}
}

// isRoot reports whether a namespace is the root namespace, which cannot have a mode of its own: what is there binds
// every namespace.
func (c *checker) isRoot(namespace string) bool { return namespace == c.policy.RootNamespace }

// withoutCeilings gives the root namespace the modes that its section states, for a target to refuse. What ceilings
// hold back in a namespace they would hold back here in the whole mesh.
func (c *checker) withoutCeilings(m *mesh) {
	m.Mode, m.ModeAt = m.stated.mode, m.stated.at
	for _, s := range m.services {
		s.Mode = s.stated.mode
		for i := range s.Ports {
			s.Ports[i].Mode = s.ports[s.Ports[i].Number].mode
		}
	}
}

func (c *checker) capService(s *service, full stated, inherited policy.Mode) {
	if s.stated.mode != policy.ModeUnset {
		full = s.stated
	}
	id := s.ID()
	mine := min(full.mode, c.ceiling(id, s.Namespace, "*"))
	if s.stated.mode != policy.ModeUnset || mine != inherited && s.Proxied() {
		s.Mode = mine
	}
	for i := range s.Ports {
		p := &s.Ports[i]
		port, own := s.ports[p.Number]
		if !own {
			port = full
		}
		capped := min(port.mode, c.ceiling(id+":"+portText(p.Number), id, s.Namespace, "*"))
		if (own || capped != mine) && s.Proxied() {
			p.Mode = capped
		}
	}
}

// unknownCeilings reports a ceiling of the chosen environment for something that does not exist.
func (c *checker) unknownCeilings() {
	if c.env == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(c.env.Modes)) {
		at := c.env.ModesAt[key]
		id, port, _ := strings.Cut(key, ":")
		namespace, name, named := strings.Cut(id, "/")
		m := c.byName[namespace]
		switch {
		case namespace == "*":
		case c.isRoot(namespace):
			c.list.Add(diag.RootNamespace, at, "%s is the root namespace, where a mode would bind the whole mesh", namespace).
				WithHelp("write the ceiling as \"*\", or for single meshes")
		case m == nil:
			d := c.list.Add(diag.UnknownMesh, at, "mesh %s is not declared, so this ceiling has no effect", quoted(namespace))
			if near, ok := diag.Nearest(namespace, slices.Sorted(maps.Keys(c.byName))); ok {
				d.WithHelp("did you mean %s?", near)
			}
		case named && (m.names[name] == nil || m.names[name].service == nil):
			d := c.list.Add(diag.UnknownService, at, "mesh %s has no service %s, so this ceiling has no effect", namespace, quoted(name))
			if near, ok := diag.Nearest(name, slices.Sorted(maps.Keys(m.names))); ok {
				d.WithHelp("did you mean %s/%s?", namespace, near)
			}
		case port != "" && !slices.ContainsFunc(m.names[name].service.Ports, func(p policy.Port) bool { return portText(p.Number) == port }):
			c.list.Add(diag.UnknownPort, at, "%s declares no port %s, so this ceiling has no effect", id, port).
				WithRelated(m.names[name].object.At, "declared here")
		}
	}
}

// declaring finds the meshes that only declare services, now that all edges are known.
func (c *checker) declaring() {
	c.eachJudged(func(m *mesh) {
		m.Declares = m.stated.mode == policy.ModeUnset && (c.isRoot(m.Name) || !m.called())
		if m.Closed = !c.policy.ClosedAt.IsZero(); m.Closed && m.Open {
			c.list.Add(diag.MisplacedClause, m.openAt, "mesh %s cannot be open: the whole mesh is closed", m.Name).
				WithRelated(c.policy.ClosedAt, "closed here").
				WithHelp("delete one of the two")
		}
		if m.Declares {
			c.withoutModes(m)
		}
	})
}

// states reports whether pods of the mesh have a deny, an ask or a mode of their own.
func (m *mesh) states() bool {
	of := func(s *service) bool { return len(s.deny)+len(s.ask) > 0 || s.statesMode() }
	return m.unnamed != nil && of(m.unnamed) || slices.ContainsFunc(m.services, of)
}

func (s *service) statesMode() bool { return !s.stated.at.IsZero() || len(s.ports) > 0 }

// withoutModes takes back what ceilings did to a mesh that only declares services: what states no mode has the
// mesh-wide one. A ceiling without effect there is reported.
func (c *checker) withoutModes(m *mesh) {
	m.Mode, m.ModeAt = policy.ModeUnset, source.Span{}
	for _, s := range m.services {
		if !s.stated.at.IsZero() {
			continue
		}
		s.Mode = policy.ModeUnset
		for i := range s.Ports {
			if _, own := s.ports[s.Ports[i].Number]; !own {
				s.Ports[i].Mode = policy.ModeUnset
			}
		}
	}
	if c.env == nil || slices.ContainsFunc(m.services, (*service).statesMode) {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(c.env.Modes)) {
		if namespace, _, _ := strings.Cut(key, "/"); namespace == m.Name {
			c.list.Add(diag.Ineffective, c.env.ModesAt[key], "mesh %s only declares services, so this ceiling has no effect", m.Name).
				WithNote("nothing is emitted for a mesh without a stated mode into which no edge leads").
				WithHelp("state its mode, or delete the ceiling")
		}
	}
}

// ceiling returns the environment's ceiling for the first of some keys that it names; Strict where it names none.
func (c *checker) ceiling(keys ...string) policy.Mode {
	if key := c.ceilingKey(keys...); key != "" {
		return c.env.Modes[key]
	}
	return policy.Strict
}

// ceilingKey returns the first of some keys that the environment names; empty where it names none.
func (c *checker) ceilingKey(keys ...string) string {
	if c.env != nil {
		for _, k := range keys {
			if _, ok := c.env.Modes[k]; ok {
				return k
			}
		}
	}
	return ""
}

// effective returns the mode that callers of a port meet and its origin: the statement, or the ceiling if that is
// looser. Port 0 is any port without a mode of its own.
func (c *checker) effective(s *service, port uint16) stated {
	return c.orCeiling(c.inForce(s, port), s.ID()+":"+portText(port), s.ID(), s.Namespace, "*")
}

// around returns the mode of a mesh and its origin.
func (c *checker) around(m *mesh) stated { return c.orCeiling(c.meshInForce(m), m.Name, "*") }

// orCeiling returns a mode with the origin of the ceiling that made it what it is, if one did.
func (c *checker) orCeiling(m stated, keys ...string) stated {
	if c.Meshless { // nothing enforces a mode; the target says so of every other one
		m.mode = policy.Permissive
	}
	key := c.ceilingKey(keys...)
	if key != "" && c.env.Modes[key] == m.mode && modes[m.at.Text()] != m.mode {
		return stated{m.mode, c.env.ModesAt[key], true}
	}
	return m
}

func (c *checker) inForce(s *service, port uint16) stated {
	for _, p := range s.Ports {
		if p.Number == port && p.Mode != policy.ModeUnset {
			return stated{mode: p.Mode, at: either(s.ports[port].at, s.modeAt())}
		}
	}
	if s.Mode != policy.ModeUnset {
		return stated{mode: s.Mode, at: s.modeAt()}
	}
	return c.meshInForce(s.mesh)
}

func (c *checker) meshInForce(m *mesh) stated {
	switch {
	case m.Mode != policy.ModeUnset:
		return stated{mode: m.Mode, at: m.ModeAt}
	case c.policy.Mode != policy.ModeUnset:
		return stated{mode: c.policy.Mode, at: c.policy.ModeAt}
	}
	return stated{mode: policy.Permissive}
}

func (s *service) modeAt() source.Span { return either(s.stated.at, s.mesh.ModeAt) }

// met returns the modes that the callers of a rule meet: those of its ports, or of every port.
func (c *checker) met(r *rule) []stated {
	ports := r.Ports
	if len(ports) == 0 {
		all := []stated{c.effective(r.callee, 0)}
		for _, p := range r.callee.Ports {
			if p.Mode != policy.ModeUnset {
				all = append(all, c.effective(r.callee, p.Number))
			}
		}
		return all
	}
	all := make([]stated, 0, len(ports))
	for _, p := range ports {
		if r.callee.Inbound.Of(p).Capture != policy.Bypassed { // where no proxy is, no mode is met
			all = append(all, c.effective(r.callee, p))
		}
	}
	return all
}

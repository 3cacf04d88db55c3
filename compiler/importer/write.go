package importer

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/print"
	"github.com/meshc/meshc/lang/source"
)

// draft is what one round wrote.
type draft struct {
	output []File
	origin map[string][]origin // of the statements of a file
	build  *compiler.Build     // set by prove
}

// origin is where a statement is written, and the objects that it comes from.
type origin struct {
	at source.Span
	of []*object
}

// line is a statement and the objects that it comes from.
type line struct {
	print.Line
	of []*object
}

// write writes what is to be said. Objects for which that turns out to be impossible are accepted.
func (i *importer) write() (*draft, error) {
	sections := map[string]*section{}
	at := func(name string) *section {
		if sections[name] == nil {
			sections[name] = &section{name: name, importer: i}
		}
		return sections[name]
	}
	names := map[string]bool{}
	for _, o := range i.objects {
		if o.Outcome == Said {
			names[o.Namespace] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		i.statements(at(name))
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) { // callers, whose sections only declare them
		for _, r := range sections[name].rules {
			for _, c := range r.callers {
				switch {
				case c.kind == policy.FromMesh:
					at(c.in).named = true
				case c.kind == policy.FromService && c.at == nil:
					for _, s := range i.callersOf(c.in, c.account) {
						at(c.in).use(s, r.of)
					}
				case c.at != nil:
					at(c.at.namespace).use(c.at, r.of)
				}
			}
		}
	}
	p := &draft{origin: map[string][]origin{}}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		file := name + ".mesh"
		lines := sections[name].lines()
		if len(lines) == 0 {
			continue
		}
		plain := make([]print.Line, len(lines))
		for k := range lines {
			plain[k] = lines[k].Line
		}
		text, err := print.Lines(plain)
		if err != nil {
			return nil, err
		}
		parsed, _ := lang.Parse(file, text)
		for k, stmt := range parsed.Stmts {
			p.origin[file] = append(p.origin[file], origin{stmt.Span(), lines[k].of})
		}
		p.output = append(p.output, File{file, string(text)})
	}
	return p, nil
}

// section is what is said of one namespace.
type section struct {
	*importer
	name  string
	mode  enforce.Mode // Inherit: none is stated
	of    []*object    // what the section itself comes from
	named bool         // all of the namespace is a caller
	used  map[*service][]*object
	rules []*rule
	modes []mode
}

// mode is the mode of a service, or of one of its ports.
type mode struct {
	to    *service
	port  uint16 // 0: all without one of their own
	mode  enforce.Mode
	of    *object
	above []string
}

func (s *section) use(v *service, of []*object) {
	if s.used == nil {
		s.used = map[*service][]*object{}
	}
	for _, o := range of {
		if !slices.Contains(s.used[v], o) {
			s.used[v] = append(s.used[v], o)
		}
	}
}

// statements decides what is said of the objects of a namespace.
func (i *importer) statements(s *section) {
	var said []*object
	for _, o := range i.objects {
		if o.Namespace != s.name || o.Outcome != Said {
			continue
		}
		i.outline(o)
		if o.Outcome == Said {
			said = append(said, o)
		}
	}
	closed := s.name == i.mesh.RootNamespace || i.closed(s.name)
	for _, o := range said {
		switch r := o.read; {
		case r.Role == enforce.SetsModes && len(r.Selector) == 0:
			if !closed {
				o.accept("nothing closes the namespace %s, and a mesh with a mode is closed", s.name)
				continue
			}
			s.mode, s.of = r.Mode, append(s.of, o)
		case r.Role == enforce.SetsModes:
			s.use(o.about, []*object{o})
			if r.Mode != enforce.Inherit {
				s.modes = append(s.modes, mode{to: o.about, mode: r.Mode, of: o, above: o.comments})
			}
			for _, p := range r.Ports {
				if p.Mode != enforce.Inherit {
					s.modes = append(s.modes, mode{to: o.about, port: p.Port, mode: p.Mode, of: o, above: o.comments})
				}
			}
		case len(r.Selector) == 0:
			s.of = append(s.of, o)
		case r.Effect == enforce.Allow && !closed:
			o.accept("nothing closes the namespace %s: a pod there that no ALLOW selects is open, and `mesh %s` would close it", s.name, s.name)
		default:
			rules, err := i.rulesOf(o)
			if err != nil {
				o.accept("%s", err)
				continue
			}
			s.use(o.about, []*object{o})
			if len(rules) > 0 && len(o.comments) > 0 {
				rules[0].above = slices.Concat(o.comments, rules[0].above)
			}
			s.rules = append(s.rules, rules...)
		}
	}
	s.rules = i.tidy(s.rules)
	into := slices.ContainsFunc(s.rules, func(r *rule) bool { return !r.deny })
	if s.mode == enforce.Inherit && closed && !into && s.name != i.mesh.RootNamespace && len(s.of) > 0 {
		s.mode, _ = i.layer.For(enforce.Workload{Namespace: s.name}).Mode(0) // stated, so that the section closes the namespace
	}
}

// closed reports whether an ALLOW binds all of a namespace, so that what it does not let through is denied.
func (i *importer) closed(name string) bool {
	return slices.ContainsFunc(i.layer.Policies, func(p *enforce.Object) bool {
		return p.Role == enforce.Authorizes && p.Effect == enforce.Allow && !p.DryRun && !p.Broken && len(p.Selector) == 0 && !p.Gateways &&
			(p.Namespace == name || p.Namespace == i.mesh.RootNamespace)
	})
}

// outline accepts an object for what it is, whatever its rules are.
func (i *importer) outline(o *object) {
	r := o.read
	whole := len(r.Selector) == 0
	root := o.Namespace == i.mesh.RootNamespace
	switch {
	case r.Broken:
		o.accept("what it does is not known")
	case r.Role == enforce.Authenticates:
		o.accept("it says whose tokens count")
	case r.Gateways:
		o.accept("it binds a gateway or a waypoint by its name")
	case r.DryRun:
		o.accept("it is in a dry run")
	case root && r.Role == enforce.SetsModes && !whole:
		o.accept("it has no effect: Istio ignores a selector in the root namespace here")
	case root && r.Role == enforce.Authorizes:
		o.accept("it binds every namespace")
	case r.Role == enforce.SetsModes && i.rival(o) != nil:
		o.accept("of it and %s the older one applies to pods that both select", i.rival(o).ID())
	case r.Role == enforce.SetsModes && (whole || !i.narrower(o)):
	case r.Effect != enforce.Allow && r.Effect != enforce.Deny:
		o.accept("its action is %s", r.Effect)
	case whole && len(r.Clauses) > 0:
		o.accept("its rules bind every pod of the namespace")
	case whole && r.Effect == enforce.Deny:
		o.accept("it denies nothing")
	case !whole && i.narrower(o):
		o.accept("its pods are also those of another selector")
	}
}

// rival is an object that sets other modes and may select the same pods by other labels; nil if there is none.
func (i *importer) rival(o *object) *object {
	if o.about == nil {
		return nil
	}
	for _, other := range i.objects {
		if other.Outcome == Refused || other.Namespace != o.Namespace || other.about == nil || other.about == o.about || other.read.Role != enforce.SetsModes ||
			other.read.Mode == o.read.Mode && slices.Equal(other.read.Ports, o.read.Ports) {
			continue
		}
		if _, possible := joined(o.about.labels, other.about.labels); possible {
			return other
		}
	}
	return nil
}

// narrower reports whether another object that is said selects the pods of an object, and others.
func (i *importer) narrower(o *object) bool {
	return slices.ContainsFunc(i.objects, func(other *object) bool {
		return other.Outcome == Said && other.Namespace == o.Namespace && other.about != nil && other.about != o.about &&
			!slices.ContainsFunc(other.about.labels, func(l policy.Label) bool { return !slices.Contains(o.about.labels, l) })
	})
}

// tidy drops what other rules say too, and puts rules together that differ in their callers alone.
func (i *importer) tidy(rules []*rule) (all []*rule) {
	for n, r := range rules {
		var left []caller
		for _, c := range r.callers {
			said := slices.ContainsFunc(slices.Concat(rules[:n], rules[n+1:]), func(other *rule) bool {
				if other.deny != r.deny || other.to != r.to || other.port != 0 && other.port != r.port || !policy.Covers(other.ops, r.ops) {
					return false
				}
				return slices.ContainsFunc(other.callers, func(d caller) bool {
					same := c == d && other.port == r.port && policy.Covers(r.ops, other.ops)
					return d.includes(c) && (!same || slices.Index(rules, other) < n)
				})
			})
			if !said {
				left = append(left, c)
			}
		}
		if len(left) > 0 {
			kept := *r
			kept.callers = left
			all = append(all, &kept)
		}
	}
	for n := 0; n < len(all); n++ {
		r := all[n]
		all = append(all[:n+1], slices.DeleteFunc(all[n+1:], func(other *rule) bool {
			same := other.deny == r.deny && other.to == r.to && other.port == r.port && len(other.above) == 0 && policy.Covers(other.ops, r.ops) && policy.Covers(r.ops, other.ops)
			if same {
				r.callers = widest(slices.Concat(r.callers, other.callers))
				r.of = slices.Concat(r.of, other.of)
			}
			return same
		})...)
	}
	return all
}

// lines are the statements of a section.
func (s *section) lines() (all []line) {
	if s.name == s.mesh.RootNamespace && s.mode != enforce.Inherit {
		all = append(all, line{print.Line{Above: s.above(), Stmt: &lang.Mesh{Name: name("*"), Mode: modeName(s.mode)}}, s.of})
		s.mode, s.of = enforce.Inherit, nil
	}
	root := s.name == s.mesh.RootNamespace
	if len(s.used) == 0 && !s.named && (root || len(s.of) == 0) {
		return all
	}
	all = append(all, line{print.Line{Gap: len(all) > 0, Above: s.above(), Stmt: &lang.Mesh{Name: name(s.name), Mode: modeName(s.mode)}}, s.of})
	services := slices.SortedFunc(maps.Keys(s.used), func(a, b *service) int { return cmp.Compare(a.name, b.name) })
	for k, v := range services {
		l := line{print.Line{Gap: k == 0, Stmt: s.declaration(v)}, s.used[v]}
		if v.assumed {
			l.Comment = "the account is assumed from the name"
		}
		all = append(all, l)
	}
	slices.SortStableFunc(s.rules, func(a, b *rule) int { return cmp.Compare(a.to.name, b.to.name) })
	var last *service
	for _, r := range s.rules {
		all = append(all, line{print.Line{Gap: r.to != last, Above: r.above, Stmt: s.edge(r)}, r.of})
		last = r.to
	}
	var commented *object
	for k, m := range s.modes {
		target := lang.Target{Ref: lang.Ref{Name: name(m.to.name)}}
		if m.port != 0 {
			target.Port = number(m.port)
		}
		l := line{print.Line{Gap: k == 0, Stmt: &lang.MTLS{Targets: []lang.Target{target}, Mode: modeName(m.mode)}}, []*object{m.of}}
		if m.of != commented {
			l.Above, commented = m.above, m.of
		}
		all = append(all, l)
	}
	return all
}

// above is the comments of the objects that a section comes from.
func (s *section) above() (all []string) {
	for _, o := range s.of {
		all = append(all, o.comments...)
	}
	return all
}

func (s *section) declaration(v *service) *lang.Service {
	d := &lang.Service{Name: name(v.name)}
	if v.account != "" {
		d.Accounts = []lang.Name{name(v.account)}
	}
	if len(v.addresses) > 0 {
		d.Outside = name("outside")
	}
	for _, a := range v.addresses {
		d.Addresses = append(d.Addresses, name(a.String()))
	}
	if !v.defaultLabels() {
		for _, l := range v.labels {
			d.Labels = append(d.Labels, lang.Label{Key: name(l.Key), Value: name(l.Value)})
		}
	}
	ports := map[uint16]policy.Protocol{}
	for _, r := range s.rules {
		if r.to == v && r.port != 0 {
			ports[r.port] = max(ports[r.port], v.protocol(r))
		}
	}
	for _, m := range s.modes {
		if m.to == v && m.port != 0 && ports[m.port] == policy.ProtocolUnset {
			ports[m.port] = v.stated(m.port)
		}
	}
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		p := lang.Port{Number: number(port)}
		if protocol := ports[port]; protocol != policy.ProtocolUnset {
			p.Protocol = name(protocol.String())
		}
		d.Ports = append(d.Ports, p)
	}
	return d
}

// protocol is that of the port of a rule: a rule with operations is about HTTP.
func (v *service) protocol(r *rule) policy.Protocol {
	p := v.stated(r.port)
	if len(r.ops) > 0 && !p.IsHTTP() {
		return policy.HTTP
	}
	return p
}

// stated is the protocol of a port by the manifests of workloads.
func (v *service) stated(port uint16) policy.Protocol {
	for _, w := range v.known {
		for _, p := range w.Ports {
			if p.Number == port {
				return p.Protocol
			}
		}
	}
	return policy.ProtocolUnset
}

// edge is the statement of a rule.
func (s *section) edge(r *rule) lang.Stmt {
	var from []lang.Target
	for _, c := range r.callers {
		from = append(from, s.caller(c)...)
	}
	to := lang.Target{Ref: lang.Ref{Name: name(r.to.name)}}
	if r.port != 0 {
		to.Port = number(r.port)
	}
	for _, o := range r.ops {
		op := lang.Operation{}
		for _, m := range o.Methods {
			op.Methods = append(op.Methods, name(m))
		}
		if o.Path != "" {
			op.Path = lang.Name{Text: o.Path, Quoted: o.Path == "*"}
		}
		to.Ops = append(to.Ops, op)
	}
	to.Braces = len(to.Ops) > 2
	hops := []lang.Hop{{Targets: from}, {Targets: []lang.Target{to}}}
	if r.deny {
		return &lang.Deny{Hops: hops}
	}
	return &lang.Edge{Hops: hops}
}

func (s *section) caller(c caller) (all []lang.Target) {
	ref := func(in, n string) {
		r := lang.Ref{Name: name(n)}
		if in != s.name {
			r.Namespace = name(in)
		}
		all = append(all, lang.Target{Ref: r})
	}
	switch {
	case c.at != nil:
		ref(c.at.namespace, c.at.name)
	case c.kind == policy.FromWorld:
		ref(s.name, "world")
	case c.kind == policy.FromAny:
		ref(s.name, "any")
	case c.kind == policy.FromMesh:
		all = append(all, lang.Target{Ref: lang.Ref{Namespace: name(c.in), Name: name("*")}})
	default:
		for _, v := range s.callersOf(c.in, c.account) {
			ref(v.namespace, v.name)
		}
	}
	return all
}

func name(text string) lang.Name { return lang.Name{Text: text} }

func number(port uint16) lang.Name { return name(strconv.Itoa(int(port))) }

var modeWords = map[enforce.Mode]string{enforce.Disable: "disable", enforce.Permissive: "permissive", enforce.Strict: "strict"}

func modeName(m enforce.Mode) lang.Name { return name(modeWords[m]) }

package importer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/print"
	"github.com/meshc/meshc/lang/source"
)

// draft is what one round wrote.
type draft struct {
	output  []File
	origin  map[string][]origin // of the statements of a file
	build   *compiler.Build     // set by prove, as are the changes that were asked for
	changes []string
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

// write writes what is to be said. Objects for which that turns out to be impossible are accepted; again is true if
// that is found out too late.
func (i *importer) write() (p *draft, again bool, err error) {
	for _, n := range i.services {
		n.accounts = nil
		for _, s := range n.services {
			s.clients = policy.AddressUnknown
		}
	}
	sections := i.sections()
	p = &draft{origin: map[string][]origin{}}
	i.declared = nil
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		file := name + ".mesh"
		lines := sections[name].lines()
		if len(lines) == 0 {
			continue
		}
		for _, l := range lines {
			if m, ok := l.Stmt.(*lang.Mesh); ok && m.Name.Text == name {
				i.declared = append(i.declared, name)
			}
		}
		for k, part := range parts(name, lines) {
			if k > 0 {
				file = fmt.Sprintf("%s/%d.mesh", name, k+1)
			}
			if err := p.add(file, part); err == nil {
				continue
			} else if !unwritable(lines) {
				return nil, false, err
			}
			again = true
			break
		}
	}
	if len(p.output) == 0 { // a project has a file of intents
		p.output = append(p.output, File{"intents.mesh", "# None of the policies could become intents.\n"})
	}
	return p, again, nil
}

// sections is what is to be said in the section of each namespace: its rules, the services that they and those of other
// sections name, and the issuers of tokens. It sets which issuers are said.
func (i *importer) sections() map[string]*section {
	sections := map[string]*section{}
	at := func(name string) *section {
		if sections[name] == nil {
			sections[name] = &section{name: name, importer: i}
		}
		return sections[name]
	}
	names := map[string]bool{}
	for _, o := range i.objects {
		if o.Outcome != Refused {
			names[o.Namespace] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		i.statements(at(name))
	}
	for _, o := range i.objects {
		if o.Outcome == Accepted && o.Namespace != i.mesh.RootNamespace {
			at(o.Namespace).named = true // so that what is accepted there is judged
		}
	}
	signing := map[*issuer]*section{}
	sign := func(s *section, x *issuer, of []*object) {
		if signing[x] == nil {
			signing[x] = s
		}
		signing[x].sign(x, of)
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		for _, v := range sections[name].tokens {
			sign(sections[name], v.issuer, []*object{v.of})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) { // callers, whose sections only declare them
		for _, r := range sections[name].rules {
			if r.token != nil {
				for _, x := range r.token.issuers {
					sign(sections[name], x, r.of)
				}
			}
			for _, c := range slices.Concat(r.who, r.except) {
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
	for name, n := range i.services {
		for _, s := range n.services {
			if s.renamed {
				at(name).use(s, nil)
			}
		}
	}
	i.signing = slices.Collect(maps.Keys(signing))
	return sections
}

// parts divides the statements of a section among files, where they are more than one may have.
func parts(name string, lines []line) (all [][]line) {
	const most = 1 << 20 // words and signs, half of what is read of a file
	start, size := 0, 0
	for k := range lines {
		n := lines[k].words()
		if size += n; size <= most || k == start {
			continue
		}
		all = append(all, lines[start:k])
		lines[k].Gap = true
		start, size = k, n
	}
	all = append(all, lines[start:])
	for k := 1; k < len(all); k++ {
		all[k] = slices.Concat([]line{{print.Line{Stmt: &lang.Mesh{Name: lang.Name{Text: name}}}, nil}}, all[k])
	}
	return all
}

// words is about how many words and signs a statement has.
func (l *line) words() int {
	const few, name, operation = 32, 4, 16 // NAMESPACE / NAME ,
	switch s := l.Stmt.(type) {
	case *lang.Edge:
		return few + name*(len(s.Hops[0].Targets)+len(s.Hops[0].Except)) + operation*len(s.Hops[1].Targets[0].Ops)
	case *lang.Deny:
		return few + name*(len(s.Hops[0].Targets)+len(s.Hops[0].Except)) + operation*len(s.Hops[1].Targets[0].Ops)
	case *lang.Group:
		return few + name*len(s.Members)
	}
	return few
}

// add writes a file.
func (p *draft) add(file string, lines []line) error {
	plain := make([]print.Line, len(lines))
	for k := range lines {
		plain[k] = lines[k].Line
	}
	text, err := print.Lines(plain)
	if err != nil {
		return err
	}
	parsed, _ := lang.Parse(file, text)
	for k, stmt := range parsed.Stmts {
		p.origin[file] = append(p.origin[file], origin{stmt.Span(), lines[k].of})
	}
	p.output = append(p.output, File{file, string(text)})
	return nil
}

// unwritable accepts the objects of the statements that have no text, and reports whether there are any.
func unwritable(lines []line) (some bool) {
	for k := range lines {
		if _, err := print.Lines([]print.Line{lines[k].Line}); err != nil {
			for _, o := range lines[k].of {
				some = some || o.Outcome == Said
				o.accept("%s", err)
			}
		}
	}
	return some
}

// lines are the statements of a section.
func (s *section) lines() (all []line) {
	root := s.name == s.mesh.RootNamespace
	if root && (s.shut || s.mode != enforce.Inherit) {
		wide := &lang.Mesh{Name: name("*"), Mode: modeName(s.mode)}
		if s.shut {
			wide.Default = name("closed")
		}
		all = append(all, line{print.Line{Above: s.above(), Stmt: wide}, s.of})
		s.mode, s.of = enforce.Inherit, nil
	}
	if len(s.used)+len(s.rules)+len(s.tokens) == 0 && !s.named && (root || len(s.of) == 0) {
		return all
	}
	own := &lang.Mesh{Name: name(s.name), Mode: modeName(s.mode)}
	if s.open {
		own.Default = name("open")
	}
	all = append(all, line{print.Line{Gap: len(all) > 0, Above: s.above(), Stmt: own}, s.of})
	issuers := slices.SortedFunc(maps.Keys(s.signed), func(a, b *issuer) int { return cmp.Compare(a.name, b.name) })
	for k, x := range issuers {
		var above []string
		for _, o := range x.of {
			above = append(above, o.comments...)
		}
		all = append(all, line{print.Line{Gap: k == 0, Above: above, Stmt: x.declaration()}, s.signed[x]})
	}
	services := slices.SortedFunc(maps.Keys(s.used), func(a, b *service) int { return cmp.Compare(a.name, b.name) })
	for k, v := range services {
		l := line{print.Line{Gap: k == 0, Stmt: s.declaration(v)}, s.used[v]}
		switch {
		case v.assumed:
			l.Comment = "the account is assumed from the name"
		case root && (v.labels != nil || v.shown != nil) && !v.gateway:
			l.Comment = "in every namespace"
		default:
			l.Comment = s.assumption(v)
		}
		all = append(all, l)
	}
	for k, l := range s.verifications() {
		l.Gap = k == 0
		all = append(all, l)
	}
	s.group()
	for k, g := range s.groups {
		l := g.declaration(s)
		l.Gap = k == 0
		all = append(all, l)
	}
	target := func(r *rule) string {
		if r.to == nil {
			return "" // pods
		}
		return r.to.name
	}
	slices.SortStableFunc(s.rules, func(a, b *rule) int { return cmp.Compare(target(a), target(b)) })
	for k, r := range s.rules {
		all = append(all, line{print.Line{Gap: k == 0 || r.to != s.rules[k-1].to, Above: r.above, Stmt: s.edge(r)}, r.of})
	}
	var commented *object
	for k, m := range s.modes {
		target := lang.Target{Ref: lang.Ref{Name: name(m.to.name)}}
		if m.port != 0 {
			target.Port = number(m.port)
		}
		l := line{print.Line{Gap: k == 0, Stmt: &lang.MTLS{Targets: []lang.Target{target}, Mode: modeName(m.mode)}}, m.of}
		if m.of[0] != commented {
			l.Above, commented = m.above, m.of[0]
		}
		all = append(all, l)
	}
	return all
}

// assumption says which label the pods of a service have to have that the workloads do not show; empty if they show it,
// or if none are known.
func (s *section) assumption(v *service) string {
	assumed := labelsText([]policy.Label{v.defaultLabel()}) + " is assumed"
	switch {
	case v.labels != nil || v.shown != nil || v.manifested || v.account == "":
		return ""
	case v.within != "":
		return "its pods are also those of " + v.within + ": " + assumed
	case len(v.known) > 0:
		return "no labels are on its pods alone: " + assumed
	case s.manifests == nil && len(s.importer.known.Workloads) > 0:
		return "no workload has the account: " + assumed
	}
	return ""
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
	if v.gateway {
		d.Gateway = name("gateway")
	}
	for _, a := range v.addresses {
		d.Addresses = append(d.Addresses, name(a.String()))
	}
	for _, l := range v.declared() {
		d.Labels = append(d.Labels, lang.Label{Key: name(l.Key), Value: name(l.Value)})
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
	if v.labels == nil && !v.manifested {
		for _, w := range v.known {
			for _, p := range w.Ports {
				if !p.UDP {
					ports[p.Number] = v.stated(p.Number)
				}
			}
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
	if (len(r.ops) > 0 || !r.plain() || r.token != nil || r.provider != "") && !p.IsHTTP() {
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
	to := lang.Target{Ref: lang.Ref{Name: name("pods")}}
	if r.to != nil {
		to.Name = name(r.to.name)
	}
	switch {
	case r.port != 0:
		to.Port = number(r.port)
	case r.http:
		to.Port = name("*")
	}
	for _, o := range r.ops {
		to.Ops = append(to.Ops, operation(o))
	}
	to.Braces = len(to.Ops) > 2
	to.More = clauses(r)
	hops := []lang.Hop{s.callers(r), {Targets: []lang.Target{to}}}
	if r.deny {
		return &lang.Deny{Hops: hops}
	}
	if r.provider != "" {
		return &lang.Ask{Provider: name(r.provider), Hops: hops}
	}
	return &lang.Edge{Hops: hops}
}

// clauses are the conditions of requests; nil if there are none.
func clauses(r *rule) *lang.Clauses {
	if r.plain() && r.token == nil {
		return nil
	}
	c := &lang.Clauses{}
	if r.token != nil {
		c.With = []lang.Credential{r.token.with()}
	}
	for _, h := range r.hosts {
		c.Hosts = append(c.Hosts, lang.Name{Text: h, Quoted: strings.Contains(h, ":")})
	}
	for _, o := range r.without {
		c.Except = append(c.Except, lang.Exception{Op: operation(o)})
	}
	for _, port := range r.closed {
		c.Except = append(c.Except, lang.Exception{Port: number(port)})
	}
	for _, h := range r.headers {
		condition := lang.Condition{No: h.no, Name: name(h.name)}
		for _, v := range h.values {
			condition.Values = append(condition.Values, lang.Name{Text: v, Quoted: strings.ContainsAny(v, "/:")})
		}
		c.Headers = append(c.Headers, condition)
	}
	return c
}

func operation(o policy.Operation) (op lang.Operation) {
	for _, m := range o.Methods {
		op.Methods = append(op.Methods, name(m))
	}
	if o.Path != "" {
		op.Path = lang.Name{Text: o.Path, Quoted: o.Path == "*" || policy.StarWithin(o.Path)}
	}
	return op
}

// targets are some callers as they are written.
func (s *section) targets(callers []caller) (all []lang.Target) {
	for _, c := range callers {
		all = append(all, s.caller(c)...)
	}
	return all
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

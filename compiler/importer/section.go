package importer

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
)

// section is what is said of one namespace.
type section struct {
	*importer
	name   string
	mode   enforce.Mode // Inherit: none is stated
	open   bool         // what no edge names stays as it is
	shut   bool         // of the root namespace: what no edge names is closed in every namespace
	of     []*object    // what the section itself comes from
	named  bool         // something refers to it
	used   map[*service][]*object
	signed map[*issuer][]*object
	rules  []*rule
	modes  []mode
	tokens []verification

	groups  []*shared
	grouped map[*rule]*shared
}

// mode is the mode of a service, or of one of its ports.
type mode struct {
	to    *service
	port  uint16 // 0: all without one of their own
	mode  enforce.Mode
	of    []*object
	above []string
}

func (s *section) use(v *service, of []*object) {
	if s.used == nil {
		s.used = map[*service][]*object{}
	}
	if s.used[v] == nil {
		s.used[v] = []*object{}
	}
	for _, o := range of {
		if !slices.Contains(s.used[v], o) {
			s.used[v] = append(s.used[v], o)
		}
	}
}

// sign has the section declare an issuer, for the objects whose edges ask for its tokens.
func (s *section) sign(x *issuer, of []*object) {
	if s.signed == nil {
		s.signed = map[*issuer][]*object{}
	}
	s.signed[x] = slices.Concat(s.signed[x], of)
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
	root := s.name == i.mesh.RootNamespace
	closed := root || i.closed(s.name)
	for _, o := range said {
		switch r := o.read; {
		case r.Role == enforce.Authenticates:
			s.verify(o)
		case r.Role == enforce.SetsModes && i.overruled(o): // without it nothing changes
			if o.about != nil {
				s.use(o.about, []*object{o})
			}
		case r.Role == enforce.SetsModes && o.about == nil:
			s.mode, s.of = r.Mode, append(s.of, o)
			s.open = s.open || !closed
		case r.Role == enforce.SetsModes:
			s.state(o)
		case root && o.about == nil && len(r.Clauses) == 0:
			s.shut, s.of = true, append(s.of, o)
		case o.about == nil && len(r.Clauses) == 0:
			s.of = append(s.of, o)
		default:
			rules, err := i.rulesOf(o)
			switch {
			case err != nil:
				o.accept("%s", err)
				continue
			case len(rules) == 0 && len(r.Clauses) > 0 && o.about != nil && len(o.about.fronts("")) > 0: // what the waypoint needs
				s.use(o.about, []*object{o})
				continue
			case len(rules) == 0 && !closed && r.Effect == enforce.Allow && i.shut(o):
				rules = []*rule{{deny: true, to: o.about, callers: callers{who: []caller{{kind: policy.FromWorld}}}, of: []*object{o}}}
			}
			if len(rules) > 0 && len(o.comments) > 0 {
				rules[0].above = slices.Concat(o.comments, rules[0].above)
			}
			if o.about != nil {
				s.use(o.about, []*object{o})
			}
			s.shut = s.shut || root && o.about == nil && r.Effect == enforce.Allow
			s.open = s.open || !closed && (r.Effect == enforce.Allow || slices.ContainsFunc(rules, (*rule).opens))
			s.rules = append(s.rules, rules...)
		}
	}
	if i.shutsMesh() {
		s.sayShut()
	}
	s.rules = tidy(s.rules)
	s.tokens = slices.DeleteFunc(s.tokens, s.asks)
	if s.open || s.shut {
		for _, r := range s.rules {
			s.of = append(s.of, r.of...)
		}
	}
	if s.mode == enforce.Inherit && len(s.modes) > 0 && i.ambient(s.name) { // ztunnel makes something else of modes of ports without one
		s.mode, _ = i.layer.For(enforce.Workload{Namespace: s.name}).Mode(0)
		s.open = s.open || !closed
		for _, m := range s.modes {
			s.of = append(s.of, m.of...)
		}
	}
	into := slices.ContainsFunc(s.rules, func(r *rule) bool { return r.opens() })
	if s.mode == enforce.Inherit && closed && !root && !into && len(s.of) > 0 {
		s.mode, _ = i.layer.For(enforce.Workload{Namespace: s.name}).Mode(0) // stated, so that the section closes the namespace
	}
}

// shutsMesh reports whether an object that is said closes every namespace.
func (i *importer) shutsMesh() bool {
	return slices.ContainsFunc(i.objects, func(o *object) bool {
		return o.Outcome == Said && o.Namespace == i.mesh.RootNamespace && o.about == nil && !o.waypoint && o.read.Role == enforce.Authorizes && o.read.Effect == enforce.Allow
	})
}

// sayShut says of the gateways of a closed mesh to which nothing leads that this is meant.
func (s *section) sayShut() {
	for v, of := range s.used {
		if v.gateway && v.labels != nil && !s.opens(s.name, v.labels) {
			s.rules = append(s.rules, &rule{deny: true, to: v, callers: callers{who: []caller{{kind: policy.FromWorld}}}, of: of})
		}
	}
}

// state adds the modes that an object sets for the pods that it selects.
func (s *section) state(o *object) {
	s.use(o.about, []*object{o})
	add := func(port uint16, set enforce.Mode) {
		if set == enforce.Inherit {
			return
		}
		for k := range s.modes {
			if m := &s.modes[k]; m.to == o.about && m.port == port && m.mode == set { // another object says the same
				m.of = append(m.of, o)
				return
			}
		}
		s.modes = append(s.modes, mode{to: o.about, port: port, mode: set, of: []*object{o}, above: o.comments})
	}
	add(0, o.read.Mode)
	for _, p := range o.read.Ports {
		add(p.Port, p.Mode)
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
	root := o.Namespace == i.mesh.RootNamespace
	switch {
	case r.Broken:
		o.accept("what it does is not known")
	case r.Role == enforce.Authenticates && !o.waypoint:
	case o.waypoint && (r.Role != enforce.Authorizes || r.Effect != enforce.Allow || len(r.Clauses) > 0 || !i.closed(o.Namespace)):
		o.accept("it binds a waypoint, whatever Service is behind it")
	case o.waypoint, len(o.through) > 0:
	case r.Gateways && o.about != nil && len(r.Clauses) == 0 && r.Role == enforce.Authorizes && r.Effect == enforce.Allow && len(o.about.known) == 0:
		o.accept("it closes a Gateway to everyone, and the manifests do not show whether that is a waypoint")
	case r.Gateways && (o.about == nil || slices.ContainsFunc(r.Targets, func(l enforce.Label) bool { return strings.HasPrefix(l.Key, "/") })): // a Service or a GatewayClass
		o.accept("%s", i.unnamed(o.read))
	case r.DryRun:
		o.accept("it is in a dry run")
	case r.Role == enforce.SetsModes:
		switch {
		case root && len(r.Selector) > 0:
			o.accept("it has no effect: Istio ignores a selector in the root namespace here")
		case i.twin(o) != nil:
			o.accept("of it and %s the older one applies, and the manifests do not say which that is", i.twin(o).ID())
		case i.rival(o) != nil:
			o.accept("of it and %s the older one applies to pods that both select", i.rival(o).ID())
		case o.about != nil && i.narrower(o):
			o.accept("its pods are also those of another selector")
		}
	case r.Effect == enforce.Audit:
		o.accept("its action is %s", r.Effect)
	case o.about == nil && r.Effect == enforce.Deny && len(r.Clauses) == 0:
		o.accept("it denies nothing")
	case o.about != nil && i.narrower(o):
		o.accept("its pods are also those of another selector")
	}
}

// twin is an object that sets other modes for the same pods, if it is not known which of the two is older; nil if there
// is none.
func (i *importer) twin(o *object) *object {
	for _, other := range i.objects {
		if other != o && other.Outcome != Refused && other.read != nil && other.read.Role == enforce.SetsModes && other.Namespace == o.Namespace && other.about == o.about &&
			enforce.Rivals(o.read, other.read) {
			return other
		}
	}
	return nil
}

// overruled reports whether an older object sets the modes of the same pods.
func (i *importer) overruled(o *object) bool {
	return slices.ContainsFunc(i.objects, func(other *object) bool {
		return other.Outcome != Refused && other.read != nil && other.read.Role == enforce.SetsModes && other.Namespace == o.Namespace && other.about == o.about &&
			!other.read.Created.IsZero() && i.age[other.read] < i.age[o.read]
	})
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

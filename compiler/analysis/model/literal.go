package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// literal compares what rules mean with what manifests say as two lists of who may do what, in memory that one comparison after another
// uses. Most services have short lists without exceptions, and equal lists let through the same.
type literal struct {
	clauses   []*enforce.Clause
	want, got []permit
}

// permit is one caller, one port, one method and one path of what is let through. The zero value of each stands for all of them.
type permit struct {
	caller, method, path space.Pattern
	port                 uint16
}

// maxPermits is how many are compared. It keeps the time of a comparison, which is quadratic, below that of the classes.
const maxPermits = 64

// equal reports whether a point lets through to a service what its rules mean, because both say the same word for word. Where it does
// not, nothing is known.
func (l *literal) equal(m *Model, s *policy.Service, at *enforce.Point) bool {
	if s.Dataplane != policy.Sidecar || len(s.Deny)+len(s.Ask)+len(s.Issuers) > 0 {
		return false
	}
	modeOf := func(port uint16) enforce.Mode { return enforced[m.Mode(s, port)] }
	if !at.Sets(modeOf(0), modeOf) {
		return false
	}
	for _, p := range s.Ports {
		if mode, _ := at.Mode(p.Number); mode != modeOf(p.Number) {
			return false
		}
	}
	clauses, closed, ok := at.Alone(l.clauses[:0])
	l.clauses = clauses
	switch {
	case !ok || closed != m.closes(s):
		return false
	case !closed:
		return true
	}
	return l.mean(m, s.Allow) && l.say(clauses) && includes(l.want, l.got) && includes(l.got, l.want)
}

var enforced = [...]enforce.Mode{policy.Disable: enforce.Disable, policy.Permissive: enforce.Permissive, policy.Strict: enforce.Strict}

// mean lists what rules mean. It fails where that is no short list.
func (l *literal) mean(m *Model, rules []policy.Rule) bool {
	l.want = l.want[:0]
	for i := range rules {
		r := &rules[i]
		if len(r.Except)+len(r.Without)+len(r.Where) > 0 || r.Widened {
			return false
		}
		for _, f := range r.From {
			switch {
			case f.Kind == policy.FromWorld:
				if !l.meanOf(r, space.Pattern{}) {
					return false
				}
			case f.Kind == policy.FromAny:
				if !l.meanOf(r, space.PrincipalPattern("*")) {
					return false
				}
			case f.Kind == policy.FromMesh:
				if space.FoundElsewhere(f.Mesh) || !l.meanOf(r, space.NamespacePattern(f.Mesh)) {
					return false
				}
			case !f.Service.Proxied():
				return false
			default:
				for _, principal := range m.Principals(f.Service) {
					if !l.meanOf(r, space.PrincipalPattern(principal)) {
						return false
					}
				}
			}
		}
	}
	return true
}

var (
	allPorts      = []uint16{0}
	allOperations = []policy.Operation{{}}
)

func (l *literal) meanOf(r *policy.Rule, caller space.Pattern) bool {
	ports, ops := r.Ports, r.Ops
	if len(ports) == 0 {
		ports = allPorts
	}
	if len(ops) == 0 {
		ops = allOperations
	}
	for _, o := range ops {
		p := permit{caller: caller}
		switch {
		case o.Path == "*" || policy.IsTemplate(o.Path):
			return false
		case o.Path != "":
			p.path = space.Standard.Pattern(space.Path, o.Path)
		}
		for i := range max(len(o.Methods), 1) {
			if len(o.Methods) > 0 {
				p.method = space.Standard.Pattern(space.Method, o.Methods[i])
			}
			for _, p.port = range ports {
				if len(l.want) == maxPermits {
					return false
				}
				l.want = append(l.want, p)
			}
		}
	}
	return true
}

// say lists what clauses say. It fails where that is no short list, or where they look at anything else.
func (l *literal) say(clauses []*enforce.Clause) bool {
	l.got = l.got[:0]
	for _, c := range clauses {
		ofHTTP := func(b space.Box) bool { return space.Standard.HTTP([]space.Box{b}) }
		if slices.ContainsFunc(c.To, ofHTTP) && slices.ContainsFunc(c.To, func(b space.Box) bool { return !ofHTTP(b) }) {
			return false // where requests are not read, none of these counts
		}
		for _, from := range c.From {
			var p permit
			callers, ok := one(from, space.Identity)
			if !ok {
				return false
			}
			for _, to := range c.To {
				if !l.sayOf(p, callers, to) {
					return false
				}
			}
		}
	}
	return true
}

var anything = []space.Pattern{{}}

// one is the patterns of the only condition that a box may have, which is on a dimension.
func one(b space.Box, d space.Dimension) ([]space.Pattern, bool) {
	if len(b) == 0 {
		return anything, true
	}
	return b[0].Is, len(b) == 1 && b[0].Dimension == d && plain(&b[0])
}

// plain reports whether a condition asks for one of some patterns alone.
func plain(c *space.Condition) bool {
	return len(c.Is) > 0 && len(c.Not) == 0 && !slices.Contains(c.Is, space.Pattern{})
}

func (l *literal) sayOf(p permit, callers []space.Pattern, to space.Box) bool {
	ports, methods, paths := anything, anything, anything
	for i := range to {
		var of *[]space.Pattern
		switch to[i].Dimension {
		case space.Port:
			of = &ports
		case space.Method:
			of = &methods
		case space.Path:
			of = &paths
		default:
			return false
		}
		if &(*of)[0] != &anything[0] || !plain(&to[i]) {
			return false
		}
		*of = to[i].Is
	}
	if len(l.got)+len(callers)*len(ports)*len(methods)*len(paths) > 2*maxPermits {
		return false
	}
	for _, p.caller = range callers {
		for _, port := range ports {
			if p.port = port.Port(); p.port == 0 && port != (space.Pattern{}) {
				return false
			}
			for _, p.method = range methods {
				for _, p.path = range paths {
					l.got = append(l.got, p)
				}
			}
		}
	}
	return true
}

// includes reports whether each permit of inner is one of outer. It is fast where both have the same order.
func includes(outer, inner []permit) bool {
	next := 0
	for _, p := range inner {
		found := false
		for range outer {
			if next == len(outer) {
				next = 0
			}
			if found = outer[next] == p; found {
				break
			}
			next++
		}
		if !found {
			return false
		}
	}
	return true
}

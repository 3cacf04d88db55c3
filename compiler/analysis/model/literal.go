package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// literal compares what rules mean with what manifests say as two lists of who may do what, in memory that one
// comparison after another uses. Most services have short lists without exceptions, and equal lists let through the
// same.
type literal struct {
	clauses        []*enforce.Clause
	led            []uint16 // the ports to which waypoints lead
	said           []permit // what one point lets through
	own, want, got []permit // what the service's own point lets through; what is meant; what gets there
}

// permit is one caller, one port, one method and one path of what is let through. The zero value of each stands for all
// of them.
type permit struct {
	caller, method, path space.Pattern
	port                 uint16
	unled                bool // the ports are those to which no waypoint leads
}

// maxPermits is how many are compared. It keeps the time of a comparison, which is quadratic, below that of the
// classes.
const maxPermits = 64

// equal reports whether a point lets through to a service what its rules mean, because both say the same word for word.
// Where it does not, nothing is known.
func (l *literal) equal(m *Model, s *policy.Service, at *enforce.Point) bool {
	if len(s.Deny)+len(s.Ask)+len(s.Issuers) > 0 || len(at.Ways) > 0 && !at.Ambient() || !modesEqual(m, s, at) {
		return false
	}
	l.led = l.led[:0]
	for i := range at.Ways {
		w := &at.Ways[i]
		if w.Canary || w.Target == 0 {
			return false
		}
		l.led = append(l.led, w.Target)
	}
	closed := m.closes(s)
	if !l.say(at, closed) {
		return false
	}
	if !closed {
		return len(at.Ways) == 0
	}
	return l.mean(m, s.Allow, at) && l.get(at) && includes(l.want, l.got) && includes(l.got, l.want)
}

// get lists what gets to a service, given what its own point says: what waypoints let through, which call it for those
// who pass them, and what it lets through to the other ports.
func (l *literal) get(at *enforce.Point) bool {
	l.own, l.said = l.said, l.own
	l.got = l.got[:0]
	for i := range at.Ways {
		w := &at.Ways[i]
		if !l.say(w.Point, true) {
			return false
		}
		before := len(l.got)
		for _, p := range l.said {
			if p.port == 0 && !p.unled {
				p.port = w.Target
			}
			if p.port == w.Target && !p.unled { // it leads to no other port
				l.got = append(l.got, p)
			}
		}
		if len(l.got) == before {
			continue
		}
		for _, principal := range w.Principals() {
			if !slices.Contains(l.own, permit{caller: principal, port: w.Target}) {
				return false
			}
		}
	}
	for _, p := range l.own {
		switch {
		case slices.ContainsFunc(at.Ways, func(w enforce.Way) bool {
			return p.port == w.Target && slices.Contains(w.Principals(), p.caller)
		}):
			continue // the waypoint has no calls of its own
		case len(l.led) > 0 && !p.unled && (p.port == 0 || slices.Contains(l.led, p.port)):
			return false // to those who get past the waypoint
		}
		l.got = append(l.got, p)
	}
	return true
}

// modesEqual reports whether all ports have the modes that the policy says.
func modesEqual(m *Model, s *policy.Service, at *enforce.Point) bool {
	modeOf := func(port uint16) enforce.Mode { return enforced[m.Mode(s, port)] }
	if !at.Sets(modeOf(0), modeOf) {
		return false
	}
	for _, p := range s.Ports {
		if mode, _ := at.Mode(p.Number); mode != modeOf(p.Number) {
			return false
		}
	}
	return true
}

var enforced = [...]enforce.Mode{policy.Disable: enforce.Disable, policy.Permissive: enforce.Permissive, policy.Strict: enforce.Strict}

// mean lists what rules mean. It fails where that is no short list.
func (l *literal) mean(m *Model, rules []policy.Rule, at *enforce.Point) bool {
	l.want = l.want[:0]
	for i := range rules {
		r := &rules[i]
		if len(r.Except)+len(r.Without)+len(r.Where) > 0 || r.Widened {
			return false
		}
		for _, f := range r.From {
			switch {
			case f.Kind != policy.FromService && len(l.led) > 0:
				return false // of these, some may pass waypoints and others not
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
					if !at.Pass(principal) || !l.meanOf(r, space.PrincipalPattern(principal)) {
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
	ports, ops, unled := r.Ports, r.Ops, false
	switch {
	case len(ports) > 0:
	case len(l.led) > 0:
		ports, unled = l.led, true
	default:
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
				l.want = append(l.want, p)
			}
			if unled {
				l.want = append(l.want, permit{caller: p.caller, method: p.method, path: p.path, unled: true})
			}
			if len(l.want) > maxPermits {
				return false
			}
		}
	}
	return true
}

// say lists what a point lets through, which is closed, or lets through everything. It fails where that is no short
// list, or where anything else is looked at.
func (l *literal) say(at *enforce.Point, closed bool) bool {
	clauses, closes, ok := at.Alone(l.clauses[:0])
	l.clauses, l.said = clauses, l.said[:0]
	if !ok || closes != closed {
		return false
	}
	for _, c := range clauses {
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

// ofHTTP reports whether a box asks for a method or a path.
func ofHTTP(b space.Box) bool {
	return slices.ContainsFunc(b, func(c space.Condition) bool { return c.Dimension == space.Method || c.Dimension == space.Path })
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

// spares reports whether a condition asks for a port to which no waypoint leads.
func (l *literal) spares(c *space.Condition) bool {
	led := func(p space.Pattern) bool { return slices.Contains(l.led, p.Port()) }
	return len(c.Is) == 0 && len(l.led) > 0 && !slices.ContainsFunc(c.Not, func(p space.Pattern) bool { return !led(p) }) &&
		!slices.ContainsFunc(l.led, func(port uint16) bool { return !slices.Contains(c.Not, space.PortPattern(port)) })
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
		switch {
		case &(*of)[0] != &anything[0]:
			return false
		case of == &ports && l.spares(&to[i]):
			p.unled = true
			continue
		case !plain(&to[i]):
			return false
		}
		*of = to[i].Is
	}
	if len(l.said)+len(callers)*len(ports)*len(methods)*len(paths) > 2*maxPermits {
		return false
	}
	for _, p.caller = range callers {
		for _, port := range ports {
			if p.port = port.Port(); p.port == 0 && port != (space.Pattern{}) {
				return false
			}
			for _, p.method = range methods {
				for _, p.path = range paths {
					l.said = append(l.said, p)
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

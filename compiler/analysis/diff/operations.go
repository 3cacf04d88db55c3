package diff

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// maxClasses bounds the number of classes that are named one by one.
const maxClasses = 1024

// manyClasses is the number of classes above which a name must include something that changed, and cannot be an exception.
const manyClasses = 4 * maxClasses

// nameOperations names operations: everything, ports, the operations of rules, and as a last resort each class.
func (s *comparison) nameOperations(groups []group) {
	defer func() { widestFirst(s.operations) }()
	changed := space.NewSet(len(s.possible))
	for _, g := range groups {
		changed.AddAll(g.operations)
	}
	seen := map[string]bool{}
	table := s.table()
	offer := func(b space.Box) {
		o := operationOf(table, b)
		text := o.String()
		if seen[text] {
			return
		}
		seen[text] = true
		matches := func(r *space.Request) bool { return table.In(b, r) }
		if len(s.possible) > manyClasses && !hasOne(changed, func(i int) bool { return matches(&s.possible[i].Request) }) {
			return
		}
		set := space.NewSet(len(s.possible))
		some := false
		for i, r := range s.possible {
			if matches(&r.Request) {
				set.Add(i)
				some = true
			}
		}
		if some {
			s.operations = append(s.operations, name[Operation]{value: o, text: text, set: set, cost: plain})
		}
	}
	offer(nil)
	ports := map[uint16]bool{}
	http := false
	bare := space.NewSet(len(s.possible))
	bareOf, httpOf := map[uint16]space.Set{}, map[uint16]bool{}
	for i, r := range s.possible {
		if of := r.Request.Port(); r.Request.HTTP {
			httpOf[of] = true
		} else {
			bare.Add(i)
			if bareOf[of] == nil {
				bareOf[of] = space.NewSet(len(s.possible))
			}
			bareOf[of].Add(i)
		}
		if p := r.Request.Port(); p != s.classes.Other.Port() && !ports[p] {
			ports[p] = true
			offer(space.Box{space.Is(space.Port, space.PortPattern(p))})
		}
		http = http || r.Request.HTTP
	}
	if http && bare.Len() > 0 {
		s.addOperation(Operation{Protocol: WithoutHTTP}, bare, plain)
	}
	for _, p := range slices.Sorted(maps.Keys(ports)) { // a port stands for both of what it takes
		if httpOf[p] && bareOf[p] != nil {
			s.addOperation(Operation{Port: p, Protocol: WithoutHTTP}, bareOf[p], brief)
		}
	}
	for _, p := range slices.Concat(s.a.All(), s.b.All()) {
		for i := range p.Clauses {
			for _, b := range slices.Concat(p.Requires(table, i), p.Excludes(table, i)) {
				beside := slices.ContainsFunc(b, func(c space.Condition) bool { return c.Dimension != space.Port })
				if beside && (http || !table.HTTP([]space.Box{b})) {
					s.offerParts(b, offer)
				}
			}
		}
	}
	if len(s.possible) > maxClasses {
		return
	}
	for i, r := range s.possible {
		set := space.NewSet(len(s.possible))
		set.Add(i)
		o := Operation{Words: s.classes.Words(&r.Request, true), Port: r.Request.Port()}
		if o.Port == s.classes.Other.Port() {
			o.Port, o.OtherPorts = 0, true
		}
		if r.Request.HTTP {
			o.Such = true
			s.addOperation(o, set, sample)
		} else {
			o.Protocol = WithoutHTTP
			s.addOperation(o, set, vague)
		}
	}
}

func (s *comparison) addOperation(o Operation, set space.Set, cost int) {
	s.operations = append(s.operations, name[Operation]{value: o, text: o.String(), set: set, cost: cost})
}

// offerParts offers what a rule asks for, with one value at a time of ports and of the dimensions that are written so, and
// each value alone of those that need no name.
func (s *comparison) offerParts(b space.Box, offer func(space.Box)) {
	parts := []space.Box{nil}
	for _, c := range b {
		values := [][]space.Pattern{c.Is}
		if c.Dimension == space.Port || s.table()[c.Dimension].Single && s.apart {
			values = slices.Collect(slices.Chunk(c.Is, 1))
		}
		var more []space.Box
		for _, part := range parts {
			for _, is := range values {
				more = append(more, slices.Clip(part).And(c.Dimension, is...))
			}
		}
		parts = more
	}
	for _, part := range parts {
		offer(part)
		if !s.apart {
			continue
		}
		for i, c := range part {
			if s.table()[c.Dimension].Bare && len(c.Is) > 1 {
				for _, value := range c.Is {
					one := slices.Clone(part)
					one[i] = space.Is(c.Dimension, value)
					offer(one)
				}
			}
		}
	}
}

// operationOf is the operations in a box, which names one port at most.
func operationOf(t space.Table, b space.Box) (o Operation) {
	var words []string
	for _, c := range b {
		if c.Dimension == space.Port {
			o.Port = c.Is[0].Port()
		} else {
			words = append(words, t.Words(c.Dimension, c.Is))
		}
	}
	o.Words = strings.Join(words, " ")
	return o
}

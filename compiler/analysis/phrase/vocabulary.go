package phrase

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// Vocabulary is names for sets of the operations of some requests, each of which represents a class. It has everything,
// ports, what rules ask for and leave out, what their conditions single out together and, as a last resort, requests
// that stand for others.
type Vocabulary struct {
	Rules
	table    space.Table
	requests []*space.Request
	changed  space.Set // what is to be named
	ports    []uint16  // that are named
	names    []Name[named]
	seen     map[string]bool
}

// Rules is what the words for operations are taken from.
type Rules struct {
	Boxes []space.Box // what rules ask for and, apart, what they leave out
	New   []space.Box // of them, what is to be named comes from: their words may stand for more than what is to be named
	Apart bool        // the classes of requests tell their Singles apart
}

// named is operations, and what they ask for; nil of a request that stands for others.
type named struct {
	Operation
	box space.Box
}

const (
	maxSamples  = 1024           // classes that are named one by one
	manyClasses = 4 * maxSamples // above which a name must include something that is to be named, and cannot be an exception
	maxTogether = 512            // names of conditions together
	maxSingles  = 64             // values that are distinguished only so that they can be named
)

// Singles is each value of the operations of rules. Once it is distinguished, it can be named alone, and with others.
// Where there are too many values, rules are named as a whole.
func Singles(rules []space.Box) (all []space.Box, apart bool) {
	type value struct {
		space.Dimension
		space.Pattern
	}
	seen := map[value]bool{}
	for _, b := range rules {
		for _, c := range b {
			for _, is := range c.Is {
				if one := (value{c.Dimension, is}); !seen[one] {
					seen[one] = true
					all = append(all, space.Box{space.Is(c.Dimension, is)})
				}
			}
		}
		if len(all) > maxSingles {
			return nil, false
		}
	}
	return all, true
}

// NewVocabulary names sets of some classes of operations. Sets are of indexes of requests; what is in changed is to be
// named.
func NewVocabulary(s *space.Space, requests []*space.Request, changed space.Set, rules Rules) *Vocabulary {
	v := &Vocabulary{Rules: rules, table: s.Table, requests: requests, changed: changed, seen: map[string]bool{}}
	other := s.Other.Port()
	http := slices.ContainsFunc(requests, func(r *space.Request) bool { return r.HTTP })
	for i, b := range slices.Concat(rules.New, rules.Boxes) {
		if http || !v.table.HTTP([]space.Box{b}) {
			v.parts(b, i >= len(rules.New))
		}
	}
	v.offer(nil, Plain, true)
	v.connections(other, http)
	if rules.Apart {
		v.methods()
		v.together()
	}
	if len(requests) <= maxSamples {
		for i, r := range requests {
			v.sample(s, i, r.Port() == other)
		}
	}
	WidestFirst(v.names)
	return v
}

// Of names a set of operations by some that together include all of want and nothing outside fits, and returns all that
// they include.
func (v *Vocabulary) Of(want, fits space.Set) (all []Operations, reads space.Set) {
	phrases := Cover(want, fits, v.names)
	reads = space.NewSet(len(v.requests))
	for _, p := range phrases {
		reads.AddAll(p.Set)
	}
	return v.operations(phrases), reads
}

// offer names what is in a box.
func (v *Vocabulary) offer(b space.Box, cost int, bare bool) {
	o := operation(v.table, b)
	text := o.String()
	if v.seen[text] {
		return
	}
	v.seen[text] = true
	in := func(i int) bool { return v.table.In(b, v.requests[i]) }
	if len(v.requests) > manyClasses && !hasOne(v.changed, in) {
		return
	}
	set := space.NewSet(len(v.requests))
	for i := range v.requests {
		if in(i) {
			set.Add(i)
		}
	}
	v.add(named{o, b}, set, cost, bare)
}

func (v *Vocabulary) add(o named, set space.Set, cost int, bare bool) {
	if !set.Empty() {
		v.names = append(v.names, Name[named]{Value: o, Text: o.String(), Set: set, Cost: cost, Bare: bare, Nests: o.nests()})
	}
}

// connections names ports, and connections without HTTP.
func (v *Vocabulary) connections(other uint16, http bool) {
	bare := space.NewSet(len(v.requests))
	bareOf, httpOf := map[uint16]space.Set{}, map[uint16]bool{}
	ports := map[uint16]bool{}
	for i, r := range v.requests {
		if p := r.Port(); p != other && !ports[p] {
			ports[p] = true
			v.offer(space.Box{space.Is(space.Port, space.PortPattern(p))}, Plain, true)
		}
		if r.HTTP {
			httpOf[r.Port()] = true
			continue
		}
		bare.Add(i)
		if bareOf[r.Port()] == nil {
			bareOf[r.Port()] = space.NewSet(len(v.requests))
		}
		bareOf[r.Port()].Add(i)
	}
	v.ports = slices.Sorted(maps.Keys(ports))
	if http {
		v.add(named{Operation: Operation{Protocol: WithoutHTTP}}, bare, Plain, true)
	}
	for _, p := range v.ports { // a port stands for both of what it takes
		if httpOf[p] && bareOf[p] != nil {
			v.add(named{Operation: Operation{Port: p, Protocol: WithoutHTTP}}, bareOf[p], Brief, true)
		}
	}
}

// parts offers what a rule asks for, with one value at a time of ports and of the dimensions that are written so, and
// each value alone of those that need no name.
func (v *Vocabulary) parts(b space.Box, bare bool) {
	for _, part := range v.single(b) {
		v.offer(part, Plain, bare)
		if !v.Apart {
			continue
		}
		for i, c := range part {
			if v.table[c.Dimension].Bare && len(c.Is) > 1 {
				for _, value := range c.Is {
					one := slices.Clone(part)
					one[i] = space.Is(c.Dimension, value)
					v.offer(one, Plain, true)
				}
			}
		}
	}
}

// single is a box as several, each with one value of ports and of the dimensions that are written so.
func (v *Vocabulary) single(b space.Box) []space.Box {
	return divided(b, func(d space.Dimension) bool { return d == space.Port || v.table[d].Single && v.Apart })
}

// methods offers what rules ask for that differ by their methods alone, with all of these.
func (v *Vocabulary) methods() {
	at := map[string]int{}
	var all [][]named
	for _, whole := range v.Boxes {
		for _, b := range v.single(whole) {
			rest := operation(v.table, beside(b))
			i, known := at[rest.String()]
			switch {
			case len(beside(b)) == len(b):
				continue
			case !known:
				i = len(all)
				at[rest.String()] = i
				all = append(all, nil)
			}
			all[i] = append(all[i], named{box: b})
		}
	}
	for _, of := range all {
		if len(of) > 1 {
			v.offer(merged(of), Brief, true)
		}
	}
}

// together offers what conditions of rules that need not be of one rule ask for together, first where something that is
// to be named matches them: what a deny of all but `POST /b` lets through, and leaves out, is named by no rule of its
// own.
func (v *Vocabulary) together() {
	conditions := make([][]space.Condition, len(v.table)) // by dimension
	seen := map[string]bool{}
	put := func(c space.Condition) {
		if key := v.table.Words(c.Dimension, c.Is); !seen[key] {
			seen[key] = true
			conditions[c.Dimension] = append(conditions[c.Dimension], c)
		}
	}
	for _, p := range v.ports {
		put(space.Is(space.Port, space.PortPattern(p)))
	}
	for _, b := range v.Boxes {
		for _, c := range b {
			if c.Dimension == space.Host {
				put(c) // a host is written as one, and is several patterns
			}
			if c.Dimension == space.Port || c.Dimension == space.Host {
				continue
			}
			for _, is := range c.Is {
				put(space.Is(c.Dimension, is))
			}
		}
	}
	var boxes []space.Box
	known := map[string]bool{}
	for _, changed := range []bool{true, false} {
		for i := range v.requests {
			if v.changed.Has(i) != changed {
				continue
			}
			for _, b := range v.matching(i, conditions) {
				if o := operation(v.table, b); len(b) > 1 && !known[o.String()] {
					known[o.String()] = true
					boxes = append(boxes, b)
				}
			}
			if len(boxes) > maxTogether {
				return
			}
		}
		for _, b := range boxes {
			v.offer(b, Brief, true)
		}
	}
}

// matching is the boxes that a request is in, with one of some conditions at most on each dimension.
func (v *Vocabulary) matching(i int, conditions [][]space.Condition) []space.Box {
	all := []space.Box{nil}
	for d := range v.table {
		n := len(all)
		for _, c := range conditions[d] {
			if v.table.In(space.Box{c}, v.requests[i]) {
				for _, b := range all[:n] {
					all = append(all, append(slices.Clip(b), c))
				}
			}
		}
	}
	return all
}

// sample names a class by the request that represents it.
func (v *Vocabulary) sample(s *space.Space, i int, otherPort bool) {
	r := v.requests[i]
	set := space.NewSet(len(v.requests))
	set.Add(i)
	o := Operation{Words: s.Words(r, true), Port: r.Port(), OtherPorts: otherPort}
	if otherPort {
		o.Port = 0
	}
	if r.HTTP {
		o.Such = true
		v.add(named{Operation: o}, set, Sample, true)
	} else {
		o.Protocol = WithoutHTTP
		v.add(named{Operation: o}, set, Vague, true)
	}
}

// operation is the operations in a box, which names one port at most.
func operation(t space.Table, b space.Box) (o Operation) {
	var hosts, words, headers []string
	for _, c := range b {
		switch {
		case c.Dimension == space.Port:
			o.Port = c.Is[0].Port()
		case c.Dimension == space.Host:
			hosts = append(hosts, t.Words(c.Dimension, c.Is))
		case c.Dimension == space.Header:
			headers = append(headers, t.Words(c.Dimension, c.Is))
		default:
			words = append(words, t.Words(c.Dimension, c.Is))
		}
	}
	o.Host, o.Words, o.Header = strings.Join(hosts, " "), strings.Join(words, " "), strings.Join(headers, " ")
	return o
}

// operations writes phrases, of which those that differ by their methods alone are one.
func (v *Vocabulary) operations(phrases []Phrase[named]) (all []Operations) {
	type merged struct {
		names  []named
		except []*Name[named]
	}
	var list []merged
	for _, p := range phrases {
		i := slices.IndexFunc(list, func(m merged) bool {
			return alike(&m.names[0], &p.Value) && slices.Equal(m.except, p.Except)
		})
		if i < 0 {
			list = append(list, merged{[]named{p.Value}, p.Except})
		} else {
			list[i].names = append(list[i].names, p.Value)
		}
	}
	for _, m := range list {
		o := Operations{Operation: v.merge(m.names)}
		var except [][]named
		for _, name := range m.except {
			e := v.within(name.Value, m.names[0].box)
			if name, ok := v.header(&e, o.Port); ok {
				o.NoHeader = append(o.NoHeader, name)
				continue
			}
			if i := slices.IndexFunc(except, func(of []named) bool { return alike(&of[0], &e) }); i >= 0 {
				except[i] = append(except[i], e)
			} else {
				except = append(except, []named{e})
			}
		}
		for _, of := range except {
			o.Except = append(o.Except, v.merge(of))
		}
		all = append(all, o)
	}
	return all
}

// within is an exception of what is in a box, without the host and headers that this asks for, too.
func (v *Vocabulary) within(e named, box space.Box) named {
	rest := slices.DeleteFunc(slices.Clone(e.box), func(c space.Condition) bool {
		return (c.Dimension == space.Host || c.Dimension == space.Header) && slices.ContainsFunc(box, func(other space.Condition) bool { return space.Box{c}.Equal(space.Box{other}) })
	})
	if len(rest) == len(e.box) {
		return e
	}
	return named{operation(v.table, rest), rest}
}

// alike reports whether names differ by their methods alone.
func alike(a, b *named) bool {
	ra, rb := beside(a.box), beside(b.box)
	return len(ra) < len(a.box) && len(rb) < len(b.box) && ra.Equal(rb)
}

// beside is what a box asks for beside methods.
func beside(b space.Box) space.Box {
	return slices.DeleteFunc(slices.Clone(b), func(c space.Condition) bool { return c.Dimension == space.Method })
}

// merge is names that are alike as one.
func (v *Vocabulary) merge(names []named) Operation {
	if len(names) == 1 {
		return names[0].Operation
	}
	return operation(v.table, merged(names))
}

// merged is what names that are alike ask for.
func merged(names []named) space.Box {
	box := slices.Clone(names[0].box)
	at := slices.IndexFunc(box, func(c space.Condition) bool { return c.Dimension == space.Method })
	var methods []space.Pattern
	for _, n := range names {
		for _, c := range n.box {
			if c.Dimension == space.Method {
				methods = append(methods, c.Is...)
			}
		}
	}
	slices.SortFunc(methods, func(a, b space.Pattern) int { return cmp.Compare(a.String(), b.String()) })
	box[at] = space.Is(space.Method, slices.Compact(methods)...)
	return box
}

// header is the header, with its values, that an exception of operations on a port is about, if it is about nothing
// else.
func (v *Vocabulary) header(e *named, port uint16) (text string, ok bool) {
	for _, c := range e.box {
		switch {
		case c.Dimension == space.Port && c.Is[0].Port() == port:
		case c.Dimension == space.Header && text == "":
			text = v.table.Values(c.Dimension, c.Is)
		default:
			return "", false
		}
	}
	return text, text != ""
}

func hasOne(s space.Set, is func(i int) bool) bool {
	for i := range s.All() {
		if is(i) {
			return true
		}
	}
	return false
}

package eval

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// values is the cells where a condition holds, sorted.
func (s *Splitter) values(c *condition) []int32 {
	cells := &s.cells[c.dimension]
	if len(c.is) > 0 && len(c.not) == 0 { // mostly one of thousands
		n := 0
		for _, p := range c.is {
			n += len(cells.members[cells.id(p)])
		}
		list := s.places.take(n)[:0]
		for _, p := range c.is {
			list = append(list, cells.members[cells.id(p)]...)
		}
		if len(c.is) > 1 {
			slices.Sort(list)
			list = slices.Compact(list)
		}
		return list
	}
	s.in = append(s.in[:0], make([]bool, cells.count)...)
	in, n := s.in, 0
	mark := func(patterns []pattern, as bool) {
		for _, p := range patterns {
			for _, cell := range cells.members[cells.id(p)] {
				in[cell] = as
			}
		}
	}
	if len(c.is) == 0 {
		for i := range in {
			in[i] = true
		}
	}
	mark(c.is, true)
	mark(c.not, false)
	for _, yes := range in {
		if yes {
			n++
		}
	}
	list := s.places.take(n)[:0]
	for i, yes := range in {
		if yes {
			list = append(list, int32(i))
		}
	}
	return list
}

// operationBox is the cells of the five dimensions of an operation, nil for all of them.
type operationBox struct {
	cells [5][]int32
	rule  int32 // -1: it only tells apart
	sure  bool
}

// splitRule is a rule with the sources that match it, surely or perhaps.
type splitRule struct {
	callee    int
	action    Action
	yes, more Set
}

// regions splits the requests of HTTP or of other connections.
func (s *Splitter) regions(http bool) error {
	s.http = http
	if s.outcomes == nil {
		s.outcomes = map[string][]Outcome{}
	}
	clear(s.outcomes)
	s.boxes, s.rules, s.always = s.boxes[:0], s.rules[:0], s.always[:0]
	for i, c := range s.callees {
		for _, p := range c.Policies {
			for j := range p.rules {
				s.addRule(i, p, &p.rules[j])
			}
		}
	}
	for _, b := range s.asked {
		s.addBox(b, -1)
	}
	for _, c := range s.callees {
		for _, port := range c.ports {
			s.addBox((&Operation{Ports: []uint16{port.port}}).box(&s.terms, &s.patterns), -1)
		}
	}
	live := s.places.take(len(s.boxes))
	for i := range live {
		live[i] = int32(i)
	}
	s.request = Request{HTTP: http}
	return s.walk(0, live)
}

func (s *Splitter) addRule(callee int, p *Policy, r *rule) {
	if p.Broken || !p.does(p.Action) || p.Action == Audit || !s.http && p.Action == Allow && r.needsHTTP() {
		return
	}
	rule := splitRule{callee: callee, action: p.Action}
	rule.yes, rule.more = s.callers(r.from)
	n := int32(len(s.rules))
	s.rules = append(s.rules, rule)
	for _, b := range r.to {
		s.addBox(b, n)
	}
}

// addBox adds a box of operations; one that all match makes its rule match always.
func (s *Splitter) addBox(b box, rule int32) {
	o := operationBox{rule: rule, sure: true}
	all := true
	for i := range b {
		c := &b[i]
		switch {
		case c.dimension.onlyHTTP() && !s.http:
			continue
		case c.dimension >= unknownHTTP:
			o.sure = false
			continue
		}
		all = false
		at := &o.cells[c.dimension-portDim]
		values := s.values(c)
		if *at != nil {
			values = common(*at, values)
		}
		if len(values) == 0 {
			return
		}
		*at = values
	}
	switch {
	case all && rule < 0:
	case all && o.sure:
		s.always = append(s.always, rule)
	default:
		s.boxes = append(s.boxes, o)
	}
}

// common is what two sorted lists both have.
func common(a, b []int32) []int32 {
	var both []int32
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			both = append(both, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return both
}

// callers is the sources in one of the boxes, for sure and perhaps.
func (s *Splitter) callers(boxes []box) (yes, more Set) {
	size := words(len(s.split.Sources))
	yes = s.sets.take(size)
	for _, b := range boxes {
		var lists [3][]int32
		sure, none := true, false
		for i := range b {
			c := &b[i]
			switch {
			case c.dimension.onlyHTTP() && !s.http:
				continue
			case c.dimension >= unknownHTTP:
				sure = false
				continue
			}
			values := s.values(c)
			if at := &lists[c.dimension]; *at != nil {
				values = common(*at, values)
			}
			lists[c.dimension] = values
			none = none || len(values) == 0
		}
		if none {
			continue
		}
		into := yes
		if !sure {
			if more == nil {
				more = s.sets.take(size)
			}
			into = more
		}
		for d := range lists {
			if lists[d] == nil {
				lists[d] = upTo(s.cells[d].count)
			}
		}
		for _, p := range lists[principalDim] {
			for _, a := range lists[sourceDim] {
				for _, r := range lists[remoteDim] {
					into.Add((int(p)*s.cells[sourceDim].count+int(a))*s.cells[remoteDim].count + int(r))
				}
			}
		}
	}
	return yes, more
}

// walk splits by one dimension after the other. Live are the boxes that the cells chosen so far are in.
func (s *Splitter) walk(d int, live []int32) error {
	if d == len(operationBox{}.cells) {
		return s.emit(live)
	}
	dim := portDim + dimension(d)
	if !s.http && dim.onlyHTTP() {
		return s.walk(d+1, live)
	}
	// Which boxes ask for a cell, for those cells that any box asks for.
	var asking []ask
	free := s.places.take(len(live))[:0]
	for _, i := range live {
		cells := s.boxes[i].cells[d]
		if cells == nil {
			free = append(free, i)
		}
		for _, cell := range cells {
			asking = append(asking, ask{cell, i})
		}
	}
	slices.SortFunc(asking, func(a, b ask) int { return cmp.Or(cmp.Compare(a.cell, b.cell), cmp.Compare(a.box, b.box)) })
	rest := int32(0)            // the first cell that no box asks for
	other := s.cells[dim].other // better than that, if no box asks for it
	seen := map[string]bool{}
	for len(asking) > 0 {
		cell, n := asking[0].cell, 1
		for n < len(asking) && asking[n].cell == cell {
			n++
		}
		if rest == cell {
			rest++
		}
		if other == cell {
			other = -1
		}
		boxes := append(s.places.take(len(free) + n)[:0], free...)
		for _, a := range asking[:n] {
			boxes = append(boxes, a.box)
		}
		asking = asking[n:]
		if len(asking) > 0 || len(seen) > 0 {
			s.scratch = s.scratch[:0]
			for _, i := range boxes[len(free):] {
				s.scratch = binary.AppendUvarint(s.scratch, uint64(i))
			}
			if seen[string(s.scratch)] {
				continue
			}
			seen[string(s.scratch)] = true
		}
		slices.Sort(boxes)
		s.choose(dim, cell)
		if err := s.walk(d+1, boxes); err != nil {
			return err
		}
	}
	if other >= 0 {
		rest = other
	}
	if int(rest) < s.cells[dim].count {
		s.choose(dim, rest)
		return s.walk(d+1, free)
	}
	return nil
}

type ask struct{ cell, box int32 }

// choose puts the representative of a cell into the request at hand.
func (s *Splitter) choose(d dimension, cell int32) {
	c := &s.cells[d]
	switch d {
	case portDim:
		s.request.Port = c.ports[cell]
	case methodDim:
		s.request.Method = c.strings[cell]
	case pathDim:
		s.request.Path = c.strings[cell]
	case hostDim:
		s.request.Host = c.strings[cell]
	case destDim:
		s.request.DestIP = c.addresses[cell]
	}
}

func (s *Splitter) emit(live []int32) error {
	if len(s.split.Regions) == maxRegions {
		return ErrTooMany
	}
	s.scratch = s.scratch[:0]
	for _, c := range s.callees {
		mode, _ := c.Mode(s.request.Port)
		s.scratch = append(s.scratch, byte(mode))
	}
	for _, i := range live {
		if s.boxes[i].rule >= 0 {
			s.scratch = binary.AppendUvarint(s.scratch, uint64(i))
		}
	}
	outcomes, ok := s.outcomes[string(s.scratch)]
	if !ok {
		key := string(s.scratch)
		outcomes = s.judged.take(len(s.callees))
		for i := range outcomes {
			outcomes[i] = s.judge(i, live)
		}
		s.outcomes[key] = outcomes
	}
	s.split.Regions = append(s.split.Regions, Region{s.request, outcomes})
	return nil
}

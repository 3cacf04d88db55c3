// Package space is the requests that conditions distinguish: their dimensions, the patterns of values, and the classes
// into which conditions partition them (atomic predicates: Yang and Lam, 2013).
package space

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
)

// Space is all requests, in classes that no condition distinguishes: a request is of one source and in one class of
// operations.
type Space struct {
	Sources []Source

	// What no condition mentions is represented by these, and by nothing else; zero where all are mentioned.
	OtherPort   uint16
	OtherMethod string
	OtherHost   string

	identities, addresses, remotes *partition
}

// Source is a representative caller.
type Source struct {
	Principal string     // empty: no identity
	IP        netip.Addr // invalid where no block is distinguished
	RemoteIP  netip.Addr

	// Elsewhere marks where somebody who may be anywhere is looked for: IP and RemoteIP are in none of the blocks, or
	// in one of those that leave no address out.
	Elsewhere bool
}

// From is a request from a source.
func (r Request) From(s Source) Request {
	r.Principal, r.SourceIP, r.RemoteIP = s.Principal, s.IP, s.RemoteIP
	return r
}

// Distinctions is what somebody distinguishes besides policies: the sources and operations of intents, of questions.
type Distinctions struct {
	Principals []string       // exact, or with a wildcard at one end
	Namespaces []string       // whose accounts are distinguished from others
	Blocks     []netip.Prefix // of source addresses
	Operations []Operation
}

// maxClasses bounds the classes of operations of one space.
const maxClasses = 1 << 20

// Builder makes one space after another in the same memory. The zero value is ready; it serves one goroutine. The
// calls come in the order Reset, Distinguish, Divide; then for HTTP and for other connections Connections, Callers
// and Add, and Walk.
type Builder struct {
	space      Space
	partitions [dimensions]partition
	asked      []Box // the operations of distinctions

	http    bool
	boxes   []operationBox
	classes int
	request Request

	scratch  []byte
	in       []bool
	places   slab[int32]
	sets     slab[uint64]
	patterns slab[Pattern]
	terms    slab[Condition]
}

// operationBox is the cells of the five dimensions of an operation, nil for all of them.
type operationBox struct {
	cells [5][]int32
	match BoxMatch
}

// BoxMatch is the owner of a box that a class of operations is in, and whether it surely is.
type BoxMatch struct {
	Owner int32
	Sure  bool
}

// nobody owns boxes that only distinguish.
const nobody = -1

// Reset starts a new space.
func (s *Builder) Reset() {
	for d := range s.partitions {
		s.partitions[d].reset(Dimension(d), &s.places)
	}
	s.space = Space{Sources: s.space.Sources[:0]}
	s.asked = s.asked[:0]
	s.classes = 0
	s.places.reset()
	s.sets.reset()
	s.patterns.reset()
	s.terms.reset()
}

// Distinguish has the space distinguish what is in some boxes from what is not.
func (s *Builder) Distinguish(boxes []Box) {
	for _, b := range boxes {
		for i := range b {
			if b[i].Dimension >= dimensions {
				continue
			}
			cells := &s.partitions[b[i].Dimension]
			for _, p := range b[i].Is {
				cells.id(p)
			}
			for _, p := range b[i].Not {
				cells.id(p)
			}
		}
	}
}

// DistinguishPort has the space distinguish a port from others.
func (s *Builder) DistinguishPort(port uint16) {
	s.partitions[Port].id(Pattern{kind: onPort, port: port})
	s.asked = append(s.asked, (&Operation{Ports: []uint16{port}}).box(&s.terms, &s.patterns))
}

// DistinguishAll has the space make all of some distinctions.
func (s *Builder) DistinguishAll(d Distinctions) {
	for _, p := range d.Principals {
		s.partitions[Identity].id(TextPattern(p))
	}
	for _, n := range d.Namespaces {
		s.partitions[Identity].id(NamespacePattern(n))
	}
	for _, b := range d.Blocks {
		s.partitions[SourceAddress].id(BlockPattern(b.Masked()))
	}
	first := len(s.asked)
	for i := range d.Operations {
		s.asked = append(s.asked, d.Operations[i].box(&s.terms, &s.patterns))
	}
	s.Distinguish(s.asked[first:])
}

// Divide partitions every dimension. Domain is the trust domain that representatives have where they can. The space
// is valid until the next Reset.
func (s *Builder) Divide(domain string) (*Space, error) {
	for d := range s.partitions {
		if err := s.partitions[d].divide(domain); err != nil {
			return nil, err
		}
	}
	s.space.identities, s.space.addresses, s.space.remotes = &s.partitions[Identity], &s.partitions[SourceAddress], &s.partitions[RemoteAddress]
	s.sources()
	s.others()
	return &s.space, nil
}

func (s *Builder) sources() {
	for _, uri := range s.partitions[Identity].strings {
		for i, ip := range s.partitions[SourceAddress].addresses {
			for j, remote := range s.partitions[RemoteAddress].addresses {
				elsewhere := s.partitions[SourceAddress].elsewhere[i] && s.partitions[RemoteAddress].elsewhere[j]
				s.space.Sources = append(s.space.Sources, Source{strings.TrimPrefix(uri, scheme), ip, remote, elsewhere})
			}
		}
	}
}

func (s *Builder) others() {
	if i := s.partitions[Port].other; i >= 0 {
		s.space.OtherPort = s.partitions[Port].ports[i]
	}
	if i := s.partitions[Method].other; i >= 0 {
		s.space.OtherMethod = s.partitions[Method].strings[i]
	}
	if i := s.partitions[Host].other; i >= 0 {
		s.space.OtherHost = s.partitions[Host].strings[i]
	}
}

// NewSet is an empty set of sources, in memory that the next Reset takes back.
func (s *Builder) NewSet() Set { return s.sets.take(words(len(s.space.Sources))) }

// Connections turns to connections of HTTP or to others, and forgets the boxes of operations.
func (s *Builder) Connections(http bool) {
	s.http = http
	s.boxes = s.boxes[:0]
	s.request = Request{HTTP: http}
}

// Add adds a box of operations. It reports whether all operations are surely in it: such a box has no effect.
func (s *Builder) Add(b Box, owner int32) (all bool) {
	o := operationBox{match: BoxMatch{owner, true}}
	all = true
	for i := range b {
		c := &b[i]
		switch {
		case c.Dimension.OnlyHTTP() && !s.http:
			continue
		case c.Dimension.IsHidden():
			o.match.Sure = false
			continue
		}
		all = false
		at := &o.cells[c.Dimension-Port]
		values := s.values(c)
		if *at != nil {
			values = common(*at, values)
		}
		if len(values) == 0 {
			return false
		}
		*at = values
	}
	if all && (o.match.Sure || owner == nobody) {
		return true
	}
	s.boxes = append(s.boxes, o)
	return false
}

// Walk calls class with a representative of each class of operations and with what Box knows of the boxes that it is
// in. The error is ErrTooMany.
func (s *Builder) Walk(class func(r *Request, in []int32)) error {
	for _, b := range s.asked {
		s.Add(b, nobody)
	}
	live := s.places.take(len(s.boxes))
	for i := range live {
		live[i] = int32(i)
	}
	return s.walk(0, live, class)
}

// Box is the owner of a box that Walk names, negative where it only distinguishes.
func (s *Builder) Box(i int32) BoxMatch { return s.boxes[i].match }

// Callers is the sources in one of the boxes, for sure and perhaps.
func (s *Builder) Callers(boxes []Box) (yes, more Set) {
	yes = s.NewSet()
	for _, b := range boxes {
		var lists [3][]int32
		sure, none := true, false
		for i := range b {
			c := &b[i]
			switch {
			case c.Dimension.OnlyHTTP() && !s.http:
				continue
			case c.Dimension.IsHidden():
				sure = false
				continue
			}
			values := s.values(c)
			if at := &lists[c.Dimension]; *at != nil {
				values = common(*at, values)
			}
			lists[c.Dimension] = values
			none = none || len(values) == 0
		}
		if none {
			continue
		}
		into := yes
		if !sure {
			if more == nil {
				more = s.NewSet()
			}
			into = more
		}
		for d := range lists {
			if lists[d] == nil {
				lists[d] = upTo(s.partitions[d].count)
			}
		}
		for _, p := range lists[Identity] {
			for _, a := range lists[SourceAddress] {
				for _, r := range lists[RemoteAddress] {
					into.Add((int(p)*s.partitions[SourceAddress].count+int(a))*s.partitions[RemoteAddress].count + int(r))
				}
			}
		}
	}
	return yes, more
}

// walk splits by one dimension after the other. Live are the boxes that the cells chosen so far are in.
func (s *Builder) walk(d int, live []int32, class func(*Request, []int32)) error {
	if d == len(operationBox{}.cells) {
		if s.classes++; s.classes > maxClasses {
			return ErrTooMany
		}
		class(&s.request, live)
		return nil
	}
	dim := Port + Dimension(d)
	if !s.http && dim.OnlyHTTP() {
		return s.walk(d+1, live, class)
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
	rest := int32(0)                 // the first cell that no box asks for
	other := s.partitions[dim].other // better than that, if no box asks for it
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
		if err := s.walk(d+1, boxes, class); err != nil {
			return err
		}
	}
	if other >= 0 {
		rest = other
	}
	if int(rest) < s.partitions[dim].count {
		s.choose(dim, rest)
		return s.walk(d+1, free, class)
	}
	return nil
}

type ask struct{ cell, box int32 }

// choose puts the representative of a cell into the request at hand.
func (s *Builder) choose(d Dimension, cell int32) {
	c := &s.partitions[d]
	switch d {
	case Port:
		s.request.Port = c.ports[cell]
	case Method:
		s.request.Method = c.strings[cell]
	case Path:
		s.request.Path = c.strings[cell]
	case Host:
		s.request.Host = c.strings[cell]
	case DestinationAddress:
		s.request.DestIP = c.addresses[cell]
	}
}

// values is the cells where a condition holds, sorted.
func (s *Builder) values(c *Condition) []int32 {
	cells := &s.partitions[c.Dimension]
	if len(c.Is) > 0 && len(c.Not) == 0 { // mostly one of thousands
		n := 0
		for _, p := range c.Is {
			n += len(cells.members[cells.id(p)])
		}
		list := s.places.take(n)[:0]
		for _, p := range c.Is {
			list = append(list, cells.members[cells.id(p)]...)
		}
		if len(c.Is) > 1 {
			slices.Sort(list)
			list = slices.Compact(list)
		}
		return list
	}
	s.in = append(s.in[:0], make([]bool, cells.count)...)
	in, n := s.in, 0
	mark := func(patterns []Pattern, as bool) {
		for _, p := range patterns {
			for _, cell := range cells.members[cells.id(p)] {
				in[cell] = as
			}
		}
	}
	if len(c.Is) == 0 {
		for i := range in {
			in[i] = true
		}
	}
	mark(c.Is, true)
	mark(c.Not, false)
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

package space

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Distinctions is what somebody distinguishes besides policies: the sources and operations of intents, of questions.
type Distinctions struct {
	Callers    []Condition // each pattern is distinguished from the others
	From       []Box       // conditions on callers that hold together
	Operations []Box
}

// maxClasses bounds the classes of operations of one space.
const maxClasses = 1 << 20

// Builder makes one space after another in the same memory. The zero value is ready; it serves one goroutine. Reset
// comes first, then Distinguish for every box that counts, then Divide. After that, for HTTP and for other connections,
// come Connections, Add and Walk; Callers answers at any time.
type Builder struct {
	space      Space
	partitions [maxDimensions]partition
	callers    []Request // of the sources
	asked      []Box     // operations that nobody owns

	http    bool
	boxes   []operationBox
	begin   int // of boxes, those of the connections at hand
	classes int
	request Request

	scratch []byte
	in      []bool
	lists   slab[int32]
	chosen  slab[[]int32]
	sets    slab[uint64]
}

// operationBox is the atoms of a box by dimension of operations, nil for all of them.
type operationBox struct {
	atoms [][]int32
	BoxOwner
}

// BoxOwner is to whom a box of operations belongs, and whether the operations that match it surely do.
type BoxOwner struct {
	Owner int32
	Sure  bool
}

// nobody owns boxes that only distinguish.
const nobody = -1

// Reset starts a new space of some dimensions.
func (b *Builder) Reset(t Table) {
	other := len(t) != len(b.space.Table) || len(t) > 0 && &t[0] != &b.space.Table[0]
	s := Space{Table: t, Callers: b.space.Callers, Sources: b.space.Sources, callers: b.space.callers[:0], operations: b.space.operations[:0], partitions: &b.partitions}
	for d := range t {
		switch {
		case t[d].Kind == nil:
		case t[d].Caller:
			s.callers = append(s.callers, Dimension(d))
		default:
			s.operations = append(s.operations, Dimension(d))
		}
	}
	for d := range b.partitions {
		p := &b.partitions[d]
		p.kept = p.kept && !other
		p.reset()
	}
	b.space = s
	b.asked, b.boxes, b.classes = b.asked[:0], b.boxes[:0], 0
	b.lists.reset()
	b.chosen.reset()
	b.sets.reset()
}

// Distinguish has the space distinguish what is in some boxes from what is not.
func (b *Builder) Distinguish(boxes []Box) {
	for _, box := range boxes {
		for i := range box {
			b.condition(&box[i])
			if key := box[i].claim(); key != "" {
				together := 0
				for j := range box[:i+1] {
					if box[j].claim() == key {
						together++
					}
				}
				b.partitions[box[i].Dimension].several(key, together)
			}
		}
	}
}

func (b *Builder) condition(c *Condition) {
	p := &b.partitions[c.Dimension]
	if b.space.Table[c.Dimension].Kind == nil {
		return
	}
	for i := range c.Is {
		p.id(c.Is[i])
	}
	for i := range c.Not {
		if id := p.id(c.Not[i]); !slices.Contains(p.negated, id) {
			p.negated = append(p.negated, id)
		}
	}
}

// DistinguishAll has the space make some distinctions.
func (b *Builder) DistinguishAll(d Distinctions) {
	for i := range d.Callers {
		b.condition(&d.Callers[i])
	}
	b.Distinguish(d.From)
	b.asked = append(b.asked, d.Operations...)
	b.Distinguish(d.Operations)
}

// Divide partitions every dimension. Representatives have identities of the trust domain where they can. The space is
// valid until the next Reset.
func (b *Builder) Divide(trustDomain string) (*Space, error) {
	s := &b.space
	kept := true // the sources of the space before
	for d := range s.Table {
		if s.Table[d].Kind == nil {
			continue
		}
		p := &b.partitions[d]
		same, err := p.divide(s.Table[d].Kind, trustDomain)
		if err != nil {
			s.Sources = s.Sources[:0]
			return nil, err
		}
		kept = kept && (same || !s.Table[d].Caller)
		if p.other >= 0 {
			s.Other.values[d] = p.value(p.other)
		}
	}
	width := 1 // of a list of sources that agree in the dimensions before
	for _, d := range slices.Backward(s.callers) {
		s.width[d] = width
		width *= len(b.partitions[d].atoms)
	}
	if kept && len(s.Sources) == width {
		return s, nil
	}
	s.Callers++
	s.Sources = slices.Grow(s.Sources[:0], width)
	b.callers = slices.Grow(b.callers[:0], width)[:width]
	for i := range width {
		src := Source{&b.callers[i], true}
		*src.Request = Request{}
		for _, d := range s.callers {
			p, atom := &b.partitions[d], int32(s.atom(i, d))
			src.values[d] = p.value(atom)
			src.Elsewhere = src.Elsewhere && p.isElsewhere(atom)
		}
		s.Sources = append(s.Sources, src)
	}
	return s, nil
}

// NewSet is an empty set of sources, in memory that the next Reset takes back.
func (b *Builder) NewSet() Set { return b.sets.take(words(len(b.space.Sources))) }

// Common is the sources that are in both of two sets, in memory that the next Reset takes back.
func (b *Builder) Common(s, t Set) Set {
	both := b.NewSet()
	copy(both, s)
	for i := range both {
		both[i] &= t[i]
	}
	return both
}

// Connections turns to connections of HTTP or to others, for which Walk knows none of the boxes that were added before.
func (b *Builder) Connections(http bool) {
	b.http = http
	b.begin = len(b.boxes)
	b.request = Request{HTTP: http}
}

// void reports whether the proxy passes over a condition: it is HTTP's, and the connection is not.
func (b *Builder) void(c *Condition) bool { return !b.http && b.space.Table[c.Dimension].HTTP }

// Add adds a box of operations. It reports whether it has all operations: Walk then does not know it.
func (b *Builder) Add(box Box, owner int32) (all bool) {
	o := operationBox{BoxOwner: BoxOwner{owner, true}}
	o.atoms = b.chosen.take(len(b.space.operations))
	all = true
	for i := range box {
		c := &box[i]
		switch {
		case b.void(c):
			continue
		case b.space.Table[c.Dimension].Kind == nil:
			o.Sure = false
			continue
		}
		all = false
		at := &o.atoms[slices.Index(b.space.operations, c.Dimension)]
		if *at = b.restrict(*at, c); len(*at) == 0 {
			return false
		}
	}
	if all && (o.Sure || owner == nobody) {
		return true
	}
	b.boxes = append(b.boxes, o)
	return false
}

// Callers is the sources in one of the boxes, surely and perhaps; more is nil where there are no boxes of which it is
// not sure who is in them.
func (b *Builder) Callers(boxes []Box) (yes, more Set) {
	yes = b.NewSet()
	var atoms [maxDimensions][]int32
boxes:
	for _, box := range boxes {
		clear(atoms[:])
		sure, depth := true, 0
		for i := range box {
			c := &box[i]
			switch {
			case b.void(c):
				continue
			case b.space.Table[c.Dimension].Kind == nil:
				sure = false
				continue
			}
			k := slices.Index(b.space.callers, c.Dimension)
			if atoms[k] = b.restrict(atoms[k], c); len(atoms[k]) == 0 {
				continue boxes
			}
			depth = max(depth, k+1)
		}
		into := yes
		if !sure {
			if more == nil {
				more = b.NewSet()
			}
			into = more
		}
		b.fill(into, atoms[:depth], 0, 0)
	}
	return yes, more
}

// fill adds the sources of some atoms by dimension, nil for all of them.
func (b *Builder) fill(into Set, atoms [][]int32, k, at int) {
	if k == len(atoms) {
		n := len(b.space.Sources)
		if k > 0 {
			n = b.space.width[b.space.callers[k-1]]
		}
		into.AddRange(at, at+n)
		return
	}
	d := b.space.callers[k]
	width := b.space.width[d]
	if atoms[k] == nil {
		for atom := range b.partitions[d].atoms {
			b.fill(into, atoms, k+1, at+atom*width)
		}
	}
	for _, atom := range atoms[k] {
		b.fill(into, atoms, k+1, at+int(atom)*width)
	}
}

// Walk calls class with a representative of each class of operations and the boxes that it is in, by the numbers that
// Box takes. Both are valid until the next Reset. The error is ErrTooMany.
func (b *Builder) Walk(class func(r *Request, in []int32)) error {
	for _, box := range b.asked {
		b.Add(box, nobody)
	}
	live := b.lists.take(len(b.boxes) - b.begin)
	for i := range live {
		live[i] = int32(b.begin + i)
	}
	return b.walk(0, live, class)
}

// Box is the owner of a box that Walk names; negative where it only distinguishes.
func (b *Builder) Box(i int32) BoxOwner { return b.boxes[i].BoxOwner }

// walk partitions by one dimension after another. Live are the boxes that the atoms chosen so far are in.
func (b *Builder) walk(k int, live []int32, class func(*Request, []int32)) error {
	if k == len(b.space.operations) {
		if b.classes++; b.classes > maxClasses {
			return ErrTooMany
		}
		class(&b.request, live)
		return nil
	}
	d := b.space.operations[k]
	if !b.http && b.space.Table[d].HTTP {
		return b.walk(k+1, live, class)
	}
	p := &b.partitions[d]
	// Which boxes ask for an atom, for those atoms that any box asks for.
	free, n := b.lists.take(len(live))[:0], 0
	for _, i := range live {
		if b.boxes[i].atoms[k] == nil {
			free = append(free, i)
		}
		n += len(b.boxes[i].atoms[k])
	}
	asking := make([]ask, 0, n)
	for _, i := range live {
		for _, atom := range b.boxes[i].atoms[k] {
			asking = append(asking, ask{atom, i})
		}
	}
	slices.SortFunc(asking, func(a, b ask) int { return cmp.Or(cmp.Compare(a.atom, b.atom), cmp.Compare(a.box, b.box)) })
	rest := int32(0) // the first atom that no box asks for
	other := p.other // better than that, if no box asks for it
	var seen map[string]bool
	for len(asking) > 0 {
		atom, n := asking[0].atom, 1
		for n < len(asking) && asking[n].atom == atom {
			n++
		}
		if rest == atom {
			rest++
		}
		if other == atom {
			other = -1
		}
		boxes := append(b.lists.take(len(free) + n)[:0], free...)
		for _, a := range asking[:n] {
			boxes = append(boxes, a.box)
		}
		asking = asking[n:]
		if len(asking) > 0 || len(seen) > 0 {
			b.scratch = b.scratch[:0]
			for _, i := range boxes[len(free):] {
				b.scratch = binary.AppendUvarint(b.scratch, uint64(i))
			}
			if seen[string(b.scratch)] {
				continue
			}
			if seen == nil {
				seen = make(map[string]bool, len(asking)+1)
			}
			seen[string(b.scratch)] = true
		}
		slices.Sort(boxes)
		b.request.values[d] = p.value(atom)
		if err := b.walk(k+1, boxes, class); err != nil {
			return err
		}
	}
	if other >= 0 {
		rest = other
	}
	if int(rest) < len(p.atoms) {
		b.request.values[d] = p.value(rest)
		return b.walk(k+1, free, class)
	}
	return nil
}

type ask struct{ atom, box int32 }

// restrict is those of some atoms, nil for all, in which a condition holds; it is sorted and never nil.
func (b *Builder) restrict(atoms []int32, c *Condition) []int32 {
	holds := b.holding(c)
	if atoms == nil {
		return holds
	}
	both := b.lists.take(min(len(atoms), len(holds)))[:0]
	for len(atoms) > 0 && len(holds) > 0 {
		switch {
		case atoms[0] < holds[0]:
			atoms = atoms[1:]
		case atoms[0] > holds[0]:
			holds = holds[1:]
		default:
			both = append(both, atoms[0])
			atoms, holds = atoms[1:], holds[1:]
		}
	}
	return both
}

// holding is the atoms in which a condition holds, sorted.
func (b *Builder) holding(c *Condition) []int32 {
	p := &b.partitions[c.Dimension]
	if len(c.Is) > 0 && len(c.Not) == 0 { // mostly one of thousands
		n := 0
		for _, pattern := range c.Is {
			n += len(p.members[p.id(pattern)])
		}
		list := b.lists.take(n)[:0]
		for _, pattern := range c.Is {
			list = append(list, p.members[p.id(pattern)]...)
		}
		if len(c.Is) > 1 {
			slices.Sort(list)
			list = slices.Compact(list)
		}
		return list
	}
	b.in = append(b.in[:0], make([]bool, len(p.atoms))...)
	in, n := b.in, 0
	mark := func(patterns []Pattern, as bool) {
		for _, pattern := range patterns {
			for _, atom := range p.members[p.id(pattern)] {
				in[atom] = as
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
	list := b.lists.take(n)[:0]
	for i, yes := range in {
		if yes {
			list = append(list, int32(i))
		}
	}
	return list
}

package space

import (
	"encoding/binary"
	"slices"
)

// partition is how patterns divide the values of one dimension into atoms: two values are in one atom where they match
// the same patterns.
type partition struct {
	patterns []Pattern
	next     int               // the pattern that is likely to be asked for next: lists repeat
	at       map[Pattern]int32 // once there are many of them
	spare    map[Pattern]int32 // an empty one, for at
	most     int               // how many patterns at or spare has had
	together map[string]int    // the most conditions on a claim that one box has, where they are several
	negated  []int32           // the patterns in negated conditions

	// As long as patterns come in the order in which they came for the space before, the rest of them is that many
	// behind patterns, at has all of them, and what is below is still that of the space before. A kept partition has
	// been divided.
	before int
	kept   bool
	domain string // the trust domain of representatives

	atoms     []Value   // a representative of each
	members   [][]int32 // by pattern, the atoms that match it, sorted
	other     int32     // the atom that matches no pattern, -1 where there is none
	elsewhere []bool    // by atom of addresses: whether a caller of whom nothing is known may be there
	absent    bool      // the first atom is that of requests without a value

	byAtom      [][]int32
	bySignature map[string]int
	lists       slab[int32] // of members
}

// reset forgets the patterns. The atoms are kept for the case that the same patterns come again.
func (p *partition) reset() {
	if !p.kept || p.mixed() || len(p.patterns) != p.before {
		p.forget(0)
	}
	p.before, p.next = len(p.patterns), 0
	p.patterns, p.negated, p.together = p.patterns[:0], p.negated[:0], nil
}

// mixed reports whether atoms depend on more than the patterns.
func (p *partition) mixed() bool { return len(p.negated) > 0 || p.together != nil }

// forget forgets the atoms of the space before, and all patterns but the first n.
func (p *partition) forget(n int) {
	at, most := p.spare, max(p.most, len(p.at))
	switch {
	case p.at != nil && 8*len(p.at) < most:
		at, most = nil, 0 // to clear it would take longer than to make a small one
	case p.at != nil:
		at = p.at
		clear(at)
	}
	p.lists.reset()
	*p = partition{lists: p.lists, spare: at, most: most, patterns: p.patterns[:n], next: n, members: p.members[:0], atoms: p.atoms[:0], elsewhere: p.elsewhere[:0],
		negated: p.negated, together: p.together}
}

// several notes how many conditions a box has on a claim.
func (p *partition) several(claim string, n int) {
	if n < 2 || n <= p.together[claim] {
		return
	}
	if p.together == nil {
		p.together = map[string]int{}
	}
	p.together[claim] = n
}

// id is the number of a pattern, which gets one where it has none.
func (p *partition) id(pattern Pattern) int32 {
	i := p.next
	switch {
	case i < len(p.patterns) && p.patterns[i] == pattern:
	case len(p.patterns) < p.before && p.patterns[:p.before][len(p.patterns)] == pattern:
		i = len(p.patterns)
		p.patterns = p.patterns[:i+1]
	default:
		i = p.find(pattern)
	}
	p.next = i + 1
	return int32(i)
}

// find looks a pattern up, and enters it where it is new.
func (p *partition) find(pattern Pattern) int {
	const few = 8
	if p.at == nil {
		if i := slices.Index(p.patterns, pattern); i >= 0 {
			return i
		}
	} else if i, ok := p.at[pattern]; ok && int(i) < len(p.patterns) {
		return int(i)
	}
	if p.kept {
		p.forget(len(p.patterns))
	}
	i := len(p.patterns)
	p.patterns = append(p.patterns, pattern)
	switch {
	case p.at != nil:
		p.at[pattern] = int32(i)
	case i >= few:
		if p.at, p.spare = p.spare, nil; p.at == nil {
			p.at = make(map[Pattern]int32, 4*few)
		}
		for i, pattern := range p.patterns {
			p.at[pattern] = int32(i)
		}
	}
	return i
}

// divide makes the atoms once all patterns are known, and reports whether they are those of the space before.
func (p *partition) divide(kind Kind, trustDomain string) (same bool, err error) {
	if p.kept {
		if len(p.patterns) == p.before && !p.mixed() && p.domain == trustDomain {
			return true, nil
		}
		p.forget(len(p.patterns))
	}
	p.members = append(p.members, make([][]int32, len(p.patterns))...)
	if err := kind.divide(p, trustDomain); err != nil {
		return false, err
	}
	taken := make([]bool, len(p.atoms))
	for _, m := range p.members {
		for _, atom := range m {
			taken[atom] = true
		}
	}
	p.other = int32(slices.Index(taken, false))
	p.kept, p.before, p.domain = true, len(p.patterns), trustDomain
	return false, nil
}

// alone says that the next atom is all that matches a pattern.
func (p *partition) alone(pattern int) {
	p.members[pattern] = append(p.lists.take(1)[:0], int32(len(p.atoms)))
}

// texts makes the atoms of strings that represent them.
func (p *partition) texts(all []string) {
	p.atoms = slices.Grow(p.atoms, len(all)+1)
	for _, s := range all {
		p.atoms = append(p.atoms, Value{text: s})
	}
}

// divideByAutomaton makes the atoms of any patterns of strings. Representatives are taken from the first of the
// domains that has one.
func (p *partition) divideByAutomaton(domains ...glob) error {
	var a automaton
	for i, g := range domains {
		a.add(g, int32(-1-i))
	}
	a.domains = int32(len(a.tokens))
	for i := range p.patterns {
		for _, g := range p.patterns[i].globs() {
			a.add(g, int32(i))
		}
	}
	strings, members, err := a.atoms(len(p.patterns))
	p.texts(strings)
	copy(p.members, members)
	return err
}

func upTo(n int) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// value is the representative of an atom; nil where that has no value.
func (p *partition) value(atom int32) *Value {
	v := &p.atoms[atom]
	if p.absent && atom == 0 || v.keys != nil && len(v.keys) == 0 {
		return nil
	}
	return v
}

// bare is the atom of no value, or else that of values that match no pattern; negative where there is neither.
func (p *partition) bare() int32 {
	if p.absent {
		return 0
	}
	return p.other
}

// isElsewhere reports whether a caller of whom nothing is known may be in an atom. Any identity may be; of other values
// it is what no pattern mentions.
func (p *partition) isElsewhere(atom int32) bool {
	if len(p.elsewhere) > 0 {
		return p.elsewhere[atom]
	}
	return p.absent || p.other < 0 || atom == p.other
}

// of is the patterns that an atom matches.
func (p *partition) of(atom int) []int32 {
	if p.byAtom == nil {
		p.byAtom = make([][]int32, len(p.atoms))
		for i, m := range p.members {
			for _, atom := range m {
				p.byAtom[atom] = append(p.byAtom[atom], int32(i))
			}
		}
	}
	return p.byAtom[atom]
}

// atomOf is the atom of a value, nil for none; -1 where it is in none.
func (p *partition) atomOf(v *Value) int {
	if len(p.atoms) == 1 || v == nil && p.absent {
		return 0
	}
	var key []byte
	if p.bySignature == nil {
		p.bySignature = make(map[string]int, len(p.atoms))
		for atom := range p.atoms {
			key = key[:0]
			for _, i := range p.of(atom) {
				key = binary.AppendUvarint(key, uint64(i))
			}
			if atom > 0 || !p.absent {
				p.bySignature[string(key)] = atom
			}
		}
		key = key[:0]
	}
	for i := range p.patterns {
		if p.patterns[i].matches(v) {
			key = binary.AppendUvarint(key, uint64(i))
		}
	}
	if atom, ok := p.bySignature[string(key)]; ok {
		return atom
	}
	return -1
}

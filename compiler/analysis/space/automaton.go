package space

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// Which atoms of strings there are, and the shortest string of each, comes from the deterministic automaton of all
// patterns together, built breadth first from its start. So it is exact: an atom that is missing has no string at all.

// ErrTooMany reports that conditions distinguish more classes than can be enumerated.
var ErrTooMany = errors.New("policies distinguish too many kinds of requests")

const (
	maxStates = 1 << 18
	maxAtoms  = 1 << 16
)

// automaton is the union of globs, whose positions are numbered consecutively.
type automaton struct {
	tokens  []token
	owner   []int32 // of a position at the end of a glob: its pattern, or -1-rank of a domain; elsewhere noOwner
	starts  []int32
	domains int32 // positions below belong to the domains

	entered    []uint32 // the step in which a position was entered last
	step       uint32
	literal    [256]uint32
	membership [1 << classCount]uint32
}

const noOwner = int32(-1 << 30)

func (a *automaton) add(g glob, owner int32) {
	a.starts = append(a.starts, int32(len(a.tokens)))
	a.tokens = append(append(a.tokens, g...), token{})
	for range g {
		a.owner = append(a.owner, noOwner)
	}
	a.owner = append(a.owner, owner)
}

// enter puts a position into a set, with those that are reached from it without a byte.
func (a *automaton) enter(set []int32, at int32) []int32 {
	for a.entered[at] != a.step {
		a.entered[at] = a.step
		set = append(set, at)
		if a.owner[at] != noOwner || !a.tokens[at].star {
			break
		}
		at++
	}
	return set
}

// state is a set of positions, and how it was reached first.
type state struct {
	positions []int32
	from      int32
	by        byte
}

// preferred is every byte that a representative may have, readable ones first. Any other byte behaves as one of them.
var preferred = func() []byte {
	all := []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._~%!$&'()+,;:@=*[]")
	for c := byte('!'); c <= '~'; c++ {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return append(all, 0x80)
}()

// atoms gives a string for each atom of the patterns within the domains, and for each pattern the atoms that match it.
// A string of an earlier domain is preferred.
func (a *automaton) atoms(patterns int) (strings []string, members [][]int32, err error) {
	a.entered = make([]uint32, len(a.tokens))
	a.step = 1
	var first []int32
	for _, s := range a.starts {
		first = a.enter(first, s)
	}
	states := []state{{positions: first, from: -1}}
	known := map[string]int32{}
	type atom struct{ state, rank int32 }
	var found []atom
	bySignature := map[string]int32{}
	var signatures [][]int32
	var key []byte
	accept := func(s int32) error {
		rank, signature := int32(-1), []int32(nil)
		for _, p := range states[s].positions {
			switch owner := a.owner[p]; {
			case owner == noOwner:
			case owner >= 0:
				signature = append(signature, owner)
			case rank < 0 || -1-owner < rank:
				rank = -1 - owner
			}
		}
		if rank < 0 {
			return nil
		}
		slices.Sort(signature)
		signature = slices.Compact(signature)
		key = key[:0]
		for _, p := range signature {
			key = binary.AppendUvarint(key, uint64(p))
		}
		i, ok := bySignature[string(key)]
		switch {
		case !ok && len(found) == maxAtoms:
			return ErrTooMany
		case !ok:
			bySignature[string(key)] = int32(len(found))
			found = append(found, atom{s, rank})
			signatures = append(signatures, signature)
		case rank < found[i].rank:
			found[i] = atom{s, rank}
		}
		return nil
	}
	if err := accept(0); err != nil {
		return nil, nil, err
	}
	var bytes []byte
	var next []int32
	for s := int32(0); int(s) < len(states); s++ {
		bytes = a.outgoing(bytes[:0], states[s].positions)
		for _, c := range bytes {
			next = a.follow(next[:0], states[s].positions, c)
			if len(next) == 0 || next[0] >= a.domains {
				continue
			}
			key = key[:0]
			for _, p := range next {
				key = binary.AppendUvarint(key, uint64(p))
			}
			if _, ok := known[string(key)]; ok {
				continue
			}
			if len(states) == maxStates {
				return nil, nil, ErrTooMany
			}
			known[string(key)] = int32(len(states))
			states = append(states, state{slices.Clone(next), s, c})
			if err := accept(int32(len(states)) - 1); err != nil {
				return nil, nil, err
			}
		}
	}
	members = make([][]int32, patterns)
	for i, c := range found {
		var text []byte
		for s := c.state; states[s].from >= 0; s = states[s].from {
			text = append(text, states[s].by)
		}
		slices.Reverse(text)
		strings = append(strings, string(text))
		for _, p := range signatures[i] {
			members[p] = append(members[p], int32(i))
		}
	}
	return strings, members, nil
}

// outgoing gives one byte of each kind that the positions distinguish: the bytes that they expect, and of all others
// one for each combination of the classes that they expect.
func (a *automaton) outgoing(bytes []byte, positions []int32) []byte {
	a.step++
	var active class
	for _, p := range positions {
		switch t := a.tokens[p]; {
		case a.owner[p] != noOwner:
		case t.class != 0:
			active |= t.class
		case a.literal[t.byte] != a.step:
			a.literal[t.byte] = a.step
			bytes = append(bytes, t.byte)
		}
	}
	if active != 0 {
		for _, c := range preferred {
			k := classes[c] & active
			if k != 0 && a.literal[c] != a.step && a.membership[k] != a.step {
				a.membership[k] = a.step
				bytes = append(bytes, c)
			}
		}
	}
	slices.SortFunc(bytes, func(b, c byte) int { return cmp.Compare(preference[b], preference[c]) })
	return bytes
}

// preference is the order of preferred; bytes that are not in it come last.
var preference = func() (rank [256]int) {
	for c := range rank {
		rank[c] = 256 + c
	}
	for i, c := range preferred {
		rank[c] = i
	}
	return rank
}()

// follow gives the positions that a byte leads to, sorted.
func (a *automaton) follow(next, positions []int32, c byte) []int32 {
	a.step++
	for _, p := range positions {
		if a.owner[p] != noOwner || !a.tokens[p].takes(c) {
			continue
		}
		if !a.tokens[p].star {
			p++
		}
		next = a.enter(next, p)
	}
	slices.SortFunc(next, cmp.Compare[int32])
	return next
}

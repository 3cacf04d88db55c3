package space

import (
	"iter"
	"math/bits"
	"slices"
)

// Set is a set of small numbers, such as the sources of a space. Operands are sets that were made for the same numbers.
type Set []uint64

func words(n int) int { return (n + 63) / 64 }

// NewSet is an empty set for the numbers below n.
func NewSet(n int) Set { return make(Set, words(n)) }

// Add adds a number.
func (s Set) Add(i int) { s[i/64] |= 1 << (i % 64) }

// AddRange adds the numbers from one to before another.
func (s Set) AddRange(from, to int) {
	for ; from < to && from%64 != 0; from++ {
		s.Add(from)
	}
	for ; from+64 <= to; from += 64 {
		s[from/64] = ^uint64(0)
	}
	for ; from < to; from++ {
		s.Add(from)
	}
}

// AddAll adds what is in t.
func (s Set) AddAll(t Set) {
	for i := range t {
		s[i] |= t[i]
	}
}

// RemoveAll removes what is in t.
func (s Set) RemoveAll(t Set) {
	for i := range t {
		s[i] &^= t[i]
	}
}

// Has reports whether a number is in the set.
func (s Set) Has(i int) bool { return i >= 0 && i/64 < len(s) && s[i/64]>>(i%64)&1 == 1 }

// Empty reports whether nothing is in the set.
func (s Set) Empty() bool { return s.First() < 0 }

// Len is how many numbers are in the set.
func (s Set) Len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// First is the smallest number of the set; -1 where it is empty.
func (s Set) First() int {
	for i, w := range s {
		if w != 0 {
			return i*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// Equal reports whether two sets are the same.
func (s Set) Equal(t Set) bool { return slices.Equal(s, t) }

// Within reports whether all of s is in t.
func (s Set) Within(t Set) bool {
	for i := range s {
		if s[i]&^t[i] != 0 {
			return false
		}
	}
	return true
}

// Meets reports whether two sets have a number in common.
func (s Set) Meets(t Set) bool {
	for i := range s {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

// Shared is how many numbers are in both of two sets.
func (s Set) Shared(t Set) int {
	n := 0
	for i := range s {
		n += bits.OnesCount64(s[i] & t[i])
	}
	return n
}

// Common is a new set of what is in both of two sets.
func (s Set) Common(t Set) Set {
	both := slices.Clone(s)
	for i := range both {
		both[i] &= t[i]
	}
	return both
}

// Minus is a new set of what is in s and not in t.
func (s Set) Minus(t Set) Set {
	rest := slices.Clone(s)
	rest.RemoveAll(t)
	return rest
}

// All is the numbers of the set in their order.
func (s Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(i*64 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

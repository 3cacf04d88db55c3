package space

import (
	"iter"
	"math/bits"
	"slices"
)

// Set is a set of small numbers: which Sources of a Split.
type Set []uint64

func words(n int) int { return (n + 63) / 64 }

// NewSet is an empty set of numbers below n.
func NewSet(n int) Set { return make(Set, words(n)) }

// Fill puts the numbers below n in, which the set was made for.
func (s Set) Fill(n int) {
	for i := range s {
		s[i] = ^uint64(0)
	}
	if n%64 != 0 {
		s[len(s)-1] = 1<<(n%64) - 1
	}
}

// Add puts a number in.
func (s Set) Add(i int) { s[i/64] |= 1 << (i % 64) }

// Remove takes a number out.
func (s Set) Remove(i int) { s[i/64] &^= 1 << (i % 64) }

// AddAll puts in what is in t, a set of the same Split.
func (s Set) AddAll(t Set) {
	for i := range t {
		s[i] |= t[i]
	}
}

// RemoveAll takes out what is in t, a set of the same Split.
// Remove takes a number out.
func (s Set) RemoveAll(t Set) {
	for i := range t {
		s[i] &^= t[i]
	}
}

// Has tells whether a number is in the set.
func (s Set) Has(i int) bool { return i >= 0 && i/64 < len(s) && s[i/64]>>(i%64)&1 == 1 }

// Len is how many numbers are in the set.
func (s Set) Len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Equal tells whether two sets of one Split are the same.
func (s Set) Equal(t Set) bool { return slices.Equal(s, t) }

// Minus is what is in s and not in t, a set of the same Split.
func (s Set) Minus(t Set) Set {
	d := slices.Clone(s)
	for i := range d {
		d[i] &^= t[i]
	}
	return d
}

// All goes through the set in order.
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

// Common is what is in both of two sets of one Split.
func (s Set) Common(t Set) Set {
	both := slices.Clone(s)
	for i := range both {
		both[i] &= t[i]
	}
	return both
}

// Shared is how many numbers are in both of two sets of one Split.
func (s Set) Shared(t Set) int {
	n := 0
	for i := range s {
		n += bits.OnesCount64(s[i] & t[i])
	}
	return n
}

// Within reports whether all of s is in t.
func (s Set) Within(t Set) bool {
	for i := range s {
		if s[i]&^t[i] != 0 {
			return false
		}
	}
	return true
}

// Meets reports whether two sets of one Split have a number in common.
func (s Set) Meets(t Set) bool {
	for i := range s {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

// First is the smallest number of a set; -1 where it is empty.
func (s Set) First() int {
	for i, w := range s {
		if w != 0 {
			return i*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}

package diag

import (
	"unicode"
	"unicode/utf8"
)

// longestGuess is the longest name, in bytes, for which a near one is looked for.
const longestGuess = 64

// Nearest is the name among some that somebody most likely meant who wrote name: the one with the fewest
// letters to add, drop, change or swap with their neighbour, at most a third of name's letters (one at
// least, but not all). Upper and lower case count as the same. Of several equally near the first wins; false where
// none is near, or where name is one of them.
func Nearest(name string, among []string) (string, bool) {
	if name == "" || len(name) > longestGuess {
		return "", false
	}
	word := letters(nil, name)
	limit := min(max(1, len(word)/3), len(word)-1)
	var best string
	var d distance
	var other []rune
	for _, candidate := range among {
		if candidate == name {
			return "", false
		}
		n := utf8.RuneCountInString(candidate)
		if candidate == "" || n > len(word)+limit || n < len(word)-limit {
			continue
		}
		other = letters(other[:0], candidate)
		if got := d.between(word, other, limit); got <= limit {
			if got == 0 {
				return candidate, true
			}
			best, limit = candidate, got-1
		}
	}
	return best, best != ""
}

// letters appends the characters of a name, all in lower case.
func letters(to []rune, name string) []rune {
	for _, r := range name {
		to = append(to, unicode.ToLower(r))
	}
	return to
}

// distance keeps the three rows that the count needs, for one word after another.
type distance struct{ rows [3][]int }

// between is the Damerau-Levenshtein distance (optimal string alignment) of two words, or any number
// above limit where it is above that.
func (d *distance) between(a, b []rune, limit int) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] { // names of one project often begin alike
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	for i := range d.rows {
		if cap(d.rows[i]) <= len(b) {
			d.rows[i] = make([]int, 2*len(b)+1)
		}
		d.rows[i] = d.rows[i][:len(b)+1]
	}
	before, last, row := d.rows[0], d.rows[1], d.rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		// A swap reaches two rows back, and never gains more than one over this row.
		if least > limit+1 {
			return least
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

package diag

import (
	"unicode"
	"unicode/utf8"
)

// longestGuess is the length in bytes of the longest name for which Nearest suggests another.
const longestGuess = 64

// Nearest returns the candidate that was most likely meant by a misspelled name: the one at the smallest
// Damerau-Levenshtein distance, ignoring case. The distance is at most a third of the length of name, but at least 1
// and less than the length. Of several candidates at the same distance the first wins. It returns false if there is no
// such candidate, or if name is itself a candidate.
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

// letters appends the characters of a name in lower case.
func letters(to []rune, name string) []rune {
	for _, r := range name {
		to = append(to, unicode.ToLower(r))
	}
	return to
}

// distance holds the three rows of the computation, so that they can be reused.
type distance struct{ rows [3][]int }

// between returns the Damerau-Levenshtein distance (optimal string alignment) of two words, or any number above limit
// if the distance is above limit.
func (d *distance) between(a, b []rune, limit int) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] { // names of a project often have a common prefix
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
		// A swap reaches back two rows and improves on this row by at most one.
		if least > limit+1 {
			return least
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

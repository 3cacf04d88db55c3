package space

import (
	"slices"
	"strings"
)

// Text is the strings of a dimension. The zero value is any that has no blank and no control character in it.
type Text struct {
	alphabet  class    // of its bytes
	start     string   // of every value
	begin     class    // what a representative begins with, if it can; 0: anything
	special   string   // a value outside the alphabet
	usual     []string // to represent what no pattern mentions, if they are free
	other     string   // if none is, what the representative begins with
	fold      bool     // ASCII's upper and lower case are the same; values and patterns are in lower case
	end       string   // bytes of which the first ends a value
	templates bool     // {*} and {**} in a pattern are Envoy's URI templates
}

func (t Text) pattern(written string) Pattern {
	if t.fold {
		written = lower(written)
	}
	if t.templates && IsTemplate(written) {
		return Pattern{kind: template, text: written}
	}
	return textPattern(written)
}

func (t Text) value(written string) *Value {
	if i := strings.IndexAny(written, t.end); i >= 0 {
		written = written[:i]
	}
	if t.fold {
		written = lower(written)
	}
	return &Value{text: written}
}

func (t Text) bytes() class {
	if t.alphabet == 0 {
		return visibleByte
	}
	return t.alphabet
}

// domain is what a value can be.
func (t Text) domain() []glob {
	g := glob(nil).literal(t.start)
	if t.start == "" && t.begin != 0 {
		return []glob{glob{{class: t.begin}}.some(t.bytes()), g.many(t.bytes())}
	}
	if t.start == "" {
		return []glob{g.many(t.bytes())}
	}
	all := []glob{g.some(t.bytes())}
	if t.special != "" {
		all = append(all, glob(nil).literal(t.special))
	}
	return all
}

// contains is the same without an automaton.
func (t Text) contains(s string) bool {
	return s != "" && (s == t.special || t.begins(s))
}

// begins reports whether a value may begin with a string, which is not empty.
func (t Text) begins(s string) bool { return strings.HasPrefix(s, t.start) && allOf(s, t.bytes()) }

// candidate counts through values that no pattern is likely to mention.
func (t Text) candidate(n int) string {
	if n < len(t.usual) {
		return t.usual[n]
	}
	if t.other == "" {
		return "other" + letters(n)
	}
	return t.other + letters(n)
}

// letters counts: nothing, a, b, …, z, aa, ab, …
func letters(n int) string {
	s := ""
	for ; n > 0; n = (n - 1) / 26 {
		s = string(rune('a'+(n-1)%26)) + s
	}
	return s
}

func (t Text) divide(p *partition, _ string) error {
	if t.divideByPrefix(p) {
		return nil
	}
	return p.divideByAutomaton(t.domain()...)
}

// divideByPrefix makes the atoms where they can be seen without an automaton: exact values are atoms, and so is each
// prefix without the longer ones. It is false where the patterns are not of these kinds, or too many.
func (t Text) divideByPrefix(p *partition) bool {
	const many = 256
	if len(p.patterns) > many || slices.ContainsFunc(p.patterns, func(p Pattern) bool { return p.kind > present || p.kind == suffix }) {
		return false
	}
	// A value is in the atom of a prefix, or in that of no pattern, where nothing longer matches it.
	free := func(s string, length int) bool {
		return t.contains(s) && !slices.ContainsFunc(p.patterns, func(p Pattern) bool {
			return p.kind == exact && p.text == s || p.kind == prefix && len(p.text) > length && strings.HasPrefix(s, p.text)
		})
	}
	var atoms []string
	for _, pattern := range p.patterns {
		switch pattern.kind {
		case exact:
			if t.contains(pattern.text) {
				atoms = append(atoms, pattern.text)
			}
		case prefix:
			if !t.begins(pattern.text) {
				continue
			}
			s, ok := pattern.text, free(pattern.text, len(pattern.text))
			for i := 0; !ok && i < len(preferred); i++ {
				s = pattern.text + string(preferred[i:i+1])
				ok = free(s, len(pattern.text))
			}
			if !ok {
				return false
			}
			atoms = append(atoms, s)
		}
	}
	found := false
	for n := 0; n < 2*many && !found; n++ {
		if s := t.candidate(n); free(s, -1) {
			atoms = append(atoms, s)
			found = true
		}
	}
	if !found {
		return false
	}
	p.texts(atoms)
	for i := range p.patterns {
		p.members[i] = p.lists.take(len(atoms))[:0]
		for atom := range p.atoms {
			if p.patterns[i].matches(&p.atoms[atom]) {
				p.members[i] = append(p.members[i], int32(atom))
			}
		}
	}
	return true
}

// lower is ASCII's lower case, as Envoy ignores case.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					r += 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}

package space

import (
	"maps"
	"slices"
	"strings"
)

// Some dimensions have a value of several texts by their keys: headers by their names, a token by its claims. A pattern
// is about one key: its text is the key, and alternatives behind a NUL each.

// keys is the texts of such a value, of each key that it has.
type keys map[string][]string

func keyed(kind patternKind, key string, alternatives ...string) Pattern {
	return Pattern{kind: kind, text: key + "\x00" + strings.Join(alternatives, "\x00")}
}

// alternatives is the key that a pattern is about, and the patterns of which one must match a text.
func (p *Pattern) alternatives() (key string, all []Pattern) {
	key, rest, _ := strings.Cut(p.text, "\x00")
	for written := range strings.SplitSeq(rest, "\x00") {
		all = append(all, textPattern(written))
	}
	return key, all
}

// matches reports whether one of the texts of a key matches one of some patterns.
func (k keys) matches(key string, alternatives ...Pattern) bool {
	return slices.ContainsFunc(k[key], func(text string) bool { return anyPattern(alternatives, &Value{text: text}) })
}

// with is the value with the texts of one more key, if there are any.
func (k keys) with(key string, texts []string) keys {
	if len(texts) == 0 {
		return k
	}
	more := maps.Clone(k)
	more[key] = texts
	return more
}

// without is the value without a key.
func (k keys) without(key string) keys {
	fewer := maps.Clone(k)
	delete(fewer, key)
	return fewer
}

// String is the keys as the language writes them: `x-tenant=acme`, or `a token of https://auth.example.com
// groups=admin`. What represents a text that nobody asks for is left out.
func (k keys) String() string {
	words := make([]string, 0, len(k))
	for _, key := range slices.Sorted(maps.Keys(k)) {
		switch text := strings.Join(k[key], "+"); {
		case key == issuer && text == unasked:
			words = slices.Insert(words, 0, "another issuer's token")
		case key == issuer:
			words = slices.Insert(words, 0, "a token of "+text)
		case key == subject && text == unasked:
		default:
			words = append(words, dotted(key)+"="+text)
		}
	}
	return strings.Join(words, " ")
}

// unasked represents the texts of headers and claims that no pattern mentions.
const unasked = "other"

// within reports whether a token has only texts that another has, too, and is of the same issuer.
func (k keys) within(other keys) bool {
	for key, all := range k {
		if key == subject && all[0] == unasked {
			continue
		}
		if slices.ContainsFunc(all, func(text string) bool { return !slices.Contains(other[key], text) }) {
			return false
		}
	}
	return len(k) > 0
}

// keysOf reads lines of KEY=TEXT, of which a key may have several.
func keysOf(written string) keys {
	k := keys{}
	for line := range strings.SplitSeq(written, "\n") {
		if key, text, ok := strings.Cut(line, "="); ok {
			k[key] = append(k[key], text)
		}
	}
	return k
}

// fieldText is the texts of headers and claims.
var fieldText = Text{alphabet: fieldByte, other: unasked}

// region is texts, or lists of texts, that conditions on a key do not distinguish.
type region struct {
	texts []string // a representative; none: the key is absent
	in    Set      // the conditions that hold
}

// regions divides the texts that a key may have by conditions, each of them alternatives. Texts for which no condition
// holds are last, if there are any.
func regions(of Text, conditions [][]Pattern) ([]region, error) {
	p := partition{other: -1}
	for _, alternatives := range conditions {
		for _, a := range alternatives {
			p.id(a)
		}
	}
	if _, err := p.divide(of, ""); err != nil {
		return nil, err
	}
	var all []region
	for atom := range p.atoms {
		r := region{[]string{p.atoms[atom].text}, NewSet(len(conditions))}
		for i, alternatives := range conditions {
			if anyPattern(alternatives, &p.atoms[atom]) {
				r.in.Add(i)
			}
		}
		if !slices.ContainsFunc(all, func(other region) bool { return other.in.Equal(r.in) }) {
			all = append(all, r)
		}
	}
	if i := slices.IndexFunc(all, func(r region) bool { return r.in.Empty() }); i >= 0 {
		all = append(slices.Delete(slices.Clone(all), i, i+1), all[i])
	}
	return all, nil
}

// byKey is the conditions on each key.
func (p *partition) byKey() map[string][][]Pattern {
	all := map[string][][]Pattern{}
	for i := range p.patterns {
		switch pattern := &p.patterns[i]; pattern.kind {
		case inHeader, inClaim:
			key, alternatives := pattern.alternatives()
			all[key] = append(all[key], alternatives)
		case ofToken:
			iss, sub := pattern.issuerAndSubject()
			all[issuer], all[subject] = append(all[issuer], []Pattern{iss}), append(all[subject], []Pattern{sub})
		case byIssuer:
			all[issuer] = append(all[issuer], []Pattern{{text: pattern.text}})
		}
	}
	return all
}

// combine makes an atom of each combination of what keys may have; if several match the same patterns, of the first.
func (p *partition) combine(choices map[string][]region) error {
	all := []keys{{}}
	for _, key := range slices.Sorted(maps.Keys(choices)) {
		if len(all)*len(choices[key]) > maxAtoms {
			return ErrTooMany
		}
		combined := make([]keys, 0, len(all)*len(choices[key]))
		for _, k := range all {
			for _, r := range choices[key] {
				combined = append(combined, k.with(key, r.texts))
			}
		}
		all = combined
	}
	seen := map[string]bool{}
	for _, k := range all {
		v := Value{keys: k}
		var matched []byte
		for i := range p.patterns {
			if p.patterns[i].matches(&v) {
				matched = append(matched, byte(i), byte(i>>8), byte(i>>16))
			}
		}
		if seen[string(matched)] {
			continue
		}
		seen[string(matched)] = true
		for i := 0; i < len(matched); i += 3 {
			pattern := int(matched[i]) | int(matched[i+1])<<8 | int(matched[i+2])<<16
			p.members[pattern] = append(p.members[pattern], int32(len(p.atoms)))
		}
		p.atoms = append(p.atoms, v)
	}
	return nil
}

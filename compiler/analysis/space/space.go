package space

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Space is all requests, in classes that no condition distinguishes: the caller of a request is of one source, and what
// it does is of one class of operations, which a Builder enumerates. Whatever conditions say of representatives they
// say of every request.
type Space struct {
	Table   Table
	Sources []Source
	Callers int     // the same number for spaces that a Builder makes one after another with the same Sources
	Other   Request // in each dimension what no condition mentions, and nothing else; no value where all are mentioned

	callers, operations []Dimension
	partitions          *[maxDimensions]partition
	width               [maxDimensions]int // by dimension of callers: how far apart its atoms are in Sources
}

// Source is a representative caller: a request that does nothing.
type Source struct {
	*Request

	// Elsewhere marks where somebody who may be anywhere is looked for: its addresses are in none of the blocks, or in
	// one of those that leave no address out.
	Elsewhere bool
}

// From is a request from a source.
func (s *Space) From(r Request, caller Source) Request {
	for _, d := range s.callers {
		r.values[d] = caller.values[d]
	}
	return r
}

// atom is the number of a source's atom in a dimension of callers.
func (s *Space) atom(source int, d Dimension) int {
	return source / s.width[d] % len(s.partitions[d].atoms)
}

// Varies reports whether some conditions look at a dimension.
func (s *Space) Varies(d Dimension) bool { return len(s.partitions[d].atoms) > 1 }

// Without is the source that has no value in a dimension of callers, or what no pattern mentions, and is otherwise like
// another.
func (s *Space) Without(source int, d Dimension) int {
	atom := s.atom(source, d)
	return source + (max(0, int(s.partitions[d].bare()))-atom)*s.width[d]
}

// Anonymous is how many of Sources have no identity: the first ones.
func (s *Space) Anonymous() int { return s.width[Identity] }

// Identity is the same number for the sources that only other dimensions than the identity distinguish.
func (s *Space) Identity(source int) int { return source / s.width[Identity] }

// Source is the number of the source that represents the caller of a request; -1 for an identity of a form that Istio
// does not issue. A value that is not known is taken for the first atom.
func (s *Space) Source(r Request) int {
	source := 0
	for _, d := range s.callers {
		if r.values[d] == nil {
			continue
		}
		atom := s.partitions[d].atomOf(r.values[d])
		if atom < 0 {
			return -1
		}
		source += atom * s.width[d]
	}
	return source
}

// With is the source of callers with an identity that are otherwise like another source; negative where there is none.
func (s *Space) With(principal string, source int) int {
	return s.partitions[Identity].atomOf(IdentityValue(principal))*s.width[Identity] + source%s.width[Identity]
}

// Takes reports whether a source represents callers with an identity.
func (s *Space) Takes(source int, principal string) bool { return s.With(principal, source) == source }

// Words is what a request does, but for its port: where bare asks for them, the values that need no name, and of others
// those that conditions mention.
func (s *Space) Words(r *Request, bare bool) string {
	var words []string
	for _, d := range s.operations {
		switch v, info := r.values[d], &s.Table[d]; {
		case d == Port || v == nil:
		case info.Bare:
			if bare {
				words = append(words, v.String())
			}
		case v != s.Other.values[d]:
			words = append(words, info.Name, v.String())
		}
	}
	return strings.Join(words, " ")
}

// Facts is what a caller is in dimensions other than those of identities and addresses, where conditions mention it:
// words that follow its name, each after a blank.
func (s *Space) Facts(caller Source) (words string) {
	for _, d := range s.callers {
		switch v := caller.values[d]; {
		case d == Identity || v == nil || v.address.IsValid() || v == s.Other.values[d]:
		default:
			words += " " + s.Table[d].Name + " " + v.String()
		}
	}
	return words
}

// Needless reports whether a source comes with a token, and one of some others is the same caller without it, or with a
// token of the same issuer that has fewer claims: what both may do need not be said of the former.
func (s *Space) Needless(source int, others Set) bool {
	at := s.atom(source, Token)
	if at == 0 {
		return false
	}
	p := &s.partitions[Token]
	for atom := range p.atoms {
		if atom != at && others.Has(source+(atom-at)*s.width[Token]) && (atom == 0 || p.atoms[atom].keys.within(p.atoms[at].keys)) {
			return true
		}
	}
	return false
}

// Holders is the sources with a token, by what patterns ask of it, each in the words that follow a caller's name: those
// that have at least this and, where exact, those that have no more than this.
func (s *Space) Holders(exact bool, f func(words string, least bool, holders Set)) {
	p := &s.partitions[Token]
	name := s.Table[Token].Name + " "
	sources := make([][]int, len(p.atoms)) // by atom
	for i := range s.Sources {
		atom := s.atom(i, Token)
		sources[atom] = append(sources[atom], i)
	}
	each := func(words string, least bool, atoms []int32) {
		set := NewSet(len(s.Sources))
		for _, atom := range atoms {
			for _, i := range sources[atom] {
				set.Add(i)
			}
		}
		f(words, least, set)
	}
	byOthers := map[string][]int32{} // the tokens of any subject, by all else that they have
	for atom := range p.atoms {
		if k := p.atoms[atom].keys; exact && k != nil {
			words := k.without(subject).String()
			byOthers[words] = append(byOthers[words], int32(atom))
		}
	}
	for _, words := range slices.Sorted(maps.Keys(byOthers)) {
		each(name+words, false, byOthers[words])
	}
	for i := range p.patterns {
		words := name + p.patterns[i].tokenWords()
		each(words, true, p.members[i])
		for j := range p.patterns {
			if p.patterns[i].kind != inClaim && p.patterns[j].kind == inClaim {
				both := slices.DeleteFunc(slices.Clone(p.members[i]), func(atom int32) bool {
					_, too := slices.BinarySearch(p.members[j], atom)
					return !too
				})
				each(words+" "+p.patterns[j].tokenWords(), true, both)
			}
		}
	}
}

// patterns calls f with the patterns that a source matches in a dimension of callers.
func (s *Space) patterns(source int, d Dimension, f func(*Pattern)) {
	p := &s.partitions[d]
	for _, i := range p.of(s.atom(source, d)) {
		f(&p.patterns[i])
	}
}

// Identities is what patterns say of the identities of a source: the one that it is, or else its Wildcards. One reports
// which.
func (s *Space) Identities(source int) (all []Pattern, one bool) {
	s.patterns(source, Identity, func(p *Pattern) {
		if p.kind == exact && !one {
			all, one = []Pattern{*p}, true
		}
	})
	if one {
		return all, true
	}
	return s.Wildcards(source), false
}

// Distinguishes reports whether a pattern by which a source is told from others is this one, or names its identity.
func (s *Space) Distinguishes(source int, by Pattern) (is bool) {
	s.patterns(source, Identity, func(p *Pattern) { is = is || *p == by || p.kind == exact })
	return is
}

// Wildcards is the patterns of many identities, but not of all, that those of a source match.
func (s *Space) Wildcards(source int) (all []Pattern) {
	s.patterns(source, Identity, func(p *Pattern) {
		if p.kind != exact && p.kind != present {
			all = append(all, *p)
		}
	})
	return all
}

// Block is the narrowest block of a dimension of addresses that a source is in; not valid where it is in none.
func (s *Space) Block(source int, d Dimension) (block netip.Prefix) {
	s.patterns(source, d, func(p *Pattern) {
		if is := p.block(); !block.IsValid() || is.Bits() > block.Bits() {
			block = is
		}
	})
	return block
}

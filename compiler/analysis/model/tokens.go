package model

import (
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// tokensOf is the tokens of an issuer that are for one of its audiences.
func tokensOf(i *policy.Issuer) space.Box {
	box := space.Box{space.Is(space.Token, space.IssuerPattern(i.URL))}
	if len(i.Audiences) > 0 {
		box = append(box, space.Is(space.Token, space.AudiencePattern(i.Audiences...)))
	}
	return box
}

// alien is the sources with a token that a service does not take, because it is of none of its issuers.
func (m *Model) alien(s *policy.Service, split *Split) space.Set {
	alien := space.NewSet(len(split.Sources))
	if len(s.Issuers) == 0 {
		return alien
	}
	var taken []space.Box
	for _, i := range s.Issuers {
		taken = append(taken, tokensOf(i))
	}
	for i, caller := range split.Sources {
		r := *caller.Request
		r.HTTP = true
		if r.Value(space.Token) != nil && m.Manifests.Table.AnyMatch(taken, &r) != space.Yes {
			alien.Add(i)
		}
	}
	return alien
}

// verifies reports whether the points on the way to a service verify the tokens of its issuers, and do so as these say:
// where keys are and how tokens are carried makes no difference to sets of requests.
func (p *proof) verifies(at *enforce.Point) bool {
	var want, got []string
	for _, i := range p.of.Issuers {
		want = append(want, i.Method(i.Forward || p.model.passing()[p.of.ID()][i.URL]))
	}
	objects := slices.Clone(at.Tokens)
	for _, way := range at.Ways {
		objects = append(objects, way.Point.Tokens...)
	}
	for _, o := range objects {
		got = append(got, o.Methods...)
	}
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(slices.Compact(want), slices.Compact(got))
}

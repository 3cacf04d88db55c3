package model

import (
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

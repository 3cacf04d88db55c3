package istio

import (
	"slices"

	"istio.io/api/security/v1beta1"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

// authenticate emits the RequestAuthentication of a callee that verifies tokens. It says how they are verified, and
// makes the callee refuse all others; that a token is there is up to the rules.
func (b *builder) authenticate(s *policy.Service, issuers []*policy.Issuer) {
	if len(issuers) == 0 {
		return
	}
	var rules []*v1beta1.JWTRule
	for _, i := range issuers {
		rule := &v1beta1.JWTRule{Issuer: i.URL, JwksUri: i.Keys, Jwks: i.KeySet, Audiences: i.Audiences, ForwardOriginalToken: i.Forward || b.passesOn(s, i)}
		for _, c := range i.From {
			switch {
			case c.Query != "":
				rule.FromParams = append(rule.FromParams, c.Query)
			case c.Cookie != "":
				rule.FromCookies = append(rule.FromCookies, c.Cookie)
			default:
				rule.FromHeaders = append(rule.FromHeaders, &v1beta1.JWTHeader{Name: c.Header, Prefix: c.Prefix})
			}
		}
		for _, p := range i.Passed {
			if p.Claim == "" {
				rule.OutputPayloadToHeader = p.Header
			} else {
				rule.OutputClaimToHeaders = append(rule.OutputClaimToHeaders, &v1beta1.ClaimToHeader{Header: p.Header, Claim: p.Claim})
			}
		}
		rules = append(rules, rule)
	}
	for i, to := range b.tokenPlaces(s) {
		spec := &v1beta1.RequestAuthentication{Selector: to.selector, TargetRefs: to.targets, JwtRules: rules}
		b.add(b.draft(waveTokens-i, b.security, "RequestAuthentication", s.Namespace, to.name+to.kinds, whyVerified(s), spec))
	}
}

// tokenPlaces is where the tokens of the callers of a service are verified: at its pods, or at the waypoint of its
// Services. While its pods move it is both, in the order opposite to that of an apply: the object of the first may be
// that of the waypoint until then.
func (b *builder) tokenPlaces(s *policy.Service) []place {
	pods, ways := placeOf(s), s.Through()
	if len(ways) == 0 {
		return []place{pods}
	}
	waypoint := place{name: s.Name, targets: b.serviceTargets(hosts(ways)...)}
	if !s.Moving {
		return []place{waypoint}
	}
	waypoint.kinds = waypointSuffix
	return []place{pods, waypoint}
}

// own returns the issuers of a service that are not those of every pod of its namespace, or of the mesh.
func (b *builder) own(m *policy.Mesh, s *policy.Service) (issuers []*policy.Issuer) {
	wider := []*policy.Service{m.EveryPod(), b.everyMesh}
	return slices.DeleteFunc(slices.Clone(s.Issuers), func(i *policy.Issuer) bool {
		return slices.ContainsFunc(wider, func(w *policy.Service) bool { return w != nil && w != s && slices.Contains(w.Issuers, i) })
	})
}

// passesOn reports whether something that a service calls asks for the tokens of an issuer too, so that the service
// must see them.
func (b *builder) passesOn(s *policy.Service, i *policy.Issuer) bool {
	return b.passing[s.ID()][i.URL]
}

// whyVerified is the intents that have a service verify tokens.
func whyVerified(s *policy.Service) targets.Origin {
	why := targets.OfRules(s.Allow)
	for _, v := range s.Verifies {
		why = why.And(v.At)
	}
	return why
}

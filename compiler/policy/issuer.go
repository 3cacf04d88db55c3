package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// TokenDimension is the dimension of a Condition on the token of a request: without a Key, on `ISSUER/SUBJECT`; with
// one, on a claim.
const TokenDimension = "with"

// Issuer signs tokens.
type Issuer struct {
	Name      string
	URL       string    // the claim `iss` of its tokens
	Keys      string    // URL of its keys; empty: where the issuer itself says that they are
	KeySet    string    // the keys, as KeySet has them; empty: they are fetched
	Audiences []string  // a token is for one of them; empty: for anybody
	From      []Carrier // where requests carry it; empty: as a bearer token in the header Authorization, or in the parameter access_token
	Forward   bool      // what is called sees the token too
	Passed    []Passed  // what is called sees of it in headers
	At        source.Span
}

// Method is how the tokens of an issuer are verified, carried and passed on, in a canonical form. forward says whether
// what is called sees the token too.
func (i *Issuer) Method(forward bool) string {
	from, passed := slices.Clone(i.From), slices.Clone(i.Passed)
	kind := func(c Carrier) int {
		switch {
		case c.Cookie != "":
			return 2
		case c.Query != "":
			return 1
		}
		return 0
	}
	slices.SortStableFunc(from, func(a, b Carrier) int { return cmp.Compare(kind(a), kind(b)) })
	slices.SortFunc(passed, func(a, b Passed) int { return cmp.Or(cmp.Compare(a.Claim, b.Claim), cmp.Compare(a.Header, b.Header)) })
	return fmt.Sprintf("%q %q %q %q %q %q %t", i.URL, i.Keys, i.KeySet, i.Audiences, from, passed, forward)
}

// Passing is, by the ID of each service, the URLs of the issuers whose tokens it has to pass on, because something that
// it calls asks for them too.
func (p *Policy) Passing() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	pass := func(s *Service, i *Issuer) {
		if all[s.ID()] == nil {
			all[s.ID()] = map[string]bool{}
		}
		all[s.ID()][i.URL] = true
	}
	for _, callee := range p.Services() {
		for _, i := range callee.Issuers {
			if !callee.Asks(i) {
				continue
			}
			for r := range callee.Allow {
				for _, from := range callee.Allow[r].From {
					if from.Kind != FromService {
						continue
					}
					pass(from.Service, i)
				}
			}
		}
	}
	for _, m := range p.Meshes { // one object says how every pod of a namespace, or of the mesh, does it
		every, services := m.EveryPod(), m.Services
		if every == nil {
			continue
		}
		if m.Name == p.RootNamespace {
			services = p.Services()
		}
		for _, i := range every.Issuers {
			if slices.ContainsFunc(services, func(s *Service) bool { return all[s.ID()][i.URL] }) {
				for _, s := range services {
					pass(s, i)
				}
			}
		}
	}
	return all
}

// Verification is a statement that a service verifies the tokens of an issuer, whether its rules ask for them or not.
type Verification struct {
	Issuer              *Issuer
	EveryPod, EveryMesh bool // as of a Rule
	At                  source.Span
}

// Asks reports whether rules of the service ask for tokens of an issuer.
func (s *Service) Asks(i *Issuer) bool {
	for _, rules := range s.Rules() {
		for r := range rules {
			for _, c := range rules[r].Where {
				if c.AsksForToken() && (len(c.Issuers) == 0 || slices.Contains(c.Issuers, i)) {
					return true
				}
			}
		}
	}
	return false
}

// AsksForToken reports whether the condition wants a token, and says of whom.
func (c *Condition) AsksForToken() bool {
	return c.Dimension == TokenDimension && len(c.Key) == 0 && !c.Not
}

// ForbidsToken reports whether the condition wants no token.
func (c *Condition) ForbidsToken() bool {
	return c.Dimension == TokenDimension && len(c.Key) == 0 && c.Not
}

// SpaceDelimited reports whether proxies take the text of a claim for a list with spaces between its texts:
// buildSpaceDelimitedClaims in istio.io/istio/pilot/pkg/security/authn/policy_applier.go.
func SpaceDelimited(claim string) bool { return claim == "scope" || claim == "permission" }

// Carrier is where requests carry a token: in a header behind a prefix, in a parameter of the query, or in a cookie.
type Carrier struct{ Header, Prefix, Query, Cookie string }

// Passed is a header that a proxy writes: the value of a claim, with dots between the parts of its path, or all claims
// as base64 of JSON if Claim is empty.
type Passed struct{ Claim, Header string }

package policy

import (
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// TokenDimension is the dimension of a Condition on the token of a request: without a Key, on `ISSUER/SUBJECT`; with one, on a
// claim.
const TokenDimension = "with"

// Issuer signs tokens.
type Issuer struct {
	Name      string
	URL       string    // the claim `iss` of its tokens
	Keys      string    // URL of its keys; empty: where the issuer itself says that they are
	Audiences []string  // a token is for one of them; empty: for anybody
	From      []Carrier // where requests carry it; empty: as a bearer token in the header Authorization, or in the parameter access_token
	Forward   bool      // what is called sees the token too
	Passed    []Passed  // what is called sees of it in headers
	At        source.Span
}

// Verification is a statement that a service verifies the tokens of an issuer, whether its rules ask for them or not.
type Verification struct {
	Issuer   *Issuer
	EveryPod bool // it is about every pod of the namespace
	At       source.Span
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

// Passed is a header that a proxy writes: the value of a claim, with dots between the parts of its path, or all claims as
// base64 of JSON if Claim is empty.
type Passed struct{ Claim, Header string }

package policy

import "github.com/meshc/meshc/lang/source"

// TokenDimension is the dimension of a Condition on the token of a request: without a Key, on `ISSUER/SUBJECT`; with one, on a
// claim.
const TokenDimension = "with"

// Issuer signs tokens.
type Issuer struct {
	Name      string
	URL       string    // the claim `iss` of its tokens
	Keys      string    // URL of its keys; empty: where the issuer itself says that they are
	Audiences []string  // a token is for one of them; empty: for anybody
	From      []Carrier // where requests carry it; empty: as a bearer token in the header Authorization
	Forward   bool      // what is called sees the token too
	At        source.Span
}

// Carrier is where requests carry a token: in a header behind a prefix, or in a parameter of the query.
type Carrier struct{ Header, Prefix, Query string }

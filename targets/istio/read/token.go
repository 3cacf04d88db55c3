package read

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/compiler/yamldoc/plainyaml"
	"github.com/meshc/meshc/lang/diag"
)

var (
	authenticationFields = []string{"selector", "targetRef", "targetRefs", "jwtRules"}
	tokenFields          = []string{
		"issuer", "audiences", "jwksUri", "jwks", "fromHeaders", "fromParams", "fromCookies", "forwardOriginalToken",
		"outputPayloadToHeader", "outputClaimToHeaders", "timeout", "spaceDelimitedClaims", "jwks_uri",
	}
)

// The limits of the CRD of RequestAuthentication in istio.io/api v1.31.
const (
	maxTokenRules = 4096
	maxKeysURL    = 2048
	maxSpaced     = 64
)

// authentication reads a RequestAuthentication, as convertToEnvoyJwtConfig in
// istio.io/istio/pilot/pkg/security/authn/policy_applier.go does and validateJwtRule in
// istio.io/istio/pkg/config/validation accepts it. Whose keys a token must be signed with is not looked at: a token of
// an issuer is one that they verify.
func (d *decoder) authentication(p *enforce.Object, spec int32) {
	if spec == 0 {
		return
	}
	d.fields(spec, authenticationFields, func(key string, n int32) {
		switch key {
		case "selector":
			d.selector(p, n)
		case "targetRef", "targetRefs":
			d.targetRefs(p, n)
		case "jwtRules":
			var methods []string
			d.limit(n, maxTokenRules)
			d.each(n, plainyaml.Mapping, func(n int32) { methods = append(methods, d.tokenRule(p, n)) })
			slices.Sort(methods)
			p.Verifies = strings.Join(methods, "\n")
			p.Rewrites = slices.Compact(slices.Sorted(slices.Values(p.Rewrites)))
		}
	})
	if p.Gateways && len(p.Selector) > 0 {
		d.refuse(p.At, "a RequestAuthentication has a selector or targetRefs, not both")
		p.Selector, p.Gateways = nil, false
	}
}

// tokenRule reads an item of jwtRules. Whose tokens count becomes a clause of p; how they are verified and carried is
// returned.
func (d *decoder) tokenRule(p *enforce.Object, n int32) (method string) {
	t := tokenRule{decoder: d}
	d.fields(n, tokenFields, t.field)
	if len(t.keyed) > 1 {
		d.refuse(d.keySpan(t.keyed[1]), "`%s` says where its keys are twice, which Istio refuses", d.where()).
			WithRelated(d.keySpan(t.keyed[0]), "the other is here").
			WithHelp("delete one of them")
	}
	p.Methods = append(p.Methods, t.said.Method(t.forward))
	p.Rewrites = append(p.Rewrites, t.written...)
	switch {
	case t.forward:
	case len(t.said.From) == 0:
		p.Rewrites = append(p.Rewrites, "authorization")
	default:
		p.Rewrites = append(p.Rewrites, t.taken...)
	}
	switch {
	case t.said.URL == "" && t.said.Keys == "":
		d.refuse(d.span(n), "`%s` has neither an issuer nor a jwksUri, which Istio refuses", d.where())
	case t.said.URL == "":
		d.findings.Add(diag.UnknownEffect, d.span(n), "the tokens of any issuer count that are signed with the keys of %s: whose these are is not known", t.said.Keys).
			WithHelp("write the issuer")
		d.broken = true
	}
	from := space.Box{space.Is(space.Token, space.IssuerPattern(t.said.URL))}
	if len(t.audiences) > 0 {
		from = from.And(space.Token, space.AudiencePattern(t.audiences...))
	}
	p.Clauses = append(p.Clauses, enforce.Clause{At: d.span(n), From: []space.Box{from}, To: []space.Box{{}}})
	t.said.Audiences = nil // the clause says them
	return fmt.Sprintf("%s %s %q", t.said.Method(t.forward), cmp.Or(t.timeout, "5s"), t.spaced)
}

// tokenRule is what an item of jwtRules says, as its fields are read.
type tokenRule struct {
	*decoder
	said           policy.Issuer
	audiences      []string // as they are written
	forward        bool     // what is called sees the token, too
	taken, written []string // headers, in lower case, that the proxy takes from requests and that it writes
	timeout        string
	spaced         []string // claims whose values are words with spaces between
	keyed          []int32  // the fields that say the keys, or where they are
}

// field reads a field that is one of tokenFields.
func (t *tokenRule) field(key string, n int32) {
	switch key {
	case "issuer":
		t.said.URL = t.filled(n)
	case "audiences":
		t.audiences = t.filledTexts(n)
		t.said.Audiences = slices.Compact(slices.Sorted(slices.Values(t.audiences)))
	case "jwksUri", "jwks_uri":
		t.keysURL(n)
	case "jwks":
		t.keys(n)
	case "fromHeaders":
		t.each(n, plainyaml.Mapping, t.fromHeader)
	case "fromParams":
		for _, name := range t.filledTexts(n) {
			t.said.From = append(t.said.From, policy.Carrier{Query: name})
		}
	case "fromCookies":
		for _, name := range t.filledTexts(n) {
			t.said.From = append(t.said.From, policy.Carrier{Cookie: name})
		}
	case "forwardOriginalToken":
		t.forward = t.is(n, plainyaml.Boolean) && t.Nodes[n].Text == "true"
	case "outputPayloadToHeader":
		header := t.string(n)
		t.said.Passed = append(t.said.Passed, policy.Passed{Header: header})
		t.written = append(t.written, strings.ToLower(header))
	case "outputClaimToHeaders":
		t.each(n, plainyaml.Mapping, t.claimHeader)
	case "timeout":
		t.timeout = t.string(n)
		wait, err := time.ParseDuration(t.timeout)
		if t.timeout != "" && (err != nil || wait < time.Millisecond) || t.timeout == "" && t.Nodes[n].Kind == plainyaml.Text {
			t.refuse(t.span(n), "`%s` must be a time of at least 1ms, such as 5s, not %q", t.where(), t.timeout)
		}
	case "spaceDelimitedClaims":
		t.limit(n, maxSpaced)
		t.spaced = slices.DeleteFunc(t.filledTexts(n), policy.SpaceDelimited) // those that always are
		slices.Sort(t.spaced)
	}
}

// keysURL reads where the keys are.
func (t *tokenRule) keysURL(n int32) {
	t.keyed = append(t.keyed, n)
	keys := t.filled(n)
	t.said.Keys = keys
	if u, err := url.Parse(keys); keys != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		t.refuse(t.span(n), "%q is not a URL of http or https", keys)
	} else if len(keys) > maxKeysURL {
		t.refuse(t.span(n), "`%s` has %d bytes, and the API accepts %d", t.where(), len(keys), maxKeysURL)
	}
}

// keys reads the keys where they are written out.
func (t *tokenRule) keys(n int32) {
	t.keyed = append(t.keyed, n)
	inline := t.string(n)
	switch {
	case inline == "" || isKeySet(inline):
	case json.Valid([]byte(inline)):
		t.refuse(t.span(n), "`%s` is not a set of JSON Web Keys, which Istio refuses", t.where())
	default:
		t.refuse(t.span(n), "`%s` is not JSON, which Istio refuses", t.where())
	}
	t.said.KeySet = inline
	if set, _, why := policy.KeySet(inline); why == "" {
		t.said.KeySet = set
	}
}

// fromHeader reads a header that carries a token.
func (t *tokenRule) fromHeader(n int32) {
	var c policy.Carrier
	t.has(n, "name")
	t.fields(n, []string{"name", "prefix"}, func(key string, n int32) {
		if key == "name" {
			c.Header = t.filled(n)
			t.taken = append(t.taken, strings.ToLower(c.Header))
		} else {
			c.Prefix = t.string(n)
		}
	})
	t.said.From = append(t.said.From, c)
}

// claimHeader reads a header in which what is called sees a claim.
func (t *tokenRule) claimHeader(n int32) {
	var passed policy.Passed
	t.has(n, "header")
	t.has(n, "claim")
	t.fields(n, []string{"header", "claim"}, func(key string, n int32) {
		if key == "claim" {
			passed.Claim = t.filled(n)
			return
		}
		passed.Header = t.filled(n)
		if strings.ContainsFunc(passed.Header, func(r rune) bool { return !headerRune(r) }) {
			t.refuse(t.span(n), "%q cannot be the name of a header here: Istio takes letters, digits, `-` and `_`", passed.Header)
		}
		t.written = append(t.written, strings.ToLower(passed.Header))
	})
	t.said.Passed = append(t.said.Passed, passed)
}

func headerRune(r rune) bool {
	return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// filled is the value of a string that is not to be empty.
func (d *decoder) filled(n int32) string {
	text := d.string(n)
	if text == "" && d.Nodes[n].Kind == plainyaml.Text {
		d.refuse(d.span(n), "`%s` is empty, which Istio refuses", d.where())
	}
	return text
}

func (d *decoder) filledTexts(n int32) (all []string) {
	d.each(n, plainyaml.Text, func(n int32) {
		if text := d.filled(n); text != "" {
			all = append(all, text)
		}
	})
	return all
}

// has reports a mapping that lacks a key.
func (d *decoder) has(n int32, key string) {
	if value := d.at(n, key); value == 0 || d.Nodes[value].Kind == plainyaml.Null {
		d.refuse(d.span(n), "`%s` has no %s, which Istio refuses", d.where(), key)
	}
}

// claim returns the reader of the values of a claim.
func claim(path ...string) func(string) (space.Pattern, string) {
	return func(s string) (space.Pattern, string) { return space.ClaimPattern(path, s), "" }
}

// claimPath takes NAME] or NAME][NAME] apart, as extractNameInNestedBrackets in
// istio.io/istio/pilot/pkg/security/authz/model/util.go does.
func claimPath(brackets string) []string {
	path := strings.Split(strings.TrimSuffix(brackets, "]"), "][")
	for _, name := range path {
		if strings.ContainsAny(name, "[]") {
			return []string{strings.TrimSuffix(brackets, "]")}
		}
	}
	return path
}

// isKeySet reports whether a text is a JSON Web Key Set, or one JSON Web Key, as Istio parses it: validateJwtRule in
// istio.io/istio/pkg/config/validation/validation.go.
func isKeySet(text string) bool {
	var set map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &set) != nil {
		return false
	}
	all := []json.RawMessage{[]byte(text)}
	if keys, several := set["keys"]; several && json.Unmarshal(keys, &all) != nil {
		return false
	}
	return !slices.ContainsFunc(all, func(key json.RawMessage) bool {
		_, _, why := policy.KeySet(`{"keys": [` + string(key) + `]}`)
		return why != ""
	})
}

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
// istio.io/istio/pkg/config/validation accepts it. Whose keys a token must be signed with is not looked at: a token of an
// issuer is one that they verify.
func (r *reader) authentication(d *decoder, p *enforce.Object, spec int32) {
	if spec == 0 {
		return
	}
	d.fields(spec, authenticationFields, func(field int, n int32) {
		switch field {
		case 0:
			d.selector(p, n)
		case 1, 2:
			d.targetRefs(p, n)
		case 3:
			var methods []string
			d.limit(n, maxTokenRules)
			d.each(n, plainyaml.Mapping, func(_ int, n int32) { methods = append(methods, r.tokenRule(d, p, n)) })
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

// tokenRule reads whose tokens count, and returns how they are verified and carried.
func (r *reader) tokenRule(d *decoder, p *enforce.Object, n int32) (method string) {
	clause := enforce.Clause{At: d.span(n), To: []space.Box{{}}}
	var issuer, keys string
	var box space.Box
	forward := false
	var taken, written []string // headers
	var timeout string
	var spaced []string // claims
	var keyed []int32   // what says the keys, or where they are
	said := &policy.Issuer{}
	d.fields(n, tokenFields, func(field int, n int32) {
		switch field {
		case 0:
			issuer = d.filled(n)
		case 1:
			audiences := d.filledTexts(n)
			said.Audiences = slices.Compact(slices.Sorted(slices.Values(audiences)))
			if len(audiences) > 0 {
				box = box.And(space.Token, space.AudiencePattern(audiences...))
			}
		case 2, 12:
			keyed = append(keyed, n)
			keys = d.filled(n)
			if u, err := url.Parse(keys); keys != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
				d.refuse(d.span(n), "%q is not a URL of http or https", keys)
			} else if len(keys) > maxKeysURL {
				d.refuse(d.span(n), "`%s` has %d bytes, and the API accepts %d", d.where(), len(keys), maxKeysURL)
			}
		case 3:
			keyed = append(keyed, n)
			inline := d.string(n)
			switch {
			case inline == "" || isKeySet(inline):
			case json.Valid([]byte(inline)):
				d.refuse(d.span(n), "`%s` is not a set of JSON Web Keys, which Istio refuses", d.where())
			default:
				d.refuse(d.span(n), "`%s` is not JSON, which Istio refuses", d.where())
			}
			if set, _, why := policy.KeySet(inline); why == "" {
				said.KeySet = set
			} else {
				said.KeySet = inline
			}
		case 4:
			d.each(n, plainyaml.Mapping, func(_ int, n int32) {
				var c policy.Carrier
				d.has(n, "name")
				d.fields(n, []string{"name", "prefix"}, func(field int, n int32) {
					if field == 0 {
						c.Header = d.filled(n)
						taken = append(taken, strings.ToLower(c.Header))
					} else {
						c.Prefix = d.string(n)
					}
				})
				said.From = append(said.From, c)
			})
		case 5, 6:
			for _, name := range d.filledTexts(n) {
				c := policy.Carrier{Query: name}
				if field == 6 {
					c = policy.Carrier{Cookie: name}
				}
				said.From = append(said.From, c)
			}
		case 7:
			forward = d.is(n, plainyaml.Boolean) && d.Nodes[n].Text == "true"
		case 8:
			said.Passed = append(said.Passed, policy.Passed{Header: d.string(n)})
			written = append(written, strings.ToLower(d.string(n)))
		case 9:
			d.each(n, plainyaml.Mapping, func(_ int, n int32) {
				var passed policy.Passed
				d.has(n, "header")
				d.has(n, "claim")
				d.fields(n, []string{"header", "claim"}, func(field int, n int32) {
					if field == 0 {
						if passed.Header = d.filled(n); strings.ContainsFunc(passed.Header, func(r rune) bool { return !headerRune(r) }) {
							d.refuse(d.span(n), "%q cannot be the name of a header here: Istio takes letters, digits, `-` and `_`", passed.Header)
						}
						written = append(written, strings.ToLower(passed.Header))
					} else {
						passed.Claim = d.filled(n)
					}
				})
				said.Passed = append(said.Passed, passed)
			})
		case 10:
			timeout = d.string(n)
			if wait, err := time.ParseDuration(timeout); timeout != "" && (err != nil || wait < time.Millisecond) || d.Nodes[n].Kind == plainyaml.Text && timeout == "" {
				d.refuse(d.span(n), "`%s` must be a time of at least 1ms, such as 5s, not %q", d.where(), timeout)
			}
		case 11:
			d.limit(n, maxSpaced)
			spaced = slices.DeleteFunc(d.filledTexts(n), policy.SpaceDelimited) // those that always are
			slices.Sort(spaced)
		}
	})
	if len(keyed) > 1 {
		d.refuse(d.keySpan(keyed[1]), "`%s` says where its keys are twice, which Istio refuses", d.where()).
			WithRelated(d.keySpan(keyed[0]), "the other is here").
			WithHelp("delete one of them")
	}
	if len(said.From) == 0 {
		taken = append(taken, "authorization")
	}
	if forward {
		taken = nil
	}
	said.URL, said.Keys = issuer, keys
	p.Methods = append(p.Methods, said.Method(forward))
	p.Rewrites = append(append(p.Rewrites, written...), taken...)
	switch {
	case issuer == "" && keys == "":
		d.refuse(d.span(n), "`%s` has neither an issuer nor a jwksUri, which Istio refuses", d.where())
	case issuer == "":
		d.findings.Add(diag.UnknownEffect, d.span(n), "the tokens of any issuer count that are signed with the keys of %s: whose these are is not known", keys).
			WithHelp("write the issuer")
		d.broken = true
	}
	clause.From = []space.Box{append(space.Box{space.Is(space.Token, space.IssuerPattern(issuer))}, box...)}
	p.Clauses = append(p.Clauses, clause)
	said.Audiences = nil // the clause says them
	return fmt.Sprintf("%s %s %q", said.Method(forward), cmp.Or(timeout, "5s"), spaced)
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
	d.each(n, plainyaml.Text, func(_ int, n int32) {
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

// rewritten reports conditions on headers that a RequestAuthentication of the same pods takes from requests or writes: they are not
// judged where both bind a workload.
func (r *reader) rewritten() {
	for _, by := range r.policies {
		if len(by.Rewrites) == 0 {
			continue
		}
		for _, p := range r.policies {
			for i := range p.Clauses {
				if name := p.Clauses[i].Header(by.Rewrites); name != "" && r.together(by, p) {
					r.findings.Add(diag.Undecided, p.RuleAt(i), "the header %s is not judged: a RequestAuthentication takes it from requests, or writes it", name)
				}
			}
		}
	}
}

// together reports whether all pods that one of two objects binds are bound by the other, too.
func (r *reader) together(a, b *enforce.Object) bool {
	within := func(few, many *enforce.Object) bool {
		return (many.Namespace == few.Namespace || many.Namespace == r.mesh.RootNamespace) && !slices.ContainsFunc(many.Selector, func(l enforce.Label) bool {
			return !slices.Contains(few.Selector, l)
		})
	}
	if a.Gateways || b.Gateways {
		return a.Namespace == b.Namespace && slices.ContainsFunc(a.Targets, func(t enforce.Label) bool { return slices.Contains(b.Targets, t) })
	}
	return within(a, b) || within(b, a)
}

// ownHeaders are headers that a proxy sets, changes or removes before policies are asked: mutateRequestHeaders in
// source/common/http/conn_manager_utility.cc of envoyproxy/envoy.
var ownHeaders = []string{
	"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
	"x-client-trace-id", "x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-proto", "x-request-id",
}

func isOwnHeader(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(ownHeaders, name) || strings.HasPrefix(name, "x-envoy-")
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

package envoy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	jwt "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	envoymatcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// Tokens is the filter that authenticates requests by their tokens; nil where there is none. Every token is one that
// the keys of its issuer verify.
type Tokens struct {
	requirement requirement
	preflights  bool // pass, whatever their token, which nobody sees
}

// requirement is given the claims of a token, nil where there is none. It reports whether the request may pass, and the
// provider that took the token.
type requirement func(claims map[string]any) (by *jwt.JwtProvider, ok bool)

// ReadTokens reads the filter, after source/extensions/filters/http/jwt_authn/verifier.cc in envoyproxy/envoy.
func ReadTokens(f *hcm.HttpFilter) (*Tokens, error) {
	if f == nil {
		return nil, nil
	}
	config := &jwt.JwtAuthentication{}
	if err := open(f.GetTypedConfig(), config); err != nil {
		return nil, err
	}
	if len(config.Rules) != 1 || config.Rules[0].Match.GetPrefix() != "/" || config.FilterStateRules != nil {
		return nil, fmt.Errorf("requirements that depend on the path")
	}
	for name, p := range config.Providers {
		if p.PayloadInMetadata != "payload" || p.Subjects != nil || p.RequireExpiration {
			return nil, fmt.Errorf("the provider %s", name)
		}
	}
	requirement, err := readRequirement(config.Rules[0].GetRequires(), config.Providers)
	return &Tokens{requirement, config.BypassCorsPreflight}, err
}

func readRequirement(r *jwt.JwtRequirement, providers map[string]*jwt.JwtProvider) (requirement, error) {
	switch kind := r.GetRequiresType().(type) {
	case *jwt.JwtRequirement_ProviderName:
		p := providers[kind.ProviderName]
		return func(claims map[string]any) (*jwt.JwtProvider, bool) {
			return p, claims != nil && (p.Issuer == "" || claims["iss"] == p.Issuer) && (len(p.Audiences) == 0 || slices.ContainsFunc(p.Audiences, func(audience string) bool {
				return claims["aud"] == audience || slices.Contains(texts(claims["aud"]), audience)
			}))
		}, nil
	case *jwt.JwtRequirement_AllowMissing:
		return func(claims map[string]any) (*jwt.JwtProvider, bool) { return nil, claims == nil }, nil
	case *jwt.JwtRequirement_RequiresAny:
		return several(kind.RequiresAny.Requirements, providers, false)
	case *jwt.JwtRequirement_RequiresAll:
		return several(kind.RequiresAll.Requirements, providers, true)
	}
	return nil, fmt.Errorf("the requirement %T", r.GetRequiresType())
}

// several reads requirements of which one or all must be met: the first that is, or is not, ends it.
func several(list []*jwt.JwtRequirement, providers map[string]*jwt.JwtProvider, all bool) (requirement, error) {
	var each []requirement
	for _, r := range list {
		f, err := readRequirement(r, providers)
		if err != nil {
			return nil, err
		}
		each = append(each, f)
	}
	return func(claims map[string]any) (by *jwt.JwtProvider, ok bool) {
		for _, f := range each {
			if by, ok = f(claims); ok != all {
				return by, ok
			}
		}
		return by, all
	}, nil
}

// See returns the claims as the filters behind this one see them, and reports whether it lets the request pass.
func (t *Tokens) See(r *Request) (claims map[string]any, ok bool) {
	if t == nil || t.preflights && r.preflight() {
		return nil, true
	}
	by, ok := t.requirement(r.Claims)
	if !ok || by == nil {
		return nil, ok
	}
	claims = maps.Clone(r.Claims)
	for _, name := range by.NormalizePayloadInMetadata.GetSpaceDelimitedClaims() {
		text, _ := claims[name].(string)
		var list []any
		for part := range strings.SplitSeq(text, " ") {
			if part != "" {
				list = append(list, part)
			}
		}
		if len(list) > 0 {
			claims[name] = list
		}
	}
	return claims, true
}

func texts(value any) (all []string) {
	list, _ := value.([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// readMetadata reads a matcher on the claims of a token.
func readMetadata(m *envoymatcher.MetadataMatcher) (matcher, error) {
	match, err := readValue(m.Value)
	if err != nil {
		return nil, err
	}
	if m.Filter != "envoy.filters.http.jwt_authn" || len(m.Path) < 2 || m.Path[0].GetKey() != "payload" {
		return nil, fmt.Errorf("metadata of %s", m.Filter)
	}
	return func(r *Request) bool {
		var value any = r.Claims
		for _, part := range m.Path[1:] {
			within, _ := value.(map[string]any)
			value = within[part.GetKey()]
		}
		return match(value) != m.Invert
	}, nil
}

func readValue(m *envoymatcher.ValueMatcher) (func(any) bool, error) {
	switch pattern := m.GetMatchPattern().(type) {
	case *envoymatcher.ValueMatcher_StringMatch:
		match, err := readString(pattern.StringMatch)
		return func(value any) bool {
			s, ok := value.(string)
			return ok && match(s)
		}, err
	case *envoymatcher.ValueMatcher_ListMatch:
		match, err := readValue(pattern.ListMatch.GetOneOf())
		return func(value any) bool {
			list, _ := value.([]any)
			return slices.ContainsFunc(list, match)
		}, err
	case *envoymatcher.ValueMatcher_OrMatch:
		var each []func(any) bool
		for _, alternative := range pattern.OrMatch.GetValueMatchers() {
			match, err := readValue(alternative)
			if err != nil {
				return nil, err
			}
			each = append(each, match)
		}
		return func(value any) bool {
			return slices.ContainsFunc(each, func(match func(any) bool) bool { return match(value) })
		}, nil
	}
	return nil, fmt.Errorf("the value matcher %T", m.GetMatchPattern())
}

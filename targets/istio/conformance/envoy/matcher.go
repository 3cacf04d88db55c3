package envoy

import (
	"fmt"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	template "github.com/envoyproxy/go-control-plane/envoy/extensions/path/match/uri_template/v3"

	"net/netip"
)

// matcher is a permission or principal as a function.
type matcher func(*Request) bool

func readPermission(p *rbac.Permission) (matcher, error) {
	switch rule := p.GetRule().(type) {
	case *rbac.Permission_Any:
		return always, nil
	case *rbac.Permission_AndRules:
		return allOf(rule.AndRules.GetRules(), readPermission)
	case *rbac.Permission_OrRules:
		return anyOf(rule.OrRules.GetRules(), readPermission)
	case *rbac.Permission_NotRule:
		return not(readPermission(rule.NotRule))
	case *rbac.Permission_Header:
		return readHeader(rule.Header)
	case *rbac.Permission_UrlPath:
		return readPath(rule.UrlPath)
	case *rbac.Permission_UriTemplate:
		return readTemplate(rule.UriTemplate)
	case *rbac.Permission_DestinationIp:
		return readAddress(rule.DestinationIp, func(r *Request) netip.Addr { return r.Destination })
	case *rbac.Permission_DestinationPort:
		return func(r *Request) bool { return uint32(r.Port) == rule.DestinationPort }, nil
	case *rbac.Permission_RequestedServerName:
		match, err := readString(rule.RequestedServerName)
		return func(r *Request) bool { return match(r.ServerName) }, err
	case *rbac.Permission_Metadata:
		return readMetadata(rule.Metadata)
	}
	return nil, fmt.Errorf("the permission %T", p.GetRule())
}

func readPrincipal(p *rbac.Principal) (matcher, error) {
	switch id := p.GetIdentifier().(type) {
	case *rbac.Principal_Any:
		return always, nil
	case *rbac.Principal_AndIds:
		return allOf(id.AndIds.GetIds(), readPrincipal)
	case *rbac.Principal_OrIds:
		return anyOf(id.OrIds.GetIds(), readPrincipal)
	case *rbac.Principal_NotId:
		return not(readPrincipal(id.NotId))
	case *rbac.Principal_Authenticated_:
		return readAuthenticated(id.Authenticated)
	case *rbac.Principal_FilterState: // what ztunnel tells a waypoint of a caller
		if id.FilterState.GetKey() != "io.istio.peer_principal" {
			return nil, fmt.Errorf("the filter state %s", id.FilterState.GetKey())
		}
		match, err := readString(id.FilterState.GetStringMatch())
		return func(r *Request) bool { return r.Peer != "" && match(r.Peer) }, err
	case *rbac.Principal_DirectRemoteIp:
		return readAddress(id.DirectRemoteIp, func(r *Request) netip.Addr { return r.Source })
	case *rbac.Principal_RemoteIp:
		return readAddress(id.RemoteIp, func(r *Request) netip.Addr { return r.Remote })
	case *rbac.Principal_Header:
		return readHeader(id.Header)
	case *rbac.Principal_Metadata:
		return readMetadata(id.Metadata)
	}
	return nil, fmt.Errorf("the principal %T", p.GetIdentifier())
}

func always(*Request) bool { return true }

func not(m matcher, err error) (matcher, error) {
	if err != nil {
		return nil, err
	}
	return func(r *Request) bool { return !m(r) }, nil
}

func allOf[T any](list []T, read func(T) (matcher, error)) (matcher, error) {
	matchers, err := each(list, read)
	return func(r *Request) bool {
		for _, m := range matchers {
			if !m(r) {
				return false
			}
		}
		return true
	}, err
}

func anyOf[T any](list []T, read func(T) (matcher, error)) (matcher, error) {
	matchers, err := each(list, read)
	return func(r *Request) bool {
		for _, m := range matchers {
			if m(r) {
				return true
			}
		}
		return false
	}, err
}

func each[T any](list []T, read func(T) (matcher, error)) ([]matcher, error) {
	matchers := make([]matcher, len(list))
	for i, item := range list {
		m, err := read(item)
		if err != nil {
			return nil, err
		}
		matchers[i] = m
	}
	return matchers, nil
}

// readAuthenticated matches the client's certificate. Envoy tries the URI, the DNS names and then the subject. Istio's
// certificates have no DNS names and an empty subject, so the empty string is tried as well.
func readAuthenticated(a *rbac.Principal_Authenticated) (matcher, error) {
	if a.PrincipalName == nil {
		return func(r *Request) bool { return r.Peer != "" }, nil
	}
	match, err := readString(a.PrincipalName)
	return func(r *Request) bool { return r.Peer != "" && (match(r.Peer) || match("")) }, err
}

func readHeader(h *route.HeaderMatcher) (matcher, error) {
	if h.InvertMatch || h.TreatMissingHeaderAsEmpty {
		return nil, fmt.Errorf("a header matcher that inverts or fills in")
	}
	switch specifier := h.HeaderMatchSpecifier.(type) {
	case *route.HeaderMatcher_PresentMatch:
		return func(r *Request) bool {
			_, present := r.header(h.Name)
			return present == specifier.PresentMatch
		}, nil
	case *route.HeaderMatcher_StringMatch:
		match, err := readString(specifier.StringMatch)
		return func(r *Request) bool {
			value, present := r.header(h.Name)
			return present && match(value)
		}, err
	}
	return nil, fmt.Errorf("the header matcher %T", h.HeaderMatchSpecifier)
}

func readAddress(c *core.CidrRange, of func(*Request) netip.Addr) (matcher, error) {
	address, err := netip.ParseAddr(c.AddressPrefix)
	if err != nil {
		return nil, err
	}
	prefix, err := address.Prefix(int(c.GetPrefixLen().GetValue()))
	return func(r *Request) bool { return prefix.Contains(of(r)) }, err
}

func readTemplate(extension *core.TypedExtensionConfig) (matcher, error) {
	config := &template.UriTemplateMatchConfig{}
	if err := open(extension.GetTypedConfig(), config); err != nil {
		return nil, err
	}
	pattern, err := readPattern(config.PathTemplate)
	if err != nil {
		return nil, err
	}
	return func(r *Request) bool { return pattern.MatchString(withoutQuery(r.Path)) }, nil
}

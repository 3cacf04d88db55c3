package conformance

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
)

// intended decides requests by the intents alone: it reads the checked policy and knows nothing of Istio.
type intended struct {
	*policy.Policy
	mesh    *policy.Mesh
	service *policy.Service
	dryRun  bool // nothing is denied
}

// mode returns the mode of a port: its own, else that of the workload, the mesh or all meshes, else permissive.
func (i intended) mode(port uint16) policy.Mode {
	for _, p := range i.service.Ports {
		if p.Number == port && p.Mode != policy.ModeUnset {
			return p.Mode
		}
	}
	for _, mode := range []policy.Mode{i.service.Mode, i.mesh.Mode, i.Policy.Mode} {
		if mode != policy.ModeUnset {
			return mode
		}
	}
	return policy.Permissive
}

// permits reports whether the request is allowed.
func (i intended) permits(q envoy.Request) bool {
	if len(i.service.Issuers) == 0 {
		q.Claims = nil // nothing looks at tokens
	}
	if q.Method == "OPTIONS" && q.Headers["origin"] != "" && q.Headers["access-control-request-method"] != "" {
		q.Claims = nil // nothing looks at the token of a CORS preflight
	}
	mode := i.mode(q.Port)
	if i.service.Dataplane == policy.Gateway {
		mode = policy.Permissive // its listeners have a TLS of their own
	}
	switch mode {
	case policy.Strict:
		if q.Peer == "" {
			return false
		}
	case policy.Disable:
		q.Peer = ""
	}
	matches := func(r policy.Rule) bool { return i.matches(&r, &q) }
	switch {
	case q.Method != "" && i.service.ReadsRequests(q.Port) && len(i.service.Issuers) > 0 && q.Claims != nil && !slices.ContainsFunc(i.service.Issuers, func(s *policy.Issuer) bool { return signs(s, q.Claims) }):
		return false // wherever a token is asked for, others are refused, also in dry-run
	case i.dryRun:
		return true
	case slices.ContainsFunc(i.service.Deny, matches):
		return false
	case !i.mesh.Closes(i.service):
		return true
	}
	return slices.ContainsFunc(i.service.Allow, matches)
}

func (i intended) matches(r *policy.Rule, q *envoy.Request) bool {
	if r.Widened && q.Method == "" {
		whole := *r
		whole.Ops, whole.Without = nil, nil
		whole.Where = slices.DeleteFunc(slices.Clone(r.Where), func(c policy.Condition) bool { return c.Dimension != policy.PortDimension })
		r = &whole
	}
	of := func(o policy.Operation) bool { return does(o, q) }
	is := func(s policy.Source) bool { return i.is(s, q) }
	return (q.Method != "" || !r.OfHTTP()) && (len(r.Ports) == 0 || slices.Contains(r.Ports, q.Port)) &&
		(len(r.Ops) == 0 || slices.ContainsFunc(r.Ops, of)) && !slices.ContainsFunc(r.Without, of) &&
		!slices.ContainsFunc(r.Where, func(c policy.Condition) bool { return !meets(c, q) }) &&
		slices.ContainsFunc(r.From, is) && !slices.ContainsFunc(r.Except, is)
}

// meets reports whether a request meets a condition on its host, a header or its port.
func meets(c policy.Condition, q *envoy.Request) bool {
	text, there := q.Host, q.Host != ""
	switch {
	case c.Dimension == policy.TokenDimension:
		return q.Method != "" && holds(c, q.Claims)
	case c.Dimension == policy.PortDimension:
		return slices.Contains(c.Values, strconv.Itoa(int(q.Port))) != c.Not
	case q.Method == "":
		return false // not HTTP
	case c.Dimension == policy.HeaderDimension:
		text, there = q.Headers[c.Key[0]], q.Headers[c.Key[0]] != ""
	default:
		text = strings.ToLower(text)
	}
	return c.Not != (there && like(text, c.Values))
}

// like reports whether a text has one of some values, each with a wildcard at one end at most.
func like(text string, values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		switch {
		case v == "*":
			return text != ""
		case strings.HasSuffix(v, "*"):
			return strings.HasPrefix(text, strings.TrimSuffix(v, "*"))
		case strings.HasPrefix(v, "*"):
			return strings.HasSuffix(text, v[1:])
		}
		return text == v
	})
}

// signs reports whether an issuer has signed a token, for an audience that counts.
func signs(i *policy.Issuer, claims map[string]any) bool {
	return claims["iss"] == i.URL && (len(i.Audiences) == 0 || slices.ContainsFunc(textsOf(claims["aud"]), func(a string) bool { return slices.Contains(i.Audiences, a) }))
}

// holds reports whether a token, nil for none, meets a condition on its issuer or on a claim.
func holds(c policy.Condition, claims map[string]any) bool {
	if len(c.Key) == 0 {
		subject, _ := claims["sub"].(string)
		return c.Not != (subject != "" && slices.ContainsFunc(c.Values, func(v string) bool { return v == "*" || claims["iss"] == strings.TrimSuffix(v, "/*") }))
	}
	var value any = claims
	for _, name := range c.Key {
		within, _ := value.(map[string]any)
		value = within[name]
	}
	all := textsOf(value)
	if text, ok := value.(string); ok && len(c.Key) == 1 && slices.Contains([]string{"scope", "permission"}, c.Key[0]) {
		all = strings.Fields(text) // RFC 8693, 4.2: a list with spaces between its texts
	}
	return c.Not != slices.ContainsFunc(all, func(text string) bool { return like(text, c.Values) })
}

// textsOf returns the texts of a claim, which is a text or a list.
func textsOf(value any) (all []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, v := range value {
			if s, ok := v.(string); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

func (i intended) is(s policy.Source, q *envoy.Request) bool {
	switch s.Kind {
	case policy.FromWorld:
		return true
	case policy.FromAny:
		return q.Peer != ""
	case policy.FromMesh:
		return strings.Contains(q.Peer, "/ns/"+s.Mesh+"/")
	}
	if !s.Service.Proxied() {
		at := q.Source
		if i.service.Clients.Address == policy.AddressForwarded {
			at = q.Remote
		}
		return q.Peer == "" && slices.ContainsFunc(s.Service.Addresses, func(p netip.Prefix) bool { return p.Contains(at) })
	}
	return slices.Contains(peers(i.Policy, s.Service), q.Peer)
}

// peers returns what a service may prove to be: each of its accounts, in each trust domain that its mesh has or had.
func peers(p *policy.Policy, s *policy.Service) (all []string) {
	domains := append([]string{p.TrustDomain}, p.Previous...)
	if domain := p.Elsewhere[s.Namespace]; domain != "" {
		domains = []string{domain}
	}
	for _, domain := range domains {
		for _, account := range append([]string{s.Account}, s.Was...) {
			all = append(all, principal(domain, s.Namespace, account))
		}
	}
	return all
}

// does reports whether a request is an instance of the operation. Intents ignore the query of a URL.
func does(o policy.Operation, q *envoy.Request) bool {
	path, _, _ := strings.Cut(q.Path, "?")
	return q.Method != "" && (len(o.Methods) == 0 || slices.Contains(o.Methods, q.Method)) && (o.Path == "" || intentPath(o.Path).MatchString(path))
}

const pchar = `a-zA-Z0-9\-._~%!$&'()+,;:@=`

var intentExpressions = map[string]*regexp.Regexp{}

// intentPath translates a path of the language to a regular expression. Templates take pchar of RFC 3986 without `*`,
// but for a `{**}` at the end, which takes all that is left.
func intentPath(path string) *regexp.Regexp {
	if e := intentExpressions[path]; e != nil {
		return e
	}
	e := regexp.QuoteMeta(path)
	switch {
	case strings.Contains(path, "{"):
		if rest, ok := strings.CutSuffix(e, `\{\*\*\}`); ok {
			e = rest + `.*`
		}
		e = strings.NewReplacer(`\{\*\*\}`, `[/`+pchar+`]*`, `\{\*\}`, `[`+pchar+`]+`).Replace(e)
	case strings.HasPrefix(path, "*"):
		e = `.*` + regexp.QuoteMeta(path[1:])
	case strings.HasSuffix(path, "*"):
		e = regexp.QuoteMeta(path[:len(path)-1]) + `.*`
	}
	intentExpressions[path] = regexp.MustCompile(`\A` + e + `\z`)
	return intentExpressions[path]
}

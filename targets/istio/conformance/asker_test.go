package conformance

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
)

// asker generates requests from the contents of a policy.
type asker struct {
	*rand.Rand
	policy    *policy.Policy
	peers     []string
	addresses []netip.Addr
	ports     []uint16
	methods   []string
	paths     []string
	hosts     []string
	headers   []policy.Condition
	claims    []policy.Condition
	issuers   []string
}

func newAsker(r *rand.Rand, p *policy.Policy) *asker {
	a := &asker{Rand: r, policy: p, peers: []string{""}, ports: []uint16{1, 8081}, methods: []string{"GET", "POST", "PATCH"}}
	a.hosts, a.issuers = []string{"", "any.example", "a.example.com", "A.example.com:8080", "b.example.com", "c.Example.com"}, []string{"https://elsewhere.example"}
	paths := map[string]bool{"/": true, "/other": true, "/api/v1/x/y": true}
	for _, text := range []string{"10.0.3.4", "10.0.4.7", "10.0.4.8", "192.168.255.255", "2001:db8::9", "2001:db9::1", "172.16.0.1"} {
		a.addresses = append(a.addresses, netip.MustParseAddr(text))
	}
	for _, m := range p.Meshes {
		a.peers = append(a.peers, principal(p.TrustDomain, m.Name, "stranger"))
		for _, s := range m.Services {
			if s.Proxied() && !s.Unnamed {
				a.peers = append(a.peers, peers(p, s)...)
				for _, domain := range append([]string{"other.example", p.TrustDomain}, p.Previous...) {
					a.peers = append(a.peers, principal(domain, s.Namespace, s.Account), principal(domain, s.Namespace, s.Account+"x"))
				}
			}
			for _, port := range s.Ports {
				a.ports = append(a.ports, port.Number)
			}
			for _, rule := range slices.Concat(s.Allow, s.Deny) {
				a.ports = append(a.ports, rule.Ports...)
				for _, o := range slices.Concat(rule.Ops, rule.Without) {
					a.methods = append(a.methods, o.Methods...)
					for _, path := range examples(o.Path) {
						paths[path] = true
					}
				}
				a.condition(rule.Where)
			}
			for _, i := range s.Issuers {
				a.issuers = append(a.issuers, i.URL)
			}
		}
	}
	a.paths = slices.Sorted(maps.Keys(paths))
	return a
}

// condition remembers what rules ask of hosts, headers and tokens.
func (a *asker) condition(all []policy.Condition) {
	for _, c := range all {
		switch {
		case c.Dimension == policy.HostDimension:
			for _, v := range c.Values {
				a.hosts = append(a.hosts, strings.Replace(v, "*", "80", 1), strings.Replace(v, "*", "x", 1), strings.ToUpper(v), v+".", "x"+v)
			}
		case c.Dimension == policy.HeaderDimension:
			a.headers = append(a.headers, c)
		case c.Dimension == policy.TokenDimension && len(c.Key) > 0:
			a.claims = append(a.claims, c)
		}
	}
}

// text returns a text that one of some values matches, or nearly does.
func (a *asker) text(values []string) string {
	v := pick(a.Rand, values)
	return pick(a.Rand, []string{strings.Replace(v, "*", "x", 1), strings.Replace(v, "*", "x", 1), strings.Replace(v, "*", "", 1), v, v + "y", "y" + v, "other", strings.ToUpper(v)})
}

// head returns headers. Half of them are as conditions want them.
func (a *asker) head(conditions []policy.Condition) map[string]string {
	headers := map[string]string{}
	for _, c := range conditions {
		if c.Dimension == policy.HeaderDimension && a.IntN(5) > 0 {
			headers[c.Key[0]] = a.text(c.Values)
		}
	}
	if len(a.headers) > 0 && a.IntN(2) == 0 {
		c := pick(a.Rand, a.headers)
		headers[c.Key[0]] = a.text(c.Values)
	}
	for name, value := range headers {
		if value == "" {
			delete(headers, name)
		}
	}
	return headers
}

// token returns the claims of a token, or nil where there is none. Many are as conditions want them.
func (a *asker) token(s *policy.Service, conditions []policy.Condition) map[string]any {
	if a.IntN(4) == 0 || len(a.issuers) == 1 && a.IntN(4) > 0 {
		return nil
	}
	claims := map[string]any{"iss": pick(a.Rand, a.issuers), "sub": "somebody"}
	if len(s.Issuers) > 0 && a.IntN(8) > 0 {
		i := pick(a.Rand, s.Issuers)
		if claims["iss"] = i.URL; len(i.Audiences) > 0 && a.IntN(8) > 0 {
			claims["aud"] = pick(a.Rand, []any{pick(a.Rand, i.Audiences), []any{"x", pick(a.Rand, i.Audiences)}})
		}
	}
	if a.IntN(12) == 0 {
		delete(claims, "sub")
	}
	for _, c := range conditions {
		if c.Dimension == policy.TokenDimension && len(c.Key) > 0 && a.IntN(6) > 0 {
			a.claim(claims, c)
		}
	}
	for len(a.claims) > 0 && a.IntN(2) == 0 {
		a.claim(claims, pick(a.Rand, a.claims))
	}
	return claims
}

// claim adds a claim to others: a text, several, none, or what is no text.
func (a *asker) claim(claims map[string]any, c policy.Condition) {
	for _, name := range c.Key[:len(c.Key)-1] {
		within, ok := claims[name].(map[string]any)
		if !ok {
			within = map[string]any{}
			claims[name] = within
		}
		claims = within
	}
	last := c.Key[len(c.Key)-1]
	if last == "iss" {
		return
	}
	text := func() any { return a.text(c.Values) }
	claims[last] = text()
	if last != "sub" && a.IntN(2) == 0 {
		claims[last] = pick(a.Rand, []any{[]any{text()}, []any{text(), text()}, []any{"x", text()}, []any{}, true, 7.0, map[string]any{"x": text()}})
	}
}

// examples returns paths that match the pattern, and some that nearly match. None is empty: no request has such a path.
func examples(pattern string) []string {
	if pattern == "" {
		return nil
	}
	fill := func(one, all, star string) string {
		path := strings.NewReplacer("{**}", all, "{*}", one).Replace(pattern)
		path = strings.Replace(path, "*", star, 1)
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		return path
	}
	exact := fill("v1", "a/b", "x")
	all := []string{exact, fill("", "", ""), fill("v1", "", "/"), fill("a/b", "a", "a/b"), exact + "/", exact + "x", cmp.Or(strings.TrimSuffix(exact, "/"), "/"), exact + "?q=1", strings.ToUpper(exact)}
	if policy.StarWithin(pattern) { // which is itself
		all = append(all, pattern, strings.TrimSuffix(pattern, "*"))
	}
	return all
}

// request generates a request to a service. Half of them match one of its rules, or nearly do.
func (a *asker) request(s *policy.Service) envoy.Request {
	q := envoy.Request{
		Peer: pick(a.Rand, a.peers), Source: pick(a.Rand, a.addresses), Remote: pick(a.Rand, a.addresses), Destination: pick(a.Rand, a.addresses),
		Port: pick(a.Rand, a.ports),
	}
	method, path := pick(a.Rand, a.methods), pick(a.Rand, a.paths)
	if len(s.Ports) > 0 && a.IntN(4) > 0 {
		q.Port = pick(a.Rand, s.Ports).Number
	}
	var where []policy.Condition
	if rules := slices.Concat(s.Allow, s.Deny); len(rules) > 0 && a.IntN(2) == 0 {
		rule := pick(a.Rand, rules)
		where = rule.Where
		switch from := pick(a.Rand, rule.From); {
		case from.Kind == policy.FromService && from.Service.Proxied():
			q.Peer = pick(a.Rand, peers(a.policy, from.Service))
		case from.Kind == policy.FromService && len(from.Service.Addresses) > 0:
			q.Peer, q.Source = "", pick(a.Rand, from.Service.Addresses).Addr()
		}
		if len(rule.Ports) > 0 && a.IntN(8) > 0 {
			q.Port = pick(a.Rand, rule.Ports)
		}
		if len(rule.Ops) > 0 {
			o := pick(a.Rand, rule.Ops)
			if len(o.Methods) > 0 && a.IntN(8) > 0 {
				method = pick(a.Rand, o.Methods)
			}
			if list := examples(o.Path); len(list) > 0 {
				path = pick(a.Rand, list)
			}
		}
	}
	http := a.IntN(2) == 0
	for _, p := range s.Ports {
		if p.Number == q.Port && a.IntN(8) > 0 {
			http = p.Protocol.IsHTTP()
		}
	}
	if http {
		q.Method, q.Path, q.Host, q.Headers, q.Claims = method, path, pick(a.Rand, a.hosts), a.head(where), a.token(s, where)
		if len(s.Issuers) > 0 && a.IntN(6) == 0 { // a CORS preflight, or nearly
			q.Method = pick(a.Rand, []string{"OPTIONS", "OPTIONS", "GET"})
			if q.Headers["origin"] = "https://a.example"; a.IntN(3) > 0 {
				q.Headers["access-control-request-method"] = "GET"
			}
		}
		for _, c := range where {
			if c.Dimension == policy.HostDimension && a.IntN(6) > 0 {
				q.Host = strings.Replace(pick(a.Rand, c.Values), "*", "80", 1)
			}
		}
	}
	return q
}

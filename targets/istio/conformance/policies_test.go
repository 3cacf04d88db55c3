package conformance

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/meshc/meshc/targets/istio/conformance/envoy"
)

// cluster is a generated cluster with manifests as people write them by hand: every field, used well or badly.
type cluster struct {
	Options
	yaml      string
	workloads []Workload
}

// writer generates a cluster.
type writer struct {
	pen
	Options
	revisions bool     // some objects are for an istiod of one revision
	tokens    bool     // also use fields that match a request's token, headers and server name
	waypoints []string // namespaces some of whose policies bind Services, which are called like the apps
}

var (
	namespaces = []string{"shop", "pay", "shop-2"}
	apps       = []string{"web", "api", "db"}
	accounts   = []string{"web", "api", "web-2", "default"}
	domains    = []string{"cluster.local", "mesh.example", "old.mesh.example"}

	addresses = []string{"10.0.3.4", "10.0.3.255", "10.0.4.0", "10.255.0.1", "192.168.1.1", "127.0.0.1", "2001:db8::1", "2001:db9::1"}
	blocks    = []string{"10.0.3.4", "10.0.3.0/24", "10.0.3.4/24", "10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1", "192.168.1.0/31", "10.0.3.4/32"}
	portTexts = []string{"80", "8080", "9090", "5432", "0", "65535", "008080"}
	ports     = []uint16{80, 8080, 9090, 5432, 1, 65535}
	methods   = []string{"GET", "POST", "DELETE", "get", "G", "GETX", "OPTIONS", "OPTIONS"}
	verbs     = []string{"GET", "POST", "*", "G*", "*T", "get", "P*T", "OPTIONS"}
	paths     = []string{
		"/", "/api", "/api/", "/api/v1", "/api/v1/x", "/api/v1/x/", "/api/v1/y", "/api//x", "/apix", "/admin", "/x/admin", "/x.html", "/a*b",
		"/api?q=/admin", "/api#/admin", "/api/v1?x", "/~user", "/%7Euser", "/a b", "/api/é", "/api/a*b", "/api/[x]", "/api/a=b", "*",
	}
	patterns = []string{
		"/", "/api", "/api/", "/api/*", "/api*", "*", "*/admin", "*.html", "/a*b", "*/x*", "/{*}", "/api/{*}", "/api/{**}", "/{**}",
		"/api/{*}/x", "/api/{*}/{**}", "/{**}/x", "/api/{*}/x/", "/{*}/admin", "/%7Euser", "/~user", "/api/v1?x", "*/", "/*", "/api/a=b", "/{*}/",
	}
	hosts        = []string{"shop.example", "SHOP.example", "shop.example:8080", "a.shop.example", "shop.example.org", "api", "", "127.0.0.1"}
	hostPatterns = []string{"shop.example", "Shop.Example", "*.example", "*.shop.example", "shop.*", "shop.example:*", "*", "SHOP*", "*:8080", "api"}
)

func newCluster(seed uint64, tokens bool, waypoints ...string) cluster {
	w := &writer{pen: pen{Rand: rand.New(rand.NewPCG(seed, 2))}, tokens: tokens, waypoints: waypoints}
	w.TrustDomain, w.RootNamespace = pick(w.Rand, domains[:2]), pick(w.Rand, []string{"istio-system", "istio-system", "mesh-root"})
	c := cluster{Options: w.Options}
	for _, namespace := range append([]string{w.RootNamespace}, namespaces...) {
		for _, app := range apps {
			c.workloads = append(c.workloads, Workload{Namespace: namespace, Labels: map[string]string{"app": app, "tier": pick(w.Rand, []string{"front", "back"})}})
		}
	}
	for i := range w.IntN(7) {
		w.document(w.authorization(fmt.Sprintf("policy-%d", i)))
	}
	w.authentications()
	if tokens {
		w.issuers()
	}
	c.yaml = w.String()
	return c
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// some picks one to three values, possibly with repeats.
func some(r *rand.Rand, list []string) []string {
	var picked []string
	for range 1 + r.IntN(3) {
		picked = append(picked, pick(r, list))
	}
	return picked
}

func (w *writer) object(kind, namespace, name string, annotations, spec fields) fields {
	version := pick(w.Rand, []string{"v1", "v1", "v1beta1"})
	meta := fields{{"name", name}, {"namespace", namespace}}
	if len(annotations) > 0 {
		meta.add("annotations", annotations)
	}
	w.revision(&meta)
	w.Shuffle(len(meta), func(i, j int) { meta[i], meta[j] = meta[j], meta[i] })
	f := fields{{"apiVersion", "security.istio.io/" + version}, {"kind", kind}, {"metadata", meta}}
	if len(spec) > 0 || w.chance(80) {
		f.add("spec", spec)
	}
	if w.chance(10) {
		w.Shuffle(len(f), func(i, j int) { f[i], f[j] = f[j], f[i] })
	}
	return f
}

func (w *writer) revision(meta *fields) {
	if w.revisions && w.chance(40) {
		meta.add("labels", fields{{"istio.io/rev", pick(w.Rand, []string{"canary", "canary", "stable"})}})
	}
}

func (w *writer) selector(spec *fields, namespace string) {
	if w.chance(40) {
		return
	}
	if slices.Contains(w.waypoints, namespace) && w.chance(50) {
		spec.add("targetRefs", []any{fields{{"kind", "Service"}, {"group", ""}, {"name", pick(w.Rand, apps)}}})
		return
	}
	labels := fields{{"app", pick(w.Rand, apps)}}
	if w.chance(25) {
		labels.add("tier", pick(w.Rand, []string{"front", "back"}))
	}
	spec.add("selector", fields{{"matchLabels", labels}})
}

func (w *writer) authorization(name string) fields {
	var spec, annotations fields
	namespace := pick(w.Rand, append(slices.Clone(namespaces), w.RootNamespace))
	w.selector(&spec, namespace)
	deny := w.chance(40)
	audit := !deny && w.chance(5)
	switch {
	case deny:
		spec.add("action", "DENY")
	case audit:
		spec.add("action", "AUDIT")
	case w.chance(30):
		spec.add("action", "ALLOW")
	}
	if !audit && w.chance(20) {
		annotations.add("istio.io/dry-run", pick(w.Rand, []string{"true", "false", "T", "1", "0"}))
	}
	var rules []any
	for range w.IntN(4) {
		rules = append(rules, w.rule())
	}
	if len(rules) > 0 || deny {
		if len(rules) == 0 {
			rules = append(rules, fields{})
		}
		spec.add("rules", rules)
	}
	return w.object("AuthorizationPolicy", namespace, name, annotations, spec)
}

func (w *writer) rule() fields {
	var rule fields
	if w.chance(70) {
		var from []any
		for range 1 + w.IntN(2) {
			from = append(from, fields{{"source", w.source()}})
		}
		rule.add("from", from)
	}
	if w.chance(60) {
		var to []any
		for range 1 + w.IntN(2) {
			to = append(to, fields{{"operation", w.operation()}})
		}
		rule.add("to", to)
	}
	if w.chance(25) {
		var when []any
		for range 1 + w.IntN(2) {
			when = append(when, w.condition())
		}
		rule.add("when", when)
	}
	w.Shuffle(len(rule), func(i, j int) { rule[i], rule[j] = rule[j], rule[i] })
	return rule
}

// fill adds one to three of the fields that a mapping may have, each plain or in its `not` form.
func (w *writer) fill(f *fields, choices map[string][]string, order []string) {
	order = slices.Clone(order)
	w.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for i, name := range order[:1+w.IntN(min(3, len(order)))] {
		values := some(w.Rand, choices[name])
		switch not := "not" + strings.ToUpper(name[:1]) + name[1:]; {
		case w.chance(25) || i > 0 && w.chance(20):
			f.list(not, values)
		case w.chance(15):
			f.list(name, values)
			f.list(not, some(w.Rand, choices[name]))
		default:
			f.list(name, values)
		}
	}
}

func (w *writer) source() fields {
	choices := map[string][]string{
		"principals": w.principals(), "namespaces": w.spaces(), "serviceAccounts": w.accounts(), "trustDomains": w.domains(),
		"ipBlocks": blocks, "remoteIpBlocks": blocks, "requestPrincipals": principals,
	}
	order := []string{"principals", "namespaces", "trustDomains", "ipBlocks", "remoteIpBlocks"}
	if w.chance(20) {
		order = []string{"serviceAccounts", "trustDomains", "ipBlocks", "remoteIpBlocks"}
	}
	if w.tokens {
		order = append(order, "requestPrincipals")
	}
	var f fields
	w.fill(&f, choices, order)
	return f
}

func (w *writer) operation() fields {
	var f fields
	w.fill(&f, map[string][]string{"ports": portTexts, "methods": verbs, "paths": patterns, "hosts": hostPatterns},
		[]string{"ports", "methods", "paths", "hosts"})
	return f
}

func (w *writer) condition() fields {
	choices := map[string][]string{
		"source.principal": w.principals(), "source.namespace": w.spaces(), "source.serviceAccount": w.accounts(), "source.trustDomain": w.domains(),
		"source.ip": blocks, "remote.ip": blocks, "destination.ip": blocks, "destination.port": portTexts,
		"connection.sni": {"shop.example", "*.example", "*"}, "request.headers[x-env]": {"test", "t*", "*"}, "request.headers[:method]": verbs,
		"request.auth.principal": principals, "request.auth.claims[group]": {"admin", "ops", "a*", "*", "*s", "admin o*"}, "request.auth.claims[realm][roles]": {"admin", "dev"},
		"request.auth.audiences": {"me", "you"}, "request.auth.presenter": {"app"}, "request.headers[X-Tenant]": {"acme", "a*", "*e"},
		"request.headers[origin]": {"https://a.example", "*.example", "*"}, "request.headers[access-control-request-method]": {"GET", "*"},
		"request.auth.claims[scope]": {"read", "write", "read write", "re*", "*te", "a b*"},
	}
	keys := []string{"source.principal", "source.namespace", "source.serviceAccount", "source.trustDomain", "source.ip", "remote.ip", "destination.ip", "destination.port"}
	if w.tokens {
		keys = append(keys, "request.headers[x-env]", "request.headers[X-Tenant]", "request.auth.principal", "request.auth.claims[group]",
			"request.auth.claims[group]", "request.auth.claims[realm][roles]", "request.auth.claims[scope]", "request.headers[origin]",
			"request.headers[access-control-request-method]", "request.auth.audiences", "request.auth.presenter")
		if w.chance(20) {
			keys = append(keys, "connection.sni")
		}
	}
	key := pick(w.Rand, keys)
	f := fields{{"key", key}}
	if w.chance(70) {
		f.list("values", some(w.Rand, choices[key]))
	}
	if len(f) == 1 || w.chance(20) {
		f.list("notValues", some(w.Rand, choices[key]))
	}
	return f
}

// issuers writes RequestAuthentications, several of which may bind one workload.
func (w *writer) issuers() {
	for i := range w.IntN(5) {
		var spec fields
		namespace := pick(w.Rand, append(slices.Clone(namespaces), w.RootNamespace))
		w.selector(&spec, namespace)
		var rules []any
		for range w.IntN(3) {
			rule := fields{{"issuer", pick(w.Rand, tokenIssuers)}, pick(w.Rand, fields{{"jwks", keySet}, {"jwksUri", "https://auth.example.com/keys"}})}
			if w.chance(25) {
				rule.list("audiences", some(w.Rand, []string{"me", "you"}))
			}
			if w.chance(20) {
				rule.add("forwardOriginalToken", true)
			}
			if w.chance(15) {
				rule.add("outputPayloadToHeader", "x-payload")
			}
			if w.chance(20) {
				rule.list("spaceDelimitedClaims", []string{"group"})
			}
			rules = append(rules, rule)
		}
		if len(rules) > 0 {
			spec.add("jwtRules", rules)
		}
		w.document(w.object("RequestAuthentication", namespace, fmt.Sprintf("tokens-%d", i), nil, spec))
	}
}

var (
	tokenIssuers = []string{"issuer", "https://auth.example.com", "https://auth.example.com/realms/a"}
	principals   = []string{
		"*", "issuer/subject", "issuer/*", "*/subject", "https://auth.example.com/*", "https://auth.example.com/realms/a/*", "https://auth.example.com/sub*",
		"https*", "*ject", "*.com/subject", "issuer", "https://auth.example.com/realms/a",
	}
)

const keySet = `{"keys":[{"kty":"RSA","e":"AQAB","kid":"k","n":"xAE7eB6qugXyCAG3yhh7pkDkT65pHymX-P7KfIupjf59vsdo91bSP9C8H07pSAGQO1MV_xFj9VswgsCg4R6otmg5PV2He95lZdHtOcU5DXIg_pbhLdKXbi66GlVeK6ABZOUW3WYtnNHD-91gVuoeJT_DwtGGcp4ignkgXfkiEm4sw-4sfb4qdt5oLbyVpmW6x9cfa7vs2WTfURiCrBoUqgBo_-4WTiULmmHSGZHOjzwa8WtrtOQGsAFjIbno85jp6MnGGGZPYZbDAa_b3y5u-YpW7ypZrvD8BgtKVjgtQgZhLAGezMt0ua3DRrWnKqTZ0BJ_EyxOGuHJrLsn00fnMQ"}]}`

func (w *writer) principals() []string {
	own := w.TrustDomain + "/ns/"
	return []string{
		"*", own + "shop/sa/web", own + "shop/sa/api", own + "pay/sa/api", "cluster.local/ns/shop/sa/web", "old.mesh.example/ns/shop/sa/web",
		own + "shop/*", own + "*", "*/sa/web", "*web", "*/ns/shop/sa/web", "*.local/ns/shop/sa/web", "*local/ns/shop/sa/web", "spiffe://" + own + "shop/sa/web",
		own + "shop/sa/web*", "cluster*", "shop/web", "*.*", "/ns/shop/sa/web", "*ster.local/ns/pay/sa/web", own + "shop/sa/web/x",
	}
}

func (w *writer) spaces() []string {
	return []string{"shop", "pay", "*", "sh*", "*op", "s*p", "shop*", "*-2", "shop-2", "SHOP"}
}

func (w *writer) accounts() []string {
	return []string{"web", "api", "shop/web", "pay/api", "shop/web-2"}
}

func (w *writer) domains() []string {
	return []string{"*", w.TrustDomain, "cluster.local", "*.local", "cluster.*", "mesh.example", "*mesh.example", "*.mesh.example", "old*"}
}

// authentications writes at most one PeerAuthentication per scope.
func (w *writer) authentications() {
	for _, namespace := range append([]string{w.RootNamespace}, namespaces...) {
		if w.chance(50) {
			w.document(w.peer(namespace, pick(w.Rand, []string{"default", "modes"}), ""))
		}
		for _, app := range apps {
			if w.chance(30) {
				w.document(w.peer(namespace, "of-"+app, app))
			}
		}
	}
}

// peer returns a PeerAuthentication, for the whole namespace if app is empty.
func (w *writer) peer(namespace, name, app string) fields {
	mode := func() fields {
		return fields{{"mode", pick(w.Rand, []string{"STRICT", "PERMISSIVE", "DISABLE", "UNSET"})}}
	}
	var spec, byPort fields
	if app != "" {
		spec.add("selector", fields{{"matchLabels", fields{{"app", app}}}})
	}
	if w.chance(80) {
		spec.add("mtls", mode())
	} else if w.chance(50) {
		spec.add("mtls", fields{})
	}
	for _, port := range ports {
		if app != "" && w.chance(20) {
			byPort.add(fmt.Sprint(port), mode())
		}
	}
	if len(byPort) > 0 {
		spec.add("portLevelMtls", byPort)
	}
	return w.object("PeerAuthentication", namespace, name, nil, spec)
}

// request generates a request, most of whose values occur in the policies, exactly or nearly.
func (c cluster) request(r *rand.Rand) envoy.Request {
	q := envoy.Request{
		Source:      netip.MustParseAddr(pick(r, addresses)),
		Remote:      netip.MustParseAddr(pick(r, addresses)),
		Destination: netip.MustParseAddr(pick(r, addresses)),
		Port:        pick(r, ports),
	}
	if r.IntN(4) > 0 {
		domain := c.TrustDomain
		if r.IntN(4) == 0 {
			domain = pick(r, domains)
		}
		q.Peer = principal(domain, pick(r, namespaces), pick(r, accounts))
	}
	if r.IntN(2) == 0 {
		q.Method, q.Path, q.Host = pick(r, methods), pick(r, paths), pick(r, hosts)
		if r.IntN(3) > 0 {
			q.Claims = map[string]any{"iss": pick(r, append(tokenIssuers, "https://elsewhere.example")), "sub": pick(r, []string{"subject", "sub", "else"})}
			if r.IntN(2) == 0 {
				q.Claims["group"] = pick(r, []any{"admin", "ops", "guest", []any{"admin", "ops"}, []any{"guest", "ops", "a"}, []any{"admin ops"}, []any{}, true, 7.0})
			}
			if r.IntN(3) == 0 {
				q.Claims["realm"] = map[string]any{"roles": pick(r, []any{"admin", []any{"dev", "x"}})}
			}
			if r.IntN(2) == 0 {
				q.Claims["aud"] = pick(r, []any{"me", "you", []any{"me", "x"}, "them"})
			}
			if r.IntN(3) == 0 {
				q.Claims["scope"] = pick(r, []any{"read", "read write", " write  x ", []any{"write", "x"}, []any{"a b", "x"}, []any{"a b"}, []any{"read write"}, true})
			}
			if r.IntN(3) == 0 {
				q.Claims["azp"] = pick(r, []any{"app", "other"})
			}
		}
		if r.IntN(2) == 0 {
			q.Headers = map[string]string{"x-env": pick(r, []string{"test", "prod", ""})}
			if r.IntN(2) == 0 {
				q.Headers["x-tenant"] = pick(r, []string{"acme", "beta", "alone"})
			}
			if q.Method == "OPTIONS" || r.IntN(5) == 0 {
				q.Headers["origin"] = pick(r, []string{"https://a.example", "null", ""})
				q.Headers["access-control-request-method"] = pick(r, []string{"GET", "DELETE", ""})
			}
		}
	}
	if r.IntN(2) == 0 {
		q.ServerName = pick(r, []string{"shop.example", "a.example"})
	}
	return q
}

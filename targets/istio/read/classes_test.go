package read

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// pools are the values of random policies: so few that policies often have the same ones.
var pools = map[string][]string{
	"principals":         {"cluster.local/ns/shop/sa/a", "cluster.local/ns/shop/sa/b", "cluster.local/ns/ns/sa/sa", "*", "*/a", "cluster.local/ns/shop/*", "other/ns/shop/sa/a", "cluster.*", "clu*/ns/shop/sa/b", "nonsense"},
	"namespaces":         {"shop", "pay", "sh*", "*op", "*", "ns", "sa", "p*y", "*a"},
	"serviceAccounts":    {"a", "pay/b", "sa", "ns/sa"},
	"trustDomains":       {"cluster.local", "*.local", "other", "*", "o*"},
	"ipBlocks":           {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "fd00::/8", "::/0"},
	"remoteIpBlocks":     {"10.0.0.0/8", "192.0.2.1"},
	"requestPrincipals":  {"*", "issuer/sub"},
	"ports":              {"80", "8080", "65535"},
	"methods":            {"GET", "POST", "*", "P*", "*T", "GE*"},
	"paths":              {"/", "/api", "/api/*", "/api*", "*", "*.png", "/api/{*}", "/api/{*}/x", "/{**}", "/api/{**}/x", "/a/{*}/{**}", "*/x", "/api/x", "/a?b", "*.x/abc*"},
	"hosts":              {"Shop.example", "*.example", "shop*", "*", "shop.example:8080"},
	"source.ip":          {"10.1.0.0/16"},
	"destination.ip":     {"10.9.0.0/16", "10.9.0.1"},
	"destination.port":   {"80", "9090"},
	"source.namespace":   {"shop", "pay*"},
	"source.principal":   {"*b", "cluster.local/ns/pay/sa/b"},
	"connection.sni":     {"*"},
	"request.headers[x]": {"y"},
}

var (
	sourceNames    = []string{"principals", "namespaces", "ipBlocks", "remoteIpBlocks", "trustDomains", "requestPrincipals"}
	operationNames = []string{"ports", "methods", "paths", "hosts"}
	whenNames      = []string{"source.ip", "destination.ip", "destination.port", "source.namespace", "source.principal", "connection.sni", "request.headers[x]"}
)

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func listOf(r *rand.Rand, name string) string {
	var values []string
	for range 1 + r.IntN(3) {
		values = append(values, fmt.Sprintf("%q", pick(r, pools[name])))
	}
	return "[" + strings.Join(values, ", ") + "]"
}

func object(r *rand.Rand, names []string) string {
	fields := map[string]string{}
	for range 1 + r.IntN(2) {
		name := pick(r, names)
		key := name
		if r.IntN(4) == 0 {
			key = "not" + strings.ToUpper(name[:1]) + name[1:]
		}
		fields[key] = listOf(r, name)
	}
	var b []string
	for _, name := range names {
		for _, key := range []string{name, "not" + strings.ToUpper(name[:1]) + name[1:]} {
			if v, ok := fields[key]; ok {
				b = append(b, key+": "+v)
			}
		}
	}
	return "{" + strings.Join(b, ", ") + "}"
}

// randomManifests returns a few policies for the workload shop/app=backend.
func randomManifests(r *rand.Rand) string {
	var b strings.Builder
	for i := range r.IntN(4) {
		action := pick(r, []string{"ALLOW", "ALLOW", "DENY", "CUSTOM", "AUDIT"})
		fmt.Fprintf(&b, "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p%d, namespace: %s", i, pick(r, []string{"shop", "istio-system"}))
		if (action == "ALLOW" || action == "DENY") && r.IntN(6) == 0 {
			b.WriteString(`, annotations: {istio.io/dry-run: "true"}`)
		}
		fmt.Fprintf(&b, "}\nspec:\n  action: %s\n", action)
		sources, keys := sourceNames, whenNames
		if action == "CUSTOM" { // which cannot ask for identities
			b.WriteString("  provider: {name: authz}\n")
			sources, keys = []string{"ipBlocks", "remoteIpBlocks"}, []string{"source.ip", "destination.port", "request.headers[x]"}
		}
		if r.IntN(10) == 0 {
			b.WriteString("  nonsense: true\n")
		}
		if n := r.IntN(4); n > 0 {
			b.WriteString("  rules:\n")
			for range n {
				b.WriteString("  - ")
				if r.IntN(8) == 0 {
					b.WriteString("{}\n")
					continue
				}
				var parts []string
				if r.IntN(3) > 0 {
					var all []string
					for range 1 + r.IntN(2) {
						if r.IntN(5) == 0 && action != "CUSTOM" {
							all = append(all, "{source: "+object(r, []string{"serviceAccounts"})+"}")
						} else {
							all = append(all, "{source: "+object(r, sources)+"}")
						}
					}
					parts = append(parts, "from: ["+strings.Join(all, ", ")+"]")
				}
				if r.IntN(3) > 0 {
					var all []string
					for range 1 + r.IntN(2) {
						all = append(all, "{operation: "+object(r, operationNames)+"}")
					}
					parts = append(parts, "to: ["+strings.Join(all, ", ")+"]")
				}
				if r.IntN(4) == 0 {
					key := pick(r, keys)
					parts = append(parts, fmt.Sprintf("when: [{key: %q, %s: %s}]", key, pick(r, []string{"values", "notValues"}), listOf(r, key)))
				}
				b.WriteString("{" + strings.Join(parts, ", ") + "}\n")
			}
		}
	}
	for _, ns := range []string{"shop", "istio-system"} {
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: %s}\nspec: {mtls: {mode: %s}}\n", ns, pick(r, enforce.Modes[:4]))
		}
	}
	if r.IntN(3) == 0 {
		fmt.Fprintf(&b, "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: backend, namespace: shop}\nspec: {selector: {matchLabels: {app: backend}}, mtls: {mode: %s}, portLevelMtls: {8080: {mode: %s}}%s}\n",
			pick(r, enforce.Modes[:4]), pick(r, enforce.Modes[:4]), pick(r, []string{"", "", "", ", nonsense: 1"}))
	}
	return b.String()
}

var backend = enforce.Workload{Namespace: "shop", Labels: map[string]string{"app": "backend"}}

func randomRequest(r *rand.Rand) space.Request {
	facts := space.Facts{
		space.Identity: pick(r, []string{"", "cluster.local/ns/shop/sa/a", "cluster.local/ns/shop/sa/b", "cluster.local/ns/shop/sa/z", "cluster.local/ns/pay/sa/b", "other/ns/shop/sa/a", "x.local/ns/ns/sa/sa", "cluster.local/ns/ns/sa/sa", "o/ns/pay/sa/a"}),
		space.Port:     pick(r, []string{"80", "8080", "9090", "65535", "1"}),
	}
	for _, d := range []space.Dimension{space.SourceAddress, space.RemoteAddress, space.DestinationAddress} {
		facts[d] = pick(r, []string{"10.0.0.1", "10.1.0.1", "10.1.2.3", "192.0.2.1", "fd00::1", "2001:db8::5", "10.9.0.1", "10.9.0.2"})
	}
	http := r.IntN(3) > 0
	if http {
		facts[space.Method] = pick(r, []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
		facts[space.Path] = pick(r, []string{"/", "/api", "/api/", "/api/x", "/api/y", "/api/x/x", "/api/a/b/x", "/a.png", "/apis", "/a/b/c", "/api/[", "/api/a=b", "/x.x/abc*", "/api//x", "*", "/api/x?q"})
		facts[space.Host] = pick(r, []string{"shop.example", "SHOP.EXAMPLE", "a.example", "shopping", "shop.example:8080", "elsewhere"})
	}
	return space.Standard.Request(http, facts)
}

func verdict(o *enforce.Outcome, source int) enforce.Verdict {
	switch {
	case o.Allowed.Has(source):
		return enforce.Allowed
	case o.Undecided.Has(source):
		return enforce.Undecided
	}
	return enforce.Denied
}

// Deciding classes agrees with deciding requests: each representative has the verdict of its class, and each random
// request the verdict of the source and class that it belongs to.
func TestSplitAgreesWithDecide(t *testing.T) {
	splitAgrees(t, 60, backend, randomManifests)
}

// So do those of pods in ambient mode, or about to be, that waypoints lead to: the address of a waypoint is not known
// to either.
func TestSplitAgreesWithDecideBehindWaypoints(t *testing.T) {
	way := func(r *rand.Rand) string {
		text := randomManifests(r)
		bound := ""
		for i, one := range strings.SplitAfter(text, "---\n") {
			if i > 0 && r.IntN(2) == 0 {
				one = strings.Replace(one, "  action:", "  targetRefs: [{kind: Service, group: \"\", name: backend}]\n  action:", 1)
			}
			bound += one
		}
		if r.IntN(2) == 0 { // rules of pods that depend on where their callers are
			bound += "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: places, namespace: shop}\nspec:\n  action: " + pick(r, []string{"ALLOW", "DENY"}) +
				"\n  rules: [{from: [{source: " + object(r, []string{"ipBlocks"}) + "}, {source: " + object(r, []string{"ipBlocks", "principals"}) + "}]}]\n"
		}
		return bound
	}
	waypoint := &policy.Waypoint{Namespace: "shop", Name: "waypoint", Account: "a"}
	for _, dataplane := range []policy.Dataplane{policy.Ambient, policy.Sidecar} {
		pods := backend
		pods.Dataplane = dataplane
		pods.Fronts = []policy.Front{{Host: "backend", Port: 80, Target: 8080, Waypoint: waypoint}, {Host: "backend", Port: 9090, Target: 9090, Waypoint: waypoint}}
		splitAgrees(t, 12, pods, way)
	}
}

// Who calls a Service asks for its address, which the waypoint sees; the pods see one of theirs, which nobody knows.
func TestDestinationsBehindWaypoints(t *testing.T) {
	pods := backend
	pods.Dataplane = policy.Ambient
	pods.Fronts = []policy.Front{{Host: "backend", Port: 80, Target: 8080, Waypoint: &policy.Waypoint{Namespace: "shop", Name: "waypoint", Account: "waypoint"}}}
	const service = `destination.ip, values: [10.96.0.0/12]`
	for _, row := range []struct {
		way, pods string
		want      enforce.Verdict
	}{
		{`{when: [{key: ` + service + `}]}`, `{}`, enforce.Allowed},
		{`{when: [{key: ` + service + `}]}`, `{when: [{key: destination.ip, values: [10.244.0.0/16]}]}`, enforce.Undecided},
		{`{}`, `{when: [{key: ` + service + `}]}`, enforce.Undecided},
		{`{when: [{key: ` + service + `}]}`, `{when: [{key: ` + service + `}]}, {when: [{key: destination.ip, notValues: [10.96.0.0/12]}]}`, enforce.Allowed},
		{`{when: [{key: destination.ip, values: [10.244.0.0/16]}]}`, `{}`, enforce.Undecided}, // past the waypoint
		{`{}`, `{to: [{operation: {ports: ["80"]}}], when: [{key: destination.ip, values: [10.244.0.0/16]}]}`, enforce.Denied},
	} {
		text := "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: way, namespace: shop}\nspec: {targetRefs: [{kind: Service, group: \"\", name: backend}], rules: [" + row.way + "]}\n---\n" +
			"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: pods, namespace: shop}\nspec: {rules: [" + row.pods + "]}\n"
		layer, found := Files([]*source.File{source.NewFile("policies.yaml", text)}, enforce.Mesh{TrustDomain: "cluster.local"})
		require.NoError(t, found.Err())
		at := layer.For(pods)
		caller := space.Facts{space.Identity: "cluster.local/ns/shop/sa/web", space.Port: "8080", space.DestinationAddress: "10.96.0.7"}
		request := space.Standard.Request(true, caller)
		split, err := enforce.NewClasses(space.Distinctions{}, at)
		require.NoError(t, err)
		got := at.Decide(request)
		require.Equal(t, row.want, got.Verdict, "%v: %s", row, got)
		for i := range split.Operations {
			if r := &split.Operations[i]; r.Request.HTTP && r.Request.Port() == 8080 && space.Standard.Match(space.Box{space.Is(space.DestinationAddress, space.Standard.Pattern(space.DestinationAddress, "10.96.0.0/12"))}, &r.Request) == space.Yes {
				require.Equal(t, got.Verdict, verdict(&r.Outcomes[0], split.Source(request)), "%v", row)
			}
		}
	}
}

func splitAgrees(t *testing.T, seeds uint64, pods enforce.Workload, manifests func(*rand.Rand) string) {
	t.Helper()
	decisions := 0
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		text := manifests(r)
		m, _ := Files([]*source.File{source.NewFile("policies.yaml", text)}, enforce.Mesh{})
		c := m.For(pods)
		atoms := space.Distinctions{
			Callers: []space.Condition{
				space.Is(space.Identity, space.PrincipalPattern("cluster.local/ns/shop/sa/a")),
				space.Is(space.Identity, space.NamespacePattern(pick(r, pools["namespaces"][:2]))),
			},
			Operations: []space.Box{operation("8080", "GET", pick(r, pools["paths"]))},
		}
		split, err := enforce.NewClasses(atoms, c)
		require.NoError(t, err)
		outcomes := map[string]bool{}
		for i := range split.Operations {
			class := &split.Operations[i]
			key := fmt.Append(nil, class.Request.HTTP)
			at := make([]enforce.Decision, len(split.Sources))
			for _, d := range split.Decide(class, 0) {
				for s := range d.Sources.All() {
					at[s] = d.Decision
				}
			}
			for s, from := range split.Sources {
				q := split.From(class.Request, from)
				got := c.Decide(q)
				same := got == at[s] || got.Way != nil && got.Verdict == at[s].Verdict // of several policies either names one
				if of := verdict(&class.Outcomes[0], s); !same || got.Verdict != of || split.Source(q) != s {
					t.Fatalf("seed %d: %+v of source %d of %d:\n%s\n%s: %s\n%s", seed, q, split.Source(q), s, got, of, at[s], text)
				}
				key = append(key, byte(got.Verdict))
				decisions++
			}
			outcomes[string(key)] = true
		}
		for range min(200, 20_000/len(split.Sources)) { // each is decided for every source
			q := randomRequest(r)
			source := split.Source(q)
			require.GreaterOrEqual(t, source, 0, "%+v has no source", q)
			same := split.From(q, split.Sources[source])
			if got, want := c.Decide(same), c.Decide(q); got.Verdict != want.Verdict {
				t.Fatalf("seed %d:\n%+v: %s\n%+v: %s\n%s", seed, q, want, same, got, text)
			}
			key := fmt.Append(nil, q.HTTP)
			for _, from := range split.Sources {
				key = append(key, byte(c.Decide(split.From(q, from)).Verdict))
			}
			require.True(t, outcomes[string(key)], "seed %d: no class has what %+v has\n%s", seed, q, text)
			decisions++
		}
	}
	t.Logf("%d decisions", decisions)
}

// Patterns match what the regular expressions match that Istio writes for Envoy.
func TestPatternsAreIstiosExpressions(t *testing.T) {
	quote := regexp.QuoteMeta
	wild := func(v, before string) string { // StringMatcherWithPrefix in pilot/pkg/security/authz/matcher/string.go
		switch {
		case v == "*":
			return ".+"
		case strings.HasPrefix(v, "*"):
			return before + ".*" + quote(v[1:])
		case strings.HasSuffix(v, "*"):
			return before + quote(v[:len(v)-1]) + ".*"
		}
		return before + quote(v)
	}
	const literal = "[a-zA-Z0-9\\-._~%!$&'()+,;:@="
	template := func(v string) string {
		v = quote(v)
		v = strings.ReplaceAll(v, `\{\*\*\}`, literal+"/]*")
		return strings.ReplaceAll(v, `\{\*\}`, literal+"]+")
	}
	d := &decoder{trustDomains: []string{"cluster.local"}}
	principal := func(s string) (space.Pattern, string) { return space.PrincipalPattern(d.principals(s)[0]), "" }
	type row struct {
		dimension space.Dimension
		pattern   space.Pattern
		regexp    string
		written   string
	}
	var rows []row
	add := func(dim space.Dimension, name string, p func(string) (space.Pattern, string), re func(string) string) {
		for _, v := range pools[name] {
			got, wrong := p(v)
			if wrong == "" {
				rows = append(rows, row{dim, got, "^(?s:" + re(v) + ")$", v})
			}
		}
	}
	add(space.Identity, "principals", principal, func(v string) string {
		if strings.HasPrefix(v, "clu*/") {
			v = "cluster.local" + v[len("clu*"):]
		}
		return wild(v, "spiffe://")
	})
	add(space.Identity, "namespaces", func(s string) (space.Pattern, string) { return space.NamespacePattern(s), "" }, func(v string) string {
		return ".*/ns/" + strings.ReplaceAll(quote(v), `\*`, ".*") + "/.*"
	})
	add(space.Identity, "serviceAccounts", func(s string) (space.Pattern, string) { return accountPattern("shop", s) }, func(v string) string {
		ns, sa, ok := strings.Cut(v, "/")
		if !ok {
			ns, sa = "shop", v
		}
		return "spiffe://.+/ns/" + quote(ns) + "/(.+/|)sa/" + quote(sa) + "(/.+)?"
	})
	add(space.Identity, "trustDomains", domainPattern, func(v string) string {
		if v == "*" {
			return "spiffe://.*"
		}
		return "spiffe://" + strings.ReplaceAll(quote(v), `\*`, "[^/]*") + "/.*"
	})
	add(space.Method, "methods", plain(space.Method), func(v string) string { return wild(v, "") })
	add(space.Host, "hosts", plain(space.Host), func(v string) string { return wild(strings.ToLower(v), "") })
	add(space.Path, "paths", checkedPath, func(v string) string {
		if space.IsTemplate(v) {
			return template(v)
		}
		return wild(v, "")
	})
	r := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for _, row := range rows {
		re := regexp.MustCompile(row.regexp)
		for range 400 {
			q := randomRequest(r)
			value := q.Text(row.dimension) // of an identity, its URI
			if value == "" {
				continue
			}
			want := re.MatchString(value)
			box := space.Box{{Dimension: row.dimension, Is: []space.Pattern{row.pattern}}}
			assert.Equal(t, want, space.Standard.Match(box, &q) == space.Yes, "%q has %q", value, row.written)
			if want {
				matched++
			}
		}
	}
	assert.Greater(t, matched, len(rows)*20)
}

// Random policies have no errors except those that are put in on purpose.
func TestRandomManifestsAreSound(t *testing.T) {
	for seed := range uint64(200) {
		text := randomManifests(rand.New(rand.NewPCG(seed, 1)))
		_, findings := Files([]*source.File{source.NewFile("policies.yaml", text)}, enforce.Mesh{})
		for _, f := range findings {
			if f.Severity == diag.Error && !strings.Contains(f.Message, "nonsense") && !strings.Contains(f.Message, "without rules never matches") && !strings.Contains(f.Message, "serviceAccounts together") {
				t.Errorf("seed %d: %s\n%s", seed, f.Error(), text)
			}
		}
	}
}

func randomText(seed uint64) string { return randomManifests(rand.New(rand.NewPCG(seed, 1))) }

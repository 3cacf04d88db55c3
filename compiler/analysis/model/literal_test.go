package model_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
)

// kinds has each kind of caller, port, operation and mode.
const kinds = `mesh shop strict
service frontend account frontend port 8080 http
service backend account backend port 8080 http port 9090 tcp
service db account db port 5432 tcp
service old account old port 80 http
service web account web port 8080 http
service admin account admin port 8080 http
service tokens account tokens port 8080 http
service legacy outside address 10.0.3.0/24
mtls backend:9090 permissive
mtls old disable
frontend -> backend:8080 GET|POST /api/*, /health, GET "*.css"
admin, frontend -> backend:9090
admin -> backend:8080 GET /orders/{*}
backend -> db:5432
world -> old:80 GET /public
lab/* -> db
world -> web:8080 GET
legacy -> backend:9090
deny frontend -> admin
frontend -> admin
frontend -> tokens header x-tenant=blue
mesh lab permissive
service probe account probe port 8080 http
service bench account bench
shop/* -> probe
any -> probe:8080 /x
world -> bench
`

// ways has each kind of caller and port of a service behind a waypoint.
const ways = `mesh shop strict
service frontend account frontend port 8080 http
service backend account backend port 8080 http port 9090 tcp
service db account db port 5432 tcp
service web account web port 8080 http
service everyone account everyone port 8080 http
service edge account edge port 8080 http
service late account late port 8080 http
frontend -> backend:8080 GET|POST /api/*, /health, GET "*.css"
db -> backend
frontend, backend -> db:5432
frontend -> web
any -> everyone:8080
lab/probe -> late:8080
deny frontend -> edge
lab/* -> edge
mesh lab strict
service probe account probe port 8080 http
shop/frontend -> probe
mesh bare strict
service one account one port 8080 http
service two account two port 8080 http
shop/frontend -> one:8080
one -> two
`

var swaps = []analysistest.Swap{
	{Old: regexp.MustCompile("principals:"), New: "notPrincipals:"},
	{Old: regexp.MustCompile("( *)principals:\n"), New: "${1}notPrincipals:\n${1}- cluster.local/ns/shop/sa/backend\n${1}principals:\n"},
	{Old: regexp.MustCompile("ports:"), New: "notPorts:"},
	{Old: regexp.MustCompile("STRICT"), New: "PERMISSIVE"},
	{Old: regexp.MustCompile("PERMISSIVE"), New: "STRICT"},
	{Old: regexp.MustCompile("spec:\n"), New: "spec:\n  action: DENY\n"},
	{Old: regexp.MustCompile("action: DENY"), New: "action: AUDIT"},
	{Old: regexp.MustCompile("metadata:\n  annotations:\n"), New: "metadata:\n  annotations:\n    istio.io/dry-run: \"true\"\n"},
	{Old: regexp.MustCompile("- from:"), New: "- frm: []\n    from:"},
	{Old: regexp.MustCompile("(?s)    when:.*  selector:"), New: "  selector:"},
	{Old: regexp.MustCompile("(?s)    to:.*  selector:"), New: "  selector:"},
	{Old: regexp.MustCompile("(?s)  - from:.*    to:"), New: "  - to:"},
	{Old: regexp.MustCompile("notPorts:"), New: "ports:"},
	{Old: regexp.MustCompile("kind: Service"), New: "group: gateway.networking.k8s.io\n    kind: Gateway"},
	{Old: regexp.MustCompile("sa/waypoint"), New: "sa/frontend"},
	{Old: regexp.MustCompile("sa/frontend"), New: "sa/waypoint"},
	{Old: regexp.MustCompile(`- cluster.local/ns/shop/sa/waypoint`), New: "- cluster.local/ns/shop/sa/frontend\n        - cluster.local/ns/shop/sa/waypoint"},
	{Old: regexp.MustCompile(`        - "8080"\n`), New: ""},
	{Old: regexp.MustCompile(`        - "8080"\n`), New: "        - \"8080\"\n        - \"7070\"\n"},
}

// TestLiteral spoils the manifests of services in a random line: where they are still said to be word for word what is
// meant, the proof by classes finds no difference either.
func TestLiteral(t *testing.T) {
	literally(t, config.Default(), kinds, map[string]bool{
		"shop/frontend": true, "shop/backend": false, "shop/db": true, "shop/old": true, "shop/web": true, "shop/admin": false, "shop/tokens": false,
		"lab/probe": true, "lab/bench": true, "shop/legacy": false,
	})
}

func TestLiteralBehindWaypoints(t *testing.T) {
	settings := config.Default()
	settings.Dataplanes = map[string]config.Dataplane{"shop": {Ambient: true, Waypoint: "waypoint"}, "bare": {Ambient: true}}
	literally(t, settings, ways, map[string]bool{
		"shop/frontend": true, "shop/backend": true, "shop/db": true, "shop/web": true, "shop/everyone": false, "shop/edge": false, "shop/late": false,
		"lab/probe": true, "bare/one": true, "bare/two": true,
	})
}

// literally compiles intents, of which some services are said word for word.
func literally(t *testing.T, settings config.Project, intents string, want map[string]bool) {
	t.Helper()
	p, manifests := analysistest.CompileWith(t, settings, compiler.Input{Name: "shop.mesh", Text: []byte(intents)})
	services := analysistest.Services(p)
	said := map[string]bool{}
	for id, s := range services {
		literal, witnesses, err := analysistest.Model(t, p, manifests).Both(s)
		require.NoError(t, err)
		require.Empty(t, witnesses)
		said[id] = literal
	}
	assert.Equal(t, want, said)

	r := rand.New(rand.NewPCG(1, 2))
	spoiler := analysistest.Spoiler{Rand: r, Swaps: swaps}
	spoiler.Learn(manifests)
	found := 0
	for range 1000 {
		changed := slices.Clone(manifests)
		i := r.IntN(len(changed))
		changed[i].YAML = spoiler.Spoil(changed[i].YAML)
		m := spoiledModel(p, changed)
		for id, s := range services {
			if !s.Proxied() {
				continue
			}
			literal, witnesses, err := m.Both(s)
			require.NoError(t, err)
			if len(witnesses) > 0 {
				found++
			}
			if literal {
				require.Empty(t, witnesses, "%s:\n%s", id, changed[i].YAML)
			}
		}
	}
	assert.Greater(t, found, 200)
}

// Where two lists are the same, and let through something else all the same.
func TestNotLiteral(t *testing.T) {
	for _, c := range []struct{ name, intents, service, old, new string }{
		{"a rule of HTTP and of other connections", "mesh shop strict\nservice a account a\nservice b account b port 8080 http port 9090 tcp\na -> b:9090\na -> b:8080 GET /x\n", "shop/b",
			`  - from:\n    - source:\n        principals:\n        - \S+\n    to:\n    - operation:\n        ports:\n        - "9090"\n`, "    - operation:\n        ports:\n        - \"9090\"\n"},
		{"a namespace that is found in other identities", "mesh shop strict\nservice db account db\nlab/* -> db\nmesh lab strict\nservice x account x\n", "shop/db", "- lab\n", "- sa\n"},
	} {
		p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(c.intents)})
		changed := false
		for i := range manifests {
			if strings.HasSuffix(manifests[i].Name, "-ingress") {
				text := regexp.MustCompile(c.old).ReplaceAllString(manifests[i].YAML, c.new)
				changed = changed || text != manifests[i].YAML
				manifests[i].YAML = text
			}
		}
		require.True(t, changed, "%s: %s", c.name, manifests)
		s := analysistest.Services(p)[c.service]
		if from := &s.Allow[0].From[0]; from.Kind == policy.FromMesh {
			from.Mesh = "sa"
		}
		literal, witnesses, err := spoiledModel(p, manifests).Both(s)
		require.NoError(t, err)
		assert.NotEmpty(t, witnesses, c.name)
		assert.False(t, literal, c.name)
	}
}

// The same behind waypoints. Rules are CALLERS: OPERATION, of the waypoint and of the pods.
func TestNotLiteralBehindWaypoints(t *testing.T) {
	for _, c := range []struct{ name, intents, waypoint, pods string }{
		{"a caller that passes no waypoint", "lab/probe -> b:8080\na -> b:9090", "lab/sa/probe: ports 8080; shop/sa/a: ports 9090", "shop/sa/waypoint: ports 8080,9090"},
		{"any caller, of whom some pass no waypoint", "any -> b:8080", "*: ports 8080", "shop/sa/waypoint: ports 8080"},
		{"a way past the waypoint", "a -> b:8080, b:8080 GET", "shop/sa/a: ports 8080 methods GET", "shop/sa/waypoint: ports 8080; shop/sa/a: ports 8080"},
		{"a port that a waypoint does not lead to", "a -> b", "shop/sa/a:", "shop/sa/waypoint: ports 8080,9090; shop/sa/a: notPorts 7070,8080,9090"},
		{"a port at which the waypoint calls itself", "a -> b:8080", "shop/sa/a: ports 8080", "shop/sa/waypoint: ports 7070,8080"},
		{"a waypoint that the pods refuse", "a -> b:8080", "shop/sa/a: ports 8080", "shop/sa/waypoint: ports 9090"},
		{"a port of the Service for another of the pods", "a -> b:8080", "shop/sa/a: ports 80", "shop/sa/waypoint: ports 8080"},
		{"a canary that lets nobody through", "a -> b:8080", "shop/sa/a: ports 8080", "shop/sa/waypoint: ports 8080; shop/sa/canary: ports 8080"},
	} {
		settings := config.Default()
		settings.Dataplanes = map[string]config.Dataplane{"shop": {Ambient: true, Waypoint: "waypoint"}}
		text := "mesh shop strict\nservice a account a\nservice b account b port 8080 http port 9090 tcp\n" + c.intents + "\nmesh lab strict\nservice probe account probe\n"
		p, manifests := analysistest.CompileWith(t, settings, compiler.Input{Name: "shop.mesh", Text: []byte(text)})
		changed := 0
		for i, m := range manifests {
			rules, of := c.waypoint, m.Name == "b-ingress-waypoint"
			if m.Name == "b-ingress" {
				rules, of = c.pods, true
			}
			if of {
				head, rest, _ := strings.Cut(m.YAML, "spec:\n")
				_, binding, pods := strings.Cut(rest, "  selector:\n")
				if pods {
					binding = "  selector:\n" + binding
				} else {
					_, binding, _ = strings.Cut(rest, "  targetRefs:\n")
					binding = "  targetRefs:\n" + binding
				}
				manifests[i].YAML = head + "spec:\n" + rulesOf(rules) + binding
				changed++
			}
		}
		require.Equal(t, 2, changed, c.name)
		s := analysistest.Services(p)["shop/b"]
		if strings.Contains(c.name, "canary") {
			canary := s.Fronts[0]
			canary.Canary, canary.Waypoint = true, &policy.Waypoint{Namespace: "shop", Name: "canary", Account: "canary"}
			s.Fronts = slices.Insert(s.Fronts, 1, canary)
			manifests = append(manifests, shut("kind: Gateway, group: gateway.networking.k8s.io, name: canary"))
			for i := range manifests {
				manifests[i].YAML = strings.Replace(manifests[i].YAML, "  - kind: Service\n    name: b\n", "  - {kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}\n", 1)
			}
		}
		literal, witnesses, err := spoiledModel(p, manifests).Both(s)
		require.NoError(t, err)
		assert.NotEmpty(t, witnesses, c.name)
		assert.False(t, literal, c.name)
	}
}

// A waypoint may close what its namespace leaves open.
func TestNotLiteralInOpenNamespace(t *testing.T) {
	settings := config.Default()
	settings.Dataplanes = map[string]config.Dataplane{"shop": {Ambient: true, Waypoint: "waypoint"}}
	p, manifests := analysistest.CompileWith(t, settings, compiler.Input{Name: "shop.mesh", Text: []byte("mesh shop strict open\nservice b account b port 8080 http\n")})
	manifests = append(manifests, shut("kind: Service, name: b"))
	literal, witnesses, err := spoiledModel(p, manifests).Both(analysistest.Services(p)["shop/b"])
	require.NoError(t, err)
	assert.NotEmpty(t, witnesses)
	assert.False(t, literal)
}

// shut is a policy that closes a target.
func shut(target string) targets.Manifest {
	return targets.Manifest{Namespace: "shop", Name: "shut", Kind: "AuthorizationPolicy", YAML: "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n" +
		"metadata: {name: shut, namespace: shop}\nspec: {targetRefs: [{" + target + "}]}\n"}
}

func rulesOf(text string) string {
	if text == "" {
		return ""
	}
	rules := "  rules:\n"
	for rule := range strings.SplitSeq(text, "; ") {
		caller, operation, _ := strings.Cut(rule, ":")
		if caller != "*" {
			caller = "cluster.local/ns/" + caller
		}
		rules += "  - from: [{source: {principals: [\"" + caller + "\"]}}]\n"
		fields := strings.Fields(operation)
		if len(fields) > 0 {
			rules += "    to: [{operation: {"
		}
		for i := 0; i < len(fields); i += 2 {
			rules += fields[i] + ": [\"" + strings.ReplaceAll(fields[i+1], ",", "\", \"") + "\"], "
		}
		if len(fields) > 0 {
			rules += "}}]\n"
		}
	}
	return rules
}

// spoiledModel is a model of manifests, whatever a cluster would say to them.
func spoiledModel(p *policy.Policy, manifests []targets.Manifest) *model.Model {
	var files []*source.File
	for _, m := range manifests {
		files = append(files, source.NewFile(m.Namespace+"/"+m.Kind+"/"+m.Name, m.YAML))
	}
	layer, _ := read.Files(files, model.MeshSettings(p))
	return model.New(p, layer)
}

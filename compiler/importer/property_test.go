package importer_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/importer"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
)

// pools are the values of random policies. Those that the language has words for are as frequent as all others
// together.
var pools = map[string][]string{
	"principals":        {"cluster.local/ns/shop/sa/a", "cluster.local/ns/shop/sa/a-sa", "cluster.local/ns/pay/sa/b", "cluster.local/ns/pay/sa/b", "*", "*/a", "cluster.local/ns/shop/*", "other/ns/shop/sa/a", "other/ns/abroad/sa/a"},
	"namespaces":        {"shop", "pay", "pay", "sh*", "*"},
	"ipBlocks":          {"10.0.0.0/8", "10.1.0.0/16"},
	"requestPrincipals": {"*", "https://corp.example.com/*", "https://corp.example.com/*", "https://corp.example.com/ann", "issuer/sub"},
	"ports":             {"80", "8080", "9090"},
	"methods":           {"GET", "POST", "GET", "*", "P*"},
	"paths":             {"/", "/api", "/api/*", "*", "*.png", "/api/{*}/x", "/{**}", "/api/*/x", "*/x/*", "/a b"},
	"hosts":             {"shop.example", "*.example", "*"},
	"destination.port":  {"80", "9090"},
	"source.namespace":  {"shop", "pay"},
	"source.ip":         {"10.1.0.0/16"},

	"request.headers[x-a]":        {"b", "c*", "*"},
	`request.headers["x-a"]`:      {"b", "*"}, // a name that no request has
	"request.auth.claims[groups]": {"admin", "o*"},
}

var selectors = []string{"{app: a}", "{app: b}", "{app: b}", "{app: a, version: v1}", "{tier: back}"}

// keySet is keys that nobody fetches.
const keySet = `jwks: '{"keys": [{"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}'`

var seeds = flag.Uint64("seeds", 60, "random inputs of each test")

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func listOf(r *rand.Rand, name string) string {
	var values []string
	for range 1 + r.IntN(2) {
		values = append(values, fmt.Sprintf("%q", pick(r, pools[name]...)))
	}
	return "[" + strings.Join(values, ", ") + "]"
}

func fields(r *rand.Rand, names ...string) string {
	var all []string
	for _, i := range r.Perm(len(names))[:1+r.IntN(2)] {
		name := names[i]
		if r.IntN(12) == 0 {
			name = "not" + strings.ToUpper(name[:1]) + name[1:]
		}
		all = append(all, name+": "+listOf(r, names[i]))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

func randomRule(r *rand.Rand) string {
	if r.IntN(10) == 0 {
		return "{}"
	}
	var parts []string
	if r.IntN(5) > 0 {
		var from []string
		for range 1 + r.IntN(2) {
			from = append(from, "{source: "+fields(r, pick(r, []string{"principals", "namespaces"}, []string{"principals", "namespaces"}, []string{"principals", "namespaces", "ipBlocks", "requestPrincipals"})...)+"}")
		}
		parts = append(parts, "from: ["+strings.Join(from, ", ")+"]")
	}
	if r.IntN(3) > 0 {
		var to []string
		for range 1 + r.IntN(2) {
			operation := fields(r, pick(r, []string{"ports", "paths", "methods"}, []string{"ports", "paths", "methods", "hosts"})...)
			if !strings.Contains(operation, "ports") && r.IntN(3) > 0 {
				operation = "{ports: " + listOf(r, "ports") + ", " + operation[1:]
			}
			to = append(to, "{operation: "+operation+"}")
		}
		parts = append(parts, "to: ["+strings.Join(to, ", ")+"]")
	}
	if r.IntN(6) == 0 {
		key := pick(r, "destination.port", "source.namespace", "source.ip", "request.headers[x-a]", "request.headers[x-a]", `request.headers["x-a"]`, "request.auth.claims[groups]")
		parts = append(parts, fmt.Sprintf("when: [{key: %q, %s: %s}]", key, pick(r, "values", "values", "notValues"), listOf(r, key)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// randomPolicies is policies of two namespaces and the root namespace, as a cluster has them or as files do.
func randomPolicies(r *rand.Rand, deployed bool) string {
	var b strings.Builder
	object := func(kind, namespace, name, annotations, spec string) {
		if deployed {
			annotations += fmt.Sprintf(", creationTimestamp: 2026-01-01T00:00:%02dZ", r.IntN(60))
		}
		fmt.Fprintf(&b, "---\napiVersion: security.istio.io/v1\nkind: %s\nmetadata: {name: %s, namespace: %s%s}\nspec: {%s}\n", kind, name, namespace, annotations, spec)
	}
	for _, namespace := range []string{"shop", "pay"} {
		if r.IntN(4) > 0 {
			object("AuthorizationPolicy", namespace, pick(r, "deny-all", "default-deny"), "", "")
		}
		if r.IntN(2) == 0 {
			object("PeerAuthentication", namespace, pick(r, "default", "modes"), "", "mtls: {mode: "+pick(r, "STRICT", "STRICT", "PERMISSIVE", "DISABLE", "UNSET")+"}")
		}
		for i := range r.IntN(5) {
			action := pick(r, "ALLOW", "ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "AUDIT", "CUSTOM")
			spec := "action: " + action
			if r.IntN(8) > 0 {
				spec += ", selector: {matchLabels: " + pick(r, selectors...) + "}"
			}
			var rules []string
			for range 1 + r.IntN(3) {
				if action == "CUSTOM" { // about everybody, or Istio refuses it
					rules = append(rules, pick(r, "{}", "{to: [{operation: "+fields(r, "ports", "paths", "methods", "hosts")+"}]}"))
				} else {
					rules = append(rules, randomRule(r))
				}
			}
			if action == "DENY" && r.IntN(3) == 0 { // no entry without a token
				rules = []string{`{from: [{source: {notRequestPrincipals: ["*"]}}]` + pick(r, "", ", to: [{operation: "+fields(r, "methods", "paths")+"}]") + "}"}
			}
			if action == "CUSTOM" {
				spec += ", provider: {name: " + pick(r, "login", "login", "login", "quota") + "}"
			}
			annotations := ""
			if r.IntN(15) == 0 {
				annotations = `, annotations: {istio.io/dry-run: "true"}`
			}
			if r.IntN(20) == 0 {
				spec += ", nonsense: 1"
			}
			object("AuthorizationPolicy", namespace, pick(r, fmt.Sprintf("p%d", i), []string{"a-ingress", "b-deny", "b-ingress", "a-deny"}[i%4]), annotations, spec+", rules: ["+strings.Join(rules, ", ")+"]")
		}
		if r.IntN(3) == 0 {
			spec := pick(r, "", "selector: {matchLabels: "+pick(r, selectors...)+"}, ") + "jwtRules: [{issuer: \"https://corp.example.com\", " + pick(r, `jwksUri: "https://corp.example.com/keys"`, keySet) + pick(r, "", "", ", audiences: [shop]", ", fromCookies: [x]") + "}]"
			object("RequestAuthentication", namespace, "tokens", "", spec)
		}
		for i := range r.IntN(3) {
			mode := func() string { return pick(r, "STRICT", "PERMISSIVE", "DISABLE", "UNSET") }
			spec := "selector: {matchLabels: " + pick(r, selectors...) + "}, mtls: {mode: " + mode() + "}"
			if r.IntN(2) == 0 {
				spec += ", portLevelMtls: {8080: {mode: " + mode() + "}}"
			}
			object("PeerAuthentication", namespace, pick(r, fmt.Sprintf("m%d", i), []string{"a", "b"}[i]), "", spec)
		}
	}
	if r.IntN(4) == 0 {
		object("PeerAuthentication", "istio-system", pick(r, "default", "mesh"), "", "mtls: {mode: "+pick(r, "STRICT", "PERMISSIVE", "UNSET")+"}")
	}
	if r.IntN(6) == 0 {
		object("AuthorizationPolicy", "istio-system", "mesh", "", pick(r, "", "action: DENY, rules: ["+randomRule(r)+"]", "rules: ["+randomRule(r)+"]"))
	}
	if r.IntN(5) == 0 {
		selected := "selector: {matchLabels: " + pick(r, append(selectors, "{component: predictor}")...) + "}, "
		object("AuthorizationPolicy", "istio-system", "some", "", pick(r, "", selected, selected)+pick(r, "", "", "action: DENY, ")+"rules: ["+randomRule(r)+"]")
		if r.IntN(3) == 0 {
			object("RequestAuthentication", "istio-system", "tokens", "", pick(r, "", selected)+`jwtRules: [{issuer: "https://corp.example.com", jwksUri: "https://corp.example.com/keys"}]`)
		}
	}
	return b.String()
}

// randomIntents is a project of two meshes.
func randomIntents(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(3) == 0 {
		b.WriteString("mesh * " + pick(r, "strict", "permissive") + "\n")
	}
	b.WriteString("mesh other\nissuer corp url https://corp.example.com keys https://corp.example.com/keys\n")
	b.WriteString("mesh pay " + pick(r, "strict", "permissive") + pick(r, "", "", " open") + "\nservice b account b\nservice c account c-sa port 80 http\nb -> c\n")
	b.WriteString("mesh shop " + pick(r, "strict", "permissive") + `
service a account a port 8080 http port 9090
service web account a-sa label tier=web label app=x port 80 http
service far outside address 10.0.0.0/8
`)
	callers := []string{"a", "web", "pay/b", "pay/c", "pay/*", "any", "world", "*", "a, pay/c", "pay/*, web"}
	for range 1 + r.IntN(5) {
		deny := pick(r, "", "", "deny ")
		to := pick(r, "a", "a:9090", "a:8080 GET /api/*", `a:8080 { GET|POST /api, "*.png", POST }`, "web", "web:80 /x", "a GET /",
			"a:8080 host shop.example /api", "web:80 /api/* except /api/x", "web header x-a=b|c*", "web:80 no header x-a", "a:8080 GET /api with corp groups=admin", "web:80 with corp", "a:* /api")
		b.WriteString(deny + pick(r, callers...) + " -> " + to + "\n")
	}
	if r.IntN(3) == 0 {
		b.WriteString("mtls a:8080 permissive\nfar -> a:8080\n")
	}
	if r.IntN(4) == 0 {
		b.WriteString("mtls web " + pick(r, "strict", "permissive") + "\n")
	}
	return b.String()
}

func importText(t *testing.T, text string) *importer.Result {
	t.Helper()
	r, err := importer.Import(context.Background(), importer.Given{Manifests: files(text), Settings: config.Default()})
	require.NoError(t, err)
	return r
}

func files(texts ...string) (all []*source.File) {
	for i, text := range texts {
		all = append(all, source.NewFile(fmt.Sprintf("%d.yaml", i), text))
	}
	return all
}

// built is what an imported project builds, and the texts of what it accepts. It is read from a folder, as a user
// would.
func built(t *testing.T, r *importer.Result) (manifests string, accepted []string) {
	t.Helper()
	folder := t.TempDir()
	intents := false
	for _, f := range r.Files {
		path := filepath.Join(folder, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(f.Text), 0o644))
		intents = intents || strings.HasSuffix(f.Name, ".mesh")
		if strings.HasPrefix(f.Name, "accepted/") {
			accepted = append(accepted, f.Text)
		}
	}
	if !intents {
		return "", accepted
	}
	p, err := compiler.Open(context.Background(), compiler.Options{Today: time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC)}, folder)
	require.NoError(t, err)
	b, err := p.Build(context.Background())
	require.NoError(t, err)
	require.NoError(t, b.Findings.Err())
	return string(targets.Stream(b.Manifests)), accepted
}

var workloads = []enforce.Workload{
	{Namespace: "shop", Labels: map[string]string{"app": "a"}},
	{Namespace: "shop", Labels: map[string]string{"app": "b"}},
	{Namespace: "shop", Labels: map[string]string{"app": "a", "version": "v1"}},
	{Namespace: "shop", Labels: map[string]string{"app": "a", "version": "v1", "tier": "back"}},
	{Namespace: "shop", Labels: map[string]string{"tier": "web", "app": "x"}},
	{Namespace: "shop", Labels: map[string]string{"app": "b", "tier": "back"}},
	{Namespace: "shop", Labels: map[string]string{"none": "of them"}},
	{Namespace: "pay", Labels: map[string]string{"app": "c"}},
	{Namespace: "pay", Labels: map[string]string{"app": "b"}},
	{Namespace: "pay", Labels: map[string]string{"tier": "back"}},
	{Namespace: "pay", Labels: nil},
	{Namespace: "elsewhere", Labels: map[string]string{"app": "a"}},
	{Namespace: "elsewhere", Labels: map[string]string{"component": "predictor"}},
}

func randomRequest(r *rand.Rand) space.Request {
	facts := space.Facts{
		space.Identity:      pick(r, "", "cluster.local/ns/shop/sa/a", "cluster.local/ns/shop/sa/a-sa", "cluster.local/ns/shop/sa/z", "cluster.local/ns/pay/sa/b", "cluster.local/ns/pay/sa/c-sa", "other/ns/shop/sa/a", "other/ns/abroad/sa/a", "other/ns/abroad/sa/z", "cluster.local/ns/abroad/sa/a", "cluster.local/ns/x/sa/a"),
		space.Port:          pick(r, "80", "8080", "9090", "7"),
		space.SourceAddress: pick(r, "10.1.0.1", "10.2.0.1", "192.0.2.1"),
		space.RemoteAddress: "192.0.2.1",
	}
	http := r.IntN(3) > 0
	if http {
		facts[space.Method] = pick(r, "GET", "POST", "PUT")
		facts[space.Path] = pick(r, "/", "/api", "/api/", "/api/y/x", "/a.png", "/b")
		facts[space.Host] = pick(r, "shop.example", "shop.example:80", "elsewhere")
		facts[space.Header] = pick(r, "", "", "x-a=b", "x-a=cc", "x-a=d")
		facts[space.Token] = pick(r, "", "", "iss=https://corp.example.com\nsub=me\naud=shop", "iss=https://corp.example.com\nsub=me\naud=shop\ngroups=admin\ngroups=ops", "iss=other\nsub=x")
	}
	return space.Standard.Request(http, facts)
}

// alike decides random requests by two sets of objects.
func alike(t *testing.T, r *rand.Rand, a, b *enforce.Layer, why string) {
	t.Helper()
	for _, w := range workloads {
		p, q := a.For(w), b.For(w)
		for range 60 {
			request := randomRequest(r)
			if x, y := p.Decide(request), q.Decide(request); x.Verdict != y.Verdict {
				require.Fail(t, "decided differently", "%s %v, %s from %q on %d: %s, and %s\n%s", w.Namespace, w.Labels, request.Text(space.Method)+request.Text(space.Path), request.Identity(), request.Port(), x, y, why)
			}
		}
	}
}

// without is a layer without some objects.
func without(l *enforce.Layer, gone func(id string) bool) *enforce.Layer {
	var left []*enforce.Object
	for _, p := range l.Policies {
		if !gone(p.Kind + " " + p.ID()) {
			left = append(left, p)
		}
	}
	return enforce.NewLayer(l.Mesh, l.Table, left, nil)
}

// dated is a layer whose objects are as old as those that they overwrite.
func dated(l, old *enforce.Layer) *enforce.Layer {
	all := slices.Clone(l.Policies)
	for i, p := range all {
		for _, o := range old.Policies {
			if o.Kind == p.Kind && o.ID() == p.ID() {
				overwriting := *p
				overwriting.Created = o.Created
				all[i] = &overwriting
			}
		}
	}
	return enforce.NewLayer(l.Mesh, l.Table, all, nil)
}

// Random policies become projects that build, and that let through the same requests together with what they accept.
// That holds after each step of a deletion of the old objects, too.
func TestPolicies(t *testing.T) {
	outcomes := map[importer.Outcome]int{}
	for seed := range *seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		deployed := seed%2 == 0
		text := randomPolicies(r, deployed)
		result := importText(t, text)
		document := func(at source.Span) int { return strings.Count(at.File.Text[:at.Start], "\n---") }
		refused := func(d diag.Diagnostic) bool {
			return slices.ContainsFunc(result.Objects, func(o importer.Object) bool {
				return o.Outcome == importer.Refused && o.At.File == d.Primary.File && document(o.At) == document(d.Primary)
			})
		}
		if slices.ContainsFunc(result.Findings, func(d diag.Diagnostic) bool { return d.Severity == diag.Error && !refused(d) }) { // the manifests do not say what is in force
			continue
		}
		manifests, accepted := built(t, result)
		what := map[string]importer.Outcome{}
		for i := range result.Objects {
			o := &result.Objects[i]
			what[o.ID()] = o.Outcome
			outcomes[o.Outcome]++
			assert.Equal(t, o.Outcome == importer.Said, o.Reason == "", "%s", o.ID())
		}
		old, _ := read.Files(files(text), enforce.Mesh{})
		old = without(old, func(id string) bool { return what[id] == importer.Refused })
		now, _ := read.Files(files(append(accepted, manifests)...), enforce.Mesh{})
		var all strings.Builder
		for _, f := range result.Files {
			all.WriteString("-- " + f.Name + " --\n" + f.Text)
		}
		why := fmt.Sprintf("seed %d\n%s\n%s", seed, text, all.String())
		alike(t, r, old, now, why)

		if !deployed { // only a cluster knows which of two objects is older
			continue
		}
		gone := map[string]bool{}
		for i := range result.Replaced {
			gone[result.Replaced[i].ID()] = true
			step := dated(now, old).With(without(old, func(id string) bool { return gone[id] }).Policies)
			alike(t, r, old, step, fmt.Sprintf("without the first %d of %v\n%s", i+1, gone, why))
		}
	}
	t.Log(outcomes)
	assert.Greater(t, outcomes[importer.Said], 50)
	assert.Greater(t, outcomes[importer.Accepted], 50)
	assert.Greater(t, outcomes[importer.Refused], 5)
}

// What a project builds is said again as a whole.
func TestProjects(t *testing.T) {
	projects := 0
	for seed := range *seeds {
		r := rand.New(rand.NewPCG(seed, 2))
		intents := randomIntents(r)
		parsed, err := compiler.Parse(context.Background(), compiler.Inputs{Files: []compiler.Input{{Name: "in.mesh", Text: []byte(intents)}}, Config: config.Default()})
		require.NoError(t, err)
		b, err := parsed.Build(context.Background(), parsed.Config)
		require.NoError(t, err)
		if b.Findings.HasErrors() {
			continue
		}
		projects++
		text := string(targets.Stream(b.Manifests))
		result := importText(t, text)
		for i := range result.Objects {
			o := &result.Objects[i]
			if o.Kind == "RequestAuthentication" && o.Outcome == importer.Accepted { // others cover all edges that ask for its tokens
				continue
			}
			require.Equal(t, importer.Said, o.Outcome, "%s: %s\n%s\n%s", o.ID(), o.Reason, intents, text)
		}
		manifests, accepted := built(t, result)
		old, _ := read.Files(files(text), enforce.Mesh{})
		now, _ := read.Files(files(append(accepted, manifests)...), enforce.Mesh{})
		alike(t, r, old, now, intents)
	}
	assert.Greater(t, projects, 20)
}

// What is said narrowly lets nothing through that did not pass, and what is said widely everything that did.
func TestDirections(t *testing.T) {
	approximated := 0
	for seed := range *seeds {
		for _, direction := range []importer.Direction{importer.Narrow, importer.Widen} {
			r := rand.New(rand.NewPCG(seed, 3))
			text := randomPolicies(r, true)
			result, err := importer.Import(context.Background(), importer.Given{Manifests: files(text), Settings: config.Default(), Direction: direction})
			require.NoError(t, err)
			manifests, accepted := built(t, result)
			refused := map[string]bool{}
			for i := range result.Objects {
				o := &result.Objects[i]
				refused[o.ID()] = o.Outcome == importer.Refused
				approximated += len(o.Approximated)
				assert.True(t, o.Outcome == importer.Said || len(o.Approximated) == 0)
			}
			old, _ := read.Files(files(text), enforce.Mesh{})
			old = without(old, func(id string) bool { return refused[id] })
			now, _ := read.Files(files(append(accepted, manifests)...), enforce.Mesh{})
			if len(result.Changes) == 0 {
				alike(t, r, old, now, text)
			}
			for _, w := range workloads {
				for range 60 {
					request := randomRequest(r)
					was, is := old.For(w).Decide(request).Verdict, now.For(w).Decide(request).Verdict
					if direction == importer.Narrow {
						was, is = is, was
					}
					assert.False(t, was == enforce.Allowed && is == enforce.Denied, "seed %d, direction %d, %s %v %s\n%s", seed, direction, w.Namespace, w.Labels, request.Identity(), text)
				}
			}
		}
	}
	assert.Greater(t, approximated, 20)
}

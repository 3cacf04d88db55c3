package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// served is the kinds that the API server of a test has, by their plurals.
var served = map[string][2]string{
	"authorizationpolicies":  {"security.istio.io", "AuthorizationPolicy"},
	"peerauthentications":    {"security.istio.io", "PeerAuthentication"},
	"requestauthentications": {"security.istio.io", "RequestAuthentication"},
	"destinationrules":       {"networking.istio.io", "DestinationRule"},
	"deployments":            {"apps", "Deployment"},
	"services":               {"", "Service"},
	"serviceaccounts":        {"", "ServiceAccount"},
	"namespaces":             {"", "Namespace"},
	"configmaps":             {"", "ConfigMap"},
}

// startCluster starts a cluster, which is the current context of the kubeconfig.
func startCluster(t *testing.T, manifests string, forbidden ...string) {
	t.Helper()
	t.Setenv("KUBECONFIG", serveCluster(t, manifests, forbidden...))
	t.Setenv("SOURCE_DATE_EPOCH", "1805068800") // 2027-03-15
}

// serveCluster starts an API server that has the objects of manifests, as somebody applied them, and that keeps some
// plurals to itself, and returns a kubeconfig for it.
func serveCluster(t *testing.T, manifests string, forbidden ...string) string {
	t.Helper()
	type object struct {
		namespace string
		text      json.RawMessage
	}
	objects := map[string][]object{}
	for _, doc := range strings.Split(manifests, "\n---\n") {
		var o map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(doc), &o))
		if o["metadata"] == nil { // a kustomization
			continue
		}
		kind := fmt.Sprint(o["kind"])
		metadata := o["metadata"].(map[string]any)
		metadata["managedFields"] = []any{map[string]any{"manager": "kubectl-edit", "operation": "Update", "time": "2027-03-14T15:09:26Z"}}
		text, err := json.Marshal(o)
		require.NoError(t, err)
		objects[kind] = append(objects[kind], object{fmt.Sprint(metadata["namespace"]), text})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api" || r.URL.Path == "/apis" {
			groups := map[string][]string{}
			for plural, of := range served {
				if (of[0] == "") == (r.URL.Path == "/api") {
					groups[of[0]] = append(groups[of[0]], fmt.Sprintf(`{"resource":%q,"responseKind":{"kind":%q},"verbs":["list"]}`, plural, of[1]))
				}
			}
			var all []string
			for group, resources := range groups {
				all = append(all, fmt.Sprintf(`{"metadata":{"name":%q},"versions":[{"version":"v1","resources":[%s]}]}`, group, strings.Join(resources, ",")))
			}
			fmt.Fprintf(w, `{"kind":"APIGroupDiscoveryList","items":[%s]}`, strings.Join(all, ","))
			return
		}
		plural := filepath.Base(r.URL.Path)
		of, known := served[plural]
		switch {
		case slices.Contains(forbidden, plural):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`)
		case !known:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		default:
			_, namespace, within := strings.Cut(filepath.Dir(r.URL.Path), "/namespaces/")
			items := []json.RawMessage{}
			for _, o := range objects[of[1]] {
				if !within || o.namespace == namespace {
					items = append(items, o.text)
				}
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"items": items})
		}
	}))
	t.Cleanup(server.Close)
	config := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
apiVersion: v1
kind: Config
current-context: test
clusters: [{name: c, cluster: {server: %q}}]
users: [{name: u, user: {}}]
contexts: [{name: test, context: {cluster: c, user: u}}]
`, server.URL), 0o600))
	return config
}

// inShop changes to a small project, and returns the manifests that it gives.
func inShop(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("shop.mesh", []byte("mesh shop strict\n  service web account web\n  service api account api port 8080 http\n  service db account db port 5432 tcp\n  web -> api:8080 GET /v1/*\n  api -> db:5432\n"), 0o644))
	code, _, said := meshc("build", "-o", "out")
	require.Zero(t, code, said)
	var all []string
	files, err := filepath.Glob("out/*/*.yaml")
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		all = append(all, string(text))
	}
	require.NoError(t, os.RemoveAll("out"))
	require.NotEmpty(t, all)
	return strings.Join(all, "\n---\n")
}

func meshc(args ...string) (code int, stdout, stderr string) {
	var out, said bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &said)
	return code, out.String(), said.String()
}

func TestAClusterThatHasWhatTheProjectGivesIsFine(t *testing.T) {
	startCluster(t, inShop(t))
	code, out, said := meshc("verify", "--cluster")
	assert.Zero(t, code, out+said)
	assert.Contains(t, out, "0 errors")
}

func TestDriftSaysWhoChangedAnObject(t *testing.T) {
	manifests := inShop(t)
	require.Contains(t, manifests, "/v1/*")
	startCluster(t, strings.ReplaceAll(manifests, "/v1/*", "/*"))
	code, out, said := meshc("verify", "--cluster=test")
	assert.Equal(t, 1, code, out+said)
	assert.Contains(t, out, "<cluster test> shop/AuthorizationPolicy/")
	assert.Contains(t, out, "last changed by kubectl-edit at 2027-03-14T15:09:26Z")
}

func TestWhatAClusterLacksIsAnError(t *testing.T) {
	inShop(t)
	startCluster(t, "")
	code, out, said := meshc("verify", "--cluster")
	assert.Equal(t, 1, code, out+said)
	assert.Contains(t, out, "which is missing from the manifests")
}

func TestWhatAClusterKeepsToItselfIsUndecided(t *testing.T) {
	startCluster(t, inShop(t), "authorizationpolicies")
	code, out, said := meshc("verify", "--cluster", "--all")
	assert.Equal(t, 1, code, out+said)
	assert.Contains(t, out, "cannot list authorizationpolicies.security.istio.io: forbidden")
	assert.NotContains(t, out, "do not have it", "whether it is there is not known")
	assert.Contains(t, out, "0 mTLS, 0 plaintext, 0 refused, 3 unknown")

	require.NoError(t, os.Remove("shop.mesh"))
	code, out, said = meshc("why", "--cluster", "shop/web", "shop/api")
	assert.Equal(t, 1, code, out+said)
	assert.Contains(t, said, "cannot list authorizationpolicies.security.istio.io: forbidden")
	assert.Contains(t, out, "undecided: shop/web -> shop/api")
}

func TestTheSettingsOfAMeshAreNamedOrMissed(t *testing.T) {
	manifests := inShop(t)
	startCluster(t, manifests)
	_, out, said := meshc("verify", "--cluster")
	assert.Contains(t, out, "cannot find configmaps: none has the settings of a mesh in namespace istio-system", said)

	startCluster(t, manifests+"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-1-27, namespace: istio-system}\ndata: {mesh: 'trustDomain: shop.example'}")
	_, out, said = meshc("verify", "--cluster")
	assert.Contains(t, out, "<cluster test> istio-system/ConfigMap/istio-1-27", said)
	assert.NotContains(t, out, "cannot find")
}

func TestAskingAndImportingACluster(t *testing.T) {
	startCluster(t, inShop(t))
	require.NoError(t, os.Remove("shop.mesh"))
	code, out, said := meshc("why", "--cluster", "shop/web", "shop/api:8080", "GET", "/v1/x")
	assert.Zero(t, code, out+said)
	assert.Contains(t, out, "allowed")
	code, out, said = meshc("import", "--cluster")
	assert.Zero(t, code, out+said)
	assert.Contains(t, out, "web -> api:8080 GET /v1/*")
	code, out, said = meshc("verify", "--cluster")
	assert.Zero(t, code, out+said)
	code, out, said = meshc("graph", "--cluster", "--focus", "shop/api")
	assert.Zero(t, code, out+said)
	assert.Contains(t, out, "shop/web -> shop/api:8080 GET /v1/*  [strict]")
}

func TestAClusterThatKeepsPoliciesToItselfIsNotDrawnAsOpen(t *testing.T) {
	startCluster(t, inShop(t), "authorizationpolicies")
	code, out, said := meshc("graph", "--cluster", "--format", "json")
	assert.Equal(t, 1, code, out+said)
	assert.Contains(t, said, "cannot list authorizationpolicies.security.istio.io: forbidden")
	assert.Equal(t, strings.Count(out, `"from"`), strings.Count(out, `"perhaps": true`), "whether anything passes is not known:\n%s", out)
}

func TestCheckingAgainstWhatRuns(t *testing.T) {
	const running = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers: [{name: web, ports: [{containerPort: 8080}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  selector: {matchLabels: {app: coredns}}
  template:
    metadata: {labels: {app: coredns}}
    spec:
      containers: [{name: coredns, ports: [{containerPort: 53, protocol: UDP}]}]
`
	t.Chdir(t.TempDir())
	startCluster(t, running)
	require.NoError(t, os.WriteFile("shop.mesh", []byte("mesh shop strict\nworld -> web:8080\n"), 0o644))
	code, _, said := meshc("check", "--cluster")
	assert.Zero(t, code, said)
	assert.Contains(t, said, "0 errors")
	assert.NotContains(t, said, "coredns", "no mesh is about its namespace")

	require.NoError(t, os.WriteFile("shop.mesh", []byte("mesh shop strict\nworld -> wbe:8080\n"), 0o644))
	code, _, said = meshc("check", "--cluster")
	assert.Equal(t, 1, code, said)
	assert.Contains(t, said, "did you mean web?")
	code, _, said = meshc("check", "--cluster", "--workloads", ".")
	assert.Equal(t, 2, code, said)

	startCluster(t, running, "services")
	require.NoError(t, os.WriteFile("shop.mesh", []byte("mesh shop strict\nworld -> web:8080\n"), 0o644))
	code, _, said = meshc("check", "--cluster")
	assert.Equal(t, 1, code, said)
	assert.Contains(t, said, "not checked against what the cluster keeps to itself: cannot list services: forbidden")
}

func TestTheDifferenceToAClusterIsWhatApplyingWouldChange(t *testing.T) {
	manifests := inShop(t)
	startCluster(t, manifests)
	code, out, said := meshc("diff", "--cluster", "--exit-code")
	assert.Zero(t, code, out+said)
	assert.Contains(t, said, "0 files differ")

	const foreign = "\n---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: by-hand, namespace: shop}\nspec: {action: DENY, selector: {matchLabels: {app: db}}, rules: [{}]}\n"
	startCluster(t, strings.ReplaceAll(manifests, "/v1/*", "/*")+foreign)
	code, out, said = meshc("diff", "--cluster", "--exit-code")
	assert.Equal(t, 1, code, out+said)
	assert.Contains(t, out, "closed\n  shop/web -> shop/api:8080 GET /* except GET /v1/*")
	assert.Contains(t, out, "+        - /v1/*\n")
	assert.NotContains(t, out, "by-hand", "an object of others stays")

	require.NoError(t, os.WriteFile("shop.mesh", []byte("mesh shop strict\n  service web account web\n  service api account api port 8080 http\n  service db account db port 5432 tcp\n  web -> db:5432\n"), 0o644))
	code, out, said = meshc("diff", "--cluster")
	assert.Zero(t, code, out+said)
	assert.NotContains(t, out, "opened\n", "what another object denies is not opened")
	assert.Contains(t, out, "--- a/shop/", "what meshc made and no longer gives is gone")

	startCluster(t, manifests, "peerauthentications")
	code, out, said = meshc("diff", "--cluster")
	assert.Equal(t, 1, code, out+said)
	assert.Contains(t, said, "cannot list peerauthentications.security.istio.io: forbidden")
}

func TestClusterFlagsThatContradictEachOther(t *testing.T) {
	startCluster(t, inShop(t))
	code, _, said := meshc("verify", "--cluster", "--manifests", ".")
	assert.Equal(t, 2, code)
	assert.Contains(t, said, "--cluster reads what is deployed from a cluster")
	code, _, said = meshc("diff", "--cluster", "--from", "HEAD")
	assert.Equal(t, 2, code)
	assert.Contains(t, said, "--cluster compares one project with a cluster")
	code, _, said = meshc("verify", "--cluster=tset")
	assert.Equal(t, 2, code)
	assert.Contains(t, said, "did you mean test?")
}

package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const intents = `mesh shop strict
service web account web port 8080 http
service cart account cart port 8080 http
service db account db port 5432 tcp
external mail host smtp.example.org port 587 tls

web -> cart GET /api/*
cart -> db:5432
cart -> mail
`

// workloads are what runs in the namespace shop.
func workloads() string {
	var b strings.Builder
	for _, name := range []string{"web", "cart", "db"} {
		port, portName := "8080", "http"
		if name == "db" {
			port, portName = "5432", "tcp"
		}
		b.WriteString(strings.NewReplacer("NAME", name, "PORT", port, "PROTOCOL", portName).Replace(`---
apiVersion: v1
kind: ServiceAccount
metadata: {name: NAME, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      serviceAccountName: NAME
      containers: [{name: NAME, image: "example.org/NAME:1", ports: [{containerPort: PORT}]}]
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: shop}
spec:
  selector: {app: NAME}
  ports: [{name: PROTOCOL, port: PORT}]
`))
	}
	return b.String()
}

// settings are those that the installation of Istio writes.
const settings = `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    trustDomain: cluster.local
    rootNamespace: istio-system
`

// shop is a cluster in which the shop runs and the intents are in force, and the project that they are from.
func shop(t *testing.T) (c *Cluster, project string) {
	t.Helper()
	c = Start(t)
	c.Namespaces(t, "istio-system", "shop")
	c.Edit(t, "admin", "/api/v1/namespaces/shop", `{"metadata":{"labels":{"istio-injection":"enabled"}}}`)
	c.Apply(t, "helm", settings)
	c.Apply(t, "helm", workloads())
	project = write(t, map[string]string{"shop.mesh": intents})
	c.deploy(t, project)
	return c, project
}

// deploy applies what a project emits, as a GitOps controller does.
func (c *Cluster) deploy(t *testing.T, project string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "manifests")
	said, code := c.run(t, "reader", project, "build", "-o", out)
	require.Zero(t, code, said)
	files, err := filepath.Glob(out + "/*/[0-9]*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		c.Apply(t, "argocd-controller", string(text))
	}
}

const (
	policies      = "/apis/security.istio.io/v1/namespaces/shop/authorizationpolicies/"
	cartPolicy    = policies + "cart-ingress"
	peersOfShop   = "/apis/security.istio.io/v1/namespaces/shop/peerauthentications/"
	entriesOfShop = "/apis/networking.istio.io/v1/namespaces/shop/serviceentries/"
)

// TestDrift changes a cluster under a project, and asks what differs and who did it.
func TestDrift(t *testing.T) {
	c, project := shop(t)
	ask := func(code int, args ...string) string {
		t.Helper()
		said, got := c.run(t, "admin", project, args...)
		assert.Equal(t, code, got, "meshc %s:\n%s", strings.Join(args, " "), said)
		return said
	}

	assert.Contains(t, ask(0, "verify", "--cluster"), "0 errors, 0 warnings; ", "what was applied is what the project gives")
	assert.Contains(t, ask(0, "diff", "--cluster", "--exit-code"), "0 files differ")
	assert.Contains(t, ask(0, "why", "web", "cart:8080", "GET", "/api/x", "--cluster", "--exit-code"), "allowed")
	assert.Contains(t, ask(1, "why", "web", "db", "--cluster", "--exit-code"), "denied")

	// By hand, with kubectl edit.
	c.Edit(t, "kubectl-edit", cartPolicy, `{"spec":{"rules":[{"from":[{"source":{"principals":["cluster.local/ns/shop/sa/web","cluster.local/ns/shop/sa/db"]}}],"to":[{"operation":{"ports":["8080"]}}]}]}}`)
	said := ask(1, "verify", "--cluster")
	assert.Contains(t, said, "<cluster prod> shop/AuthorizationPolicy/cart-ingress:")
	assert.Contains(t, said, "; last changed by kubectl-edit at 20")
	said = ask(1, "diff", "--cluster", "--exit-code")
	assert.Contains(t, said, "closed\n  shop/db -> shop/cart:8080")
	assert.Contains(t, said, "\n-        - cluster.local/ns/shop/sa/db\n")
	said = ask(0, "why", "db", "cart:8080", "GET", "/api/x", "--cluster=prod")
	assert.Contains(t, said, "allowed")

	// The settings of the mesh are held against those of the project.
	c.Edit(t, "helm", "/api/v1/namespaces/istio-system/configmaps/istio", `{"data":{"mesh":"trustDomain: other.example\nenableAutoMtls: false\n"}}`)
	said = ask(1, "verify", "--cluster")
	assert.Contains(t, said, "the trust domain of the mesh is other.example here, and cluster.local in meshc.yaml")
	assert.Contains(t, said, "enableAutoMtls is not judged: callers open mutual TLS only where a DestinationRule says so")
	c.Apply(t, "helm", settings)

	// Put back as a controller does.
	c.deploy(t, project)
	ask(0, "verify", "--cluster")

	// What a rule asks for may be written otherwise, and is still the same.
	c.Edit(t, "kubectl-edit", cartPolicy, `{"metadata":{"labels":{"team":"a"},"annotations":{"note":"checked"}}}`)
	assert.Contains(t, ask(0, "diff", "--cluster", "--exit-code"), "0 files differ", "labels and annotations of others stay")

	// Gone, beside it, and what decides no request.
	c.Remove(t, policies+"db-ingress")
	said = ask(1, "verify", "--cluster")
	assert.Contains(t, said, "the project has the AuthorizationPolicy shop/db-ingress, which is missing from the manifests")
	assert.Contains(t, ask(1, "diff", "--cluster", "--exit-code"), "opened\n  shop/cart -> shop/db:5432")
	c.deploy(t, project)
	c.Apply(t, "kubectl-create", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: quick-fix, namespace: shop}\nspec:\n  action: DENY\n  rules: [{to: [{operation: {methods: [GET]}}]}]\n")
	said = ask(1, "verify", "--cluster")
	assert.Contains(t, said, "<cluster prod> shop/AuthorizationPolicy/quick-fix:")
	assert.Contains(t, said, "; last changed by kubectl-create at 20")
	assert.Contains(t, ask(0, "diff", "--cluster", "--exit-code"), "0 files differ", "an object of others stays, whatever is applied")
	assert.Contains(t, ask(1, "why", "web", "cart:8080", "GET", "/api/x", "--cluster", "--exit-code"), "quick-fix")
	c.Remove(t, policies+"quick-fix")
	c.Edit(t, "kubectl-patch", entriesOfShop+"mail", `{"spec":{"hosts":["evil.example.org"]}}`)
	said = ask(1, "verify", "--cluster")
	assert.Contains(t, said, "the ServiceEntry shop/mail is not what the project gives; last changed by kubectl-patch at 20")
	assert.Contains(t, ask(1, "diff", "--cluster", "--exit-code"), "evil.example.org")
	c.deploy(t, project)

	// What the project no longer gives.
	require.NoError(t, os.WriteFile(filepath.Join(project, "shop.mesh"), []byte(strings.Replace(intents, "cart -> db:5432\n", "", 1)), 0o644))
	assert.Contains(t, ask(1, "diff", "--cluster", "--exit-code"), "closed\n  shop/cart -> shop/db:5432")
	assert.Contains(t, ask(1, "verify", "--cluster"), "the project no longer gives the AuthorizationPolicy shop/db-ingress; last changed by argocd-controller at 20")
}

// TestClusterAlone asks a cluster without a project.
func TestClusterAlone(t *testing.T) {
	c, _ := shop(t)
	here := t.TempDir()
	ask := func(code int, args ...string) string {
		t.Helper()
		said, got := c.run(t, "admin", here, args...)
		assert.Equal(t, code, got, "meshc %s:\n%s", strings.Join(args, " "), said)
		return said
	}
	ask(0, "verify", "--cluster")
	assert.Contains(t, ask(0, "graph", "--cluster", "--format", "dot"), `"shop/web" -> "shop/cart"`)
	assert.Contains(t, ask(0, "why", "deployment/web", "cart.shop.svc.cluster.local:8080", "GET", "/api/x", "--cluster", "--exit-code"), "allowed")

	imported := filepath.Join(here, "imported")
	ask(0, "import", "--cluster", "-o", imported)
	text, err := os.ReadFile(filepath.Join(imported, "shop.mesh"))
	require.NoError(t, err)
	for _, line := range []string{"web -> cart:8080 GET /api/*", "cart -> db:5432"} {
		assert.Contains(t, string(text), line)
	}
	said, code := c.run(t, "admin", imported, "check", "--cluster")
	assert.Zero(t, code, said)
	said, code = c.run(t, "admin", imported, "diff", "--cluster")
	assert.Zero(t, code, said)
	assert.NotRegexp(t, `(?m)^(danger|opened|closed)$`, said)
}

// TestLeastPrivilege reads a cluster with the role of the documentation, and with less.
func TestLeastPrivilege(t *testing.T) {
	c, project := shop(t)
	role, err := os.ReadFile("../../../grammar/cluster-role.yaml")
	require.NoError(t, err)
	c.Apply(t, "admin", string(role))
	c.Apply(t, "admin", `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: meshc}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: meshc}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: on-call}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: meshc, namespace: istio-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: meshc}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: on-call}]
`)
	here := t.TempDir()
	verbs := map[string][]string{
		"verify": {project, "verify", "--cluster"},
		"alone":  {here, "verify", "--cluster"},
		"why":    {project, "why", "web", "cart:8080", "GET", "/api/x", "--cluster"},
		"graph":  {here, "graph", "--cluster"},
		"check":  {project, "check", "--cluster"},
		"diff":   {project, "diff", "--cluster"},
		"import": {here, "import", "--cluster", "-o", "imported"},
	}
	for name, verb := range verbs {
		said, code := c.run(t, "reader", verb[0], verb[1:]...)
		assert.Zero(t, code, "%s with the role of the documentation: %s", name, said)
		assert.NotContains(t, said, "cannot list", name)
	}
	require.NoError(t, os.RemoveAll(filepath.Join(here, "imported")))

	// Without one kind, what is left is judged.
	c.Apply(t, "admin", strings.NewReplacer("name: meshc", "name: limited", "authorizationpolicies, peerauthentications,", "authorizationpolicies,", "deployments, ", "").Replace(string(role)))
	c.Apply(t, "admin", `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: limited}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: limited}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: limited}]
`)
	for name, verb := range verbs {
		said, code := c.run(t, "limited", verb[0], verb[1:]...)
		assert.Equal(t, 1, code, "%s without some kinds: %s", name, said)
		want := "cannot list peerauthentications.security.istio.io: forbidden"
		if name == "check" {
			want = "cannot list deployments.apps: forbidden"
		}
		assert.Contains(t, said, want, name)
	}
	said, _ := c.run(t, "limited", project, "why", "web", "db", "--cluster")
	assert.Contains(t, said, "denied", "authorization policies could be read")

	// A user without any role reads nothing, and is told so.
	said, code := c.run(t, "nobody", project, "verify", "--cluster")
	assert.NotZero(t, code)
	assert.Contains(t, said, "it does not accept the credentials of the kubeconfig")
}

// TestLogs asks of an access log in a format that the settings of the cluster state.
func TestLogs(t *testing.T) {
	c, project := shop(t)
	c.Apply(t, "helm", `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    trustDomain: cluster.local
    accessLogFormat: "%START_TIME% %REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_REMOTE_ADDRESS%>%DOWNSTREAM_LOCAL_ADDRESS%\n"
`)
	for name, address := range map[string]string{"web": "10.1.0.1", "cart": "10.1.0.2"} {
		c.Apply(t, "admin", `apiVersion: v1
kind: Pod
metadata: {name: `+name+`-1, namespace: shop, labels: {app: `+name+`}}
spec: {serviceAccountName: `+name+`, containers: [{name: c, image: "example.org/c:1"}]}
`)
		c.Edit(t, "kubelet", "/api/v1/namespaces/shop/pods/"+name+"-1/status", `{"status":{"phase":"Running","podIP":"`+address+`","podIPs":[{"ip":"`+address+`"}]}}`)
	}
	log := filepath.Join(t.TempDir(), "access.log")
	require.NoError(t, os.WriteFile(log, []byte("2026-10-09T08:05:55.932Z POST /api/orders 403 rbac_access_denied_matched_policy[none] 10.1.0.1:54616>10.1.0.2:8080\n"), 0o644))
	said, code := c.run(t, "admin", project, "why", "--log", log, "--cluster")
	assert.Zero(t, code, said)
	assert.Contains(t, said, "shop/web -> shop/cart:8080: no rule lets it in")
	assert.Contains(t, said, "no rule allows it; AuthorizationPolicy shop/cart-ingress")
	said, code = c.run(t, "admin", t.TempDir(), "why", "--log", log, "--cluster=prod")
	assert.Zero(t, code, said)
	assert.Contains(t, said, "shop/web -> shop/cart:8080 POST /api/orders")
	said, code = c.run(t, "reader", project, "why", "--log", log, "--cluster")
	assert.Equal(t, 1, code, "reader has no role")
	assert.Contains(t, said, "note: cannot list pods: forbidden")
	said, code = c.run(t, "reader", t.TempDir(), "import", "--cluster", "prod", "-o", "imported")
	assert.Equal(t, 2, code)
	assert.Contains(t, said, "prod is a context of the kubeconfig")
}

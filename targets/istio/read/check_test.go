package read

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/source"
)

func manifests(t *testing.T, text string) *enforce.Layer {
	m, findings := Files([]*source.File{source.NewFile("policies.yaml", text)}, enforce.Mesh{})
	require.Empty(t, list(findings))
	return m
}

func TestPoliciesWithoutEffect(t *testing.T) {
	m := manifests(t, `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend, namespace: shop}
spec: {selector: {matchLabels: {app: backend}}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: gone, namespace: shop}
spec: {selector: {matchLabels: {app: gone}}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: backend, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {selector: {matchLabels: {app: backend}}, mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: canary, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}
spec: {selector: {matchLabels: {version: canary}}, mtls: {mode: DISABLE}}
`)
	workloads := []enforce.Workload{
		{Namespace: "shop", Labels: map[string]string{"app": "backend", "version": "canary"}},
		{Namespace: "shop", Labels: map[string]string{"app": "backend", "version": "stable"}},
	}
	assert.Equal(t, `policies.yaml:8:18: warning: the AuthorizationPolicy shop/gone binds no workload that is known here [MESH3004]
  note: it may bind pods whose manifests are not given
  help: compare its namespace and selector with the labels of the pods
policies.yaml:18:18: warning: the PeerAuthentication shop/canary has no effect on workloads that the older shop/backend selects [MESH3004]
  help: let every workload be selected by one PeerAuthentication
`, list(Check(m, workloads)))
	mode, by := m.For(workloads[0]).Mode(8080)
	assert.Equal(t, "STRICT by shop/backend", mode.String()+" by "+by.ID())
}

// The classes of requests that a proof asks about, with the callers that are let in.
func TestClassesOfAProof(t *testing.T) {
	m := manifests(t, `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend-ingress, namespace: shop}
spec:
  selector: {matchLabels: {app: backend}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/frontend-sa]}}]
    to: [{operation: {ports: ["8080"], methods: [GET], paths: [/api/*]}}]
`)
	const frontend = "cluster.local/ns/shop/sa/frontend-sa"
	split, err := enforce.NewClasses(space.Distinctions{
		Callers:    []space.Condition{space.Is(space.Identity, space.PrincipalPattern(frontend))},
		Operations: []space.Box{operation("8080", "GET", "/api/*")},
	}, m.For(backend))
	require.NoError(t, err)

	var sources []string
	for _, s := range split.Sources {
		assert.True(t, s.Elsewhere)
		sources = append(sources, s.Identity())
	}
	assert.Equal(t, []string{"", frontend, "cluster.local/ns/other/sa/other"}, sources)
	assert.Equal(t, 1, split.Source(space.Standard.Request(false, space.Facts{space.Identity: frontend})))
	let := map[string]int{}
	for _, r := range split.Operations {
		assert.Equal(t, enforce.Strict, r.Outcomes[0].Mode)
		for s := range r.Outcomes[0].Allowed.All() {
			q := split.From(r.Request, split.Sources[s])
			assert.Equal(t, space.Standard.Request(true, space.Facts{space.Identity: frontend, space.Port: "8080", space.Method: "GET", space.Path: "/api/", space.Host: split.Other.Text(space.Host)}), q)
			let[q.Identity()]++
		}
		assert.Zero(t, r.Outcomes[0].Undecided.Len())
	}
	assert.Equal(t, map[string]int{frontend: 1}, let)
	assert.Len(t, split.Operations, 6, "port 8080 or not, on TCP and on HTTP, there GET or not, there /api/* or not")
}

// The effect of policies in a dry run can be judged before they are enforced.
func TestDryRun(t *testing.T) {
	file := source.NewFile("policies.yaml", `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: default-deny, namespace: shop, annotations: {istio.io/dry-run: "true"}}
spec: {}
`)
	for shadow, want := range map[bool]string{
		false: "allow: no policy",
		true:  "deny by default: shop/default-deny selects it, and no ALLOW policy matches",
	} {
		m, findings := Files([]*source.File{file}, enforce.Mesh{Shadow: shadow})
		require.Empty(t, findings)
		assert.Equal(t, want, m.For(backend).Decide(onPort80).String())
	}
}

var onPort80 = space.Standard.Request(false, space.Facts{space.Port: "80"})

func operation(port, method, path string) space.Box {
	t := space.Standard
	return space.Box{space.Is(space.Port, t.Pattern(space.Port, port)), space.Is(space.Method, t.Pattern(space.Method, method)), space.Is(space.Path, t.Pattern(space.Path, path))}
}

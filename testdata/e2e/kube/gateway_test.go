package kube

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edge is a mesh in which everything is strict, with a gateway that passes calls on by a VirtualService and by an
// Ingress.
const edge = `apiVersion: apps/v1
kind: Deployment
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  selector: {matchLabels: {app: istio-ingressgateway, istio: ingressgateway}}
  template:
    metadata:
      labels: {app: istio-ingressgateway, istio: ingressgateway}
      annotations: {inject.istio.io/templates: gateway}
    spec:
      serviceAccountName: istio-ingressgateway-service-account
      containers: [{name: istio-proxy, image: auto, ports: [{containerPort: 8080}, {containerPort: 8443}]}]
---
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  type: LoadBalancer
  selector: {app: istio-ingressgateway, istio: ingressgateway}
  ports: [{name: http2, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {mode: SIMPLE, credentialName: shop}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [shop.example.org]
  gateways: [istio-system/public]
  http: [{route: [{destination: {host: web, port: {number: 8080}}}]}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: cart, namespace: shop}
spec:
  ingressClassName: istio
  rules: [{host: cart.example.org, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: cart, port: {number: 8080}}}}]}}]
`

// TestGateway asks about a gateway of a cluster: its listeners have a TLS of their own, whatever the mode of the mesh,
// and what it passes on is what routes say.
func TestGateway(t *testing.T) {
	c, _ := shop(t)
	c.Apply(t, "helm", edge)
	here := t.TempDir()
	ask := func(code int, args ...string) string {
		t.Helper()
		said, got := c.run(t, "admin", here, append(args, "--cluster")...)
		assert.Equal(t, code, got, "%v:\n%s", args, said)
		return said
	}
	for _, to := range []string{"istio-system/istio-ingressgateway:8443", "istio-ingressgateway.istio-system.svc.cluster.local:443"} {
		assert.Contains(t, ask(0, "why", "world", to), "allowed")
	}
	assert.Contains(t, ask(0, "why", "world", "shop/web:8080"), "denied")
	asked := ask(0, "why", "istio-system/istio-ingressgateway", "shop/web:8080")
	assert.Contains(t, asked, "denied")
	assert.Contains(t, asked, "the gateway istio-system/istio-ingressgateway passes calls on to shop/web:8080: VirtualService shop/web")
	assert.NotContains(t, asked, "deprecated") // what the server says of kinds
	found := ask(0, "verify")
	assert.Regexp(t, `route .* Ingress shop/cart forwards calls from the gateway of Ingresses to shop/cart:8080, but no policy lets in istio-system/istio-ingressgateway`, found)
	assert.Regexp(t, `route .* VirtualService shop/web forwards calls from Gateway istio-system/public to shop/web:8080`, found)
	assert.Contains(t, ask(0, "graph", "--format", "dot"), `"istio-system/istio-ingressgateway" [label="istio-ingressgateway"`)

	// A project that lets the gateway call one of them has a finding about the other.
	require.NoError(t, os.WriteFile(filepath.Join(here, "edge.mesh"), []byte(`mesh * strict
mesh istio-system
world -> istio-ingressgateway:8443
mesh shop strict
istio-system/istio-ingressgateway -> web:8080
`), 0o644))
	asked = ask(0, "check", "edge.mesh", "--all")
	assert.Regexp(t, `MESH2127.*Ingress shop/cart forwards calls from the gateway of Ingresses to shop/cart:8080, but no edge admits it`, asked)
	assert.NotContains(t, asked, "VirtualService shop/web")
}

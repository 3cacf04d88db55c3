// Package analysistest makes models for the tests of the analysis.
package analysistest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio"
	"github.com/meshc/meshc/targets/istio/read"
)

// Compile takes intents as far as manifests; any error of the compiler ends the test.
func Compile(t *testing.T, files ...compiler.Input) (*policy.Policy, []targets.Manifest) {
	t.Helper()
	return CompileWith(t, config.Default(), files...)
}

// CompileWith is Compile under other settings.
func CompileWith(t *testing.T, settings config.Project, files ...compiler.Input) (*policy.Policy, []targets.Manifest) {
	t.Helper()
	p, list, _ := compiler.Check(t.Context(), compiler.Inputs{
		Files: files, Config: settings, Today: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	})
	require.NoError(t, list.Err())
	manifests, list := istio.New(istio.Options{}).Emit(p)
	require.NoError(t, list.Err())
	return p, manifests
}

// Model reads manifests back for a policy; any finding ends the test.
func Model(t *testing.T, p *policy.Policy, manifests []targets.Manifest) *model.Model {
	t.Helper()
	var files []*source.File
	for _, m := range manifests {
		files = append(files, source.NewFile(m.Namespace+"/"+m.Kind+"/"+m.Name, m.YAML))
	}
	layer, list := read.Files(files, model.MeshSettings(p))
	require.NoError(t, list.Err())
	return model.New(p, layer)
}

// Shop is a small mesh with each kind of rule.
const Shop = `mesh shop strict
service frontend account frontend port 8080 http
service backend account backend port 8080 http port 9090 tcp
service db account db port 5432 tcp
service legacy outside address 10.0.3.0/24
mtls backend:9090 permissive
frontend -> backend:8080 GET /api/*
legacy -> backend:9090
deny frontend -> backend:8080 GET /api/internal/*
backend -> db
`

func Services(p *policy.Policy) map[string]*policy.Service {
	all := map[string]*policy.Service{}
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			all[s.ID()] = s
		}
	}
	return all
}

const Selected = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend, namespace: shop}
spec:
  selector: {matchLabels: {app: backend}}
  rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/frontend-sa], namespaces: [lab]}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: canary, namespace: shop}
spec:
  selector: {matchLabels: {app: backend, version: v2}}
  action: DENY
  rules: [{from: [{source: {serviceAccounts: [shop/backend-sa]}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: everywhere, namespace: istio-system}
spec:
  selector: {matchLabels: {app: metrics}}
  rules: [{from: [{source: {principals: [other.domain/ns/shop/sa/x]}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: canaries, namespace: istio-system}
spec:
  selector: {matchLabels: {version: v2}}
  rules: [{}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: ignored, namespace: istio-system}
spec:
  selector: {matchLabels: {app: ignored}}
`

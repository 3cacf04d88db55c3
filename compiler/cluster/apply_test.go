package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets"
)

func TestApplyKeepsWhatOthersMade(t *testing.T) {
	of := func(name, annotations, action string) string {
		return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"shop","creationTimestamp":"2026-11-01T00:00:00Z","annotations":{%s}},"spec":{"action":%q}}`, name, annotations, action)
	}
	const ours = `"meshc.dev/source":"shop.mesh"`
	a := &api{
		objects: map[string][]string{policiesPath: {
			of("changed", ours+`,"argocd.argoproj.io/tracking-id":"x"`, "DENY"),
			of("foreign", "", "DENY"),
			of("left", ours, "ALLOW"),
			of("same", ours+`,"note":"checked"`, "ALLOW"),
		}},
		forbidden: map[string]bool{"/apis/networking.istio.io/v1/destinationrules": true},
	}
	s, err := a.read(t, time.Minute)
	require.NoError(t, err)
	given := func(name string) targets.Manifest {
		return targets.Manifest{APIVersion: "security.istio.io/v1", Kind: "AuthorizationPolicy", Namespace: "shop", Name: name, Wave: 20, YAML: fmt.Sprintf(`apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  annotations:
    meshc.dev/source: shop.mesh
  name: %s
  namespace: shop
spec:
  action: ALLOW
`, name)}
	}
	before, after, names, err := s.Apply([]targets.Manifest{given("new"), given("changed"), given("same")})
	require.NoError(t, err)

	was, is := map[string]string{}, map[string]string{}
	for _, f := range before {
		was[f.Path] = string(f.Data)
	}
	for _, f := range after {
		is[f.Path] = string(f.Data)
	}
	const changed, same, left, foreign, added = "shop/20-authorizationpolicy-changed.yaml", "shop/20-authorizationpolicy-same.yaml", "shop/00-authorizationpolicy-left.yaml", "shop/00-authorizationpolicy-foreign.yaml", "shop/20-authorizationpolicy-new.yaml"
	assert.Equal(t, `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  annotations:
    argocd.argoproj.io/tracking-id: x
    meshc.dev/source: shop.mesh
  name: changed
  namespace: shop
spec:
  action: ALLOW
`, is[changed], "the content is the project's, and what others noted stays")
	assert.Contains(t, was[changed], "action: DENY")
	assert.Equal(t, was[same], is[same])
	assert.NotEmpty(t, was[left])
	assert.NotContains(t, is, left, "meshc made it, and the project no longer gives it")
	assert.NotEmpty(t, was[foreign])
	assert.Equal(t, was[foreign], is[foreign])
	assert.NotContains(t, was, added)
	assert.NotEmpty(t, is[added])
	assert.Equal(t, "<cluster prod> shop/AuthorizationPolicy/changed", names[changed])

	unread := 0
	for path, text := range was {
		if names[path] == "<cluster prod> destinationrules.networking.istio.io" {
			unread++
			assert.Equal(t, text, is[path], "what was not read is not known on either side")
		}
	}
	assert.Equal(t, 1, unread)
}

package kube

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStatus has verify read what istiod says of policies in a namespace of ambient mode, and overlook it in one of
// sidecars.
func TestStatus(t *testing.T) {
	c, _ := shop(t)
	c.Namespaces(t, "bank")
	c.Edit(t, "admin", "/api/v1/namespaces/bank", `{"metadata":{"labels":{"istio.io/dataplane-mode":"ambient"}}}`)
	for _, namespace := range []string{"shop", "bank"} {
		c.Apply(t, "kubectl-create", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: ask, namespace: "+namespace+"}\nspec: {action: CUSTOM, provider: {name: oidc}, rules: [{}]}\n")
	}
	c.Apply(t, "kubectl-create", `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nowhere, namespace: shop}
spec: {action: ALLOW, targetRefs: [{group: "", kind: Service, name: absent}], rules: [{}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: gets, namespace: bank}
spec: {action: ALLOW, rules: [{to: [{operation: {methods: [GET]}}]}]}
`)
	istiod := c.Istiod(t, "PILOT_ENABLE_AMBIENT=true")
	for _, policy := range []string{"shop/authorizationpolicies/ask", "bank/authorizationpolicies/ask", "bank/authorizationpolicies/gets", "shop/authorizationpolicies/nowhere"} {
		path, polls := "/apis/security.istio.io/v1/namespaces/"+policy, 0
		require.True(t, eventually(func() bool {
			if polls++; polls%100 == 0 { // istiod sometimes misses the first event
				c.Edit(t, "kubectl-annotate", path, fmt.Sprintf(`{"metadata":{"annotations":{"polls":"%d"}}}`, polls))
			}
			_, answer, err := c.Ask("GET", path, "", nil)
			return err == nil && bytes.Contains(answer, []byte(`Accepted"`))
		}, time.Minute), "istiod says nothing of %s: %s", policy, istiod.Log(t))
	}
	said, _ := c.run(t, "admin", t.TempDir(), "verify", "--cluster")
	assert.Contains(t, said, "bank/AuthorizationPolicy/ask:1: the mesh reports that it does not enforce this: ZtunnelAccepted is False: ztunnel does not support the CUSTOM action")
	assert.Contains(t, said, "bank/AuthorizationPolicy/gets:1: the mesh reports that it does not enforce all of this: ZtunnelAccepted is True: ztunnel does not support HTTP attributes (found: methods)")
	assert.Contains(t, said, "shop/AuthorizationPolicy/nowhere:1: the mesh reports that it does not enforce this: WaypointAccepted is False: Service shop/absent was not found")
	assert.NotRegexp(t, `shop/AuthorizationPolicy/ask:.* the mesh reports`, said, "sidecars enforce it")
}

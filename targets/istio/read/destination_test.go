package read

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/lang/source"
)

// TestDestination finds the DestinationRule that callers obey: one of their own namespace, else of the callee's, else of the
// root, and in each the one with the most specific host.
func TestDestination(t *testing.T) {
	rule := func(namespace, name, host, rest string) string {
		return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: %s}\nspec: {host: %q, %s trafficPolicy: {tls: {mode: DISABLE}}}\n", name, namespace, host, rest)
	}
	text := strings.Join([]string{
		rule("lab", "mine", "db.shop.svc.cluster.local", `exportTo: ["."],`),
		rule("shop", "short", "db", ""),
		rule("shop", "wide", "*.shop.svc.cluster.local", ""),
		rule("shop", "hidden", "api", `exportTo: ["."],`),
		rule("shop", "half", "cart.shop", ""), // Istio takes it for a host outside
		rule("istio-system", "all", "*.local", ""),
		rule("shop", "outside", "api.example.com", ""),
		strings.Replace(rule("lab", "none", "web.shop.svc.cluster.local", ""), "tls: {mode: DISABLE}", "connectionPool: {}", 1),
	}, "---\n")
	m, findings := Files([]*source.File{source.NewFile("rules.yaml", text)}, enforce.Mesh{})
	require.Empty(t, list(findings))
	for _, row := range []struct{ caller, service, namespace, want string }{
		{"lab", "db", "shop", "lab/mine"},
		{"pay", "db", "shop", "shop/short"},
		{"", "db", "shop", "shop/short"},
		{"pay", "web", "shop", "shop/wide"},
		{"lab", "web", "shop", "lab/none"},
		{"pay", "api", "shop", "shop/wide"},
		{"shop", "api", "shop", "shop/hidden"},
		{"pay", "cart", "shop", "shop/wide"},
		{"pay", "db", "lab", "istio-system/all"},
	} {
		got := "none"
		if d := m.Destination(row.caller, row.service, row.namespace); d != nil {
			got = d.ID()
		}
		assert.Equal(t, row.want, got, "%s calls %s.%s", row.caller, row.service, row.namespace)
	}
}

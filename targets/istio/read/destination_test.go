package read

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/lang/source"
)

// TestDestinationsOf finds the DestinationRule that callers obey: one of their own namespace, else of the callee's,
// else of the root, and in each the one with the most specific host.
func TestDestinationsOf(t *testing.T) {
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
		rule("shop", "two", "two", "exportTo: [lab, pay],"), // hides shop/wide from others
		rule("istio-system", "own", "db.shop.svc.cluster.local", `exportTo: ["."],`),
		rule("lab", "web", "api.shop.svc.cluster.local", "workloadSelector: {matchLabels: {app: web}},"),
		rule("lab", "v2", "api.shop.svc.cluster.local", "workloadSelector: {matchLabels: {app: web, version: v2}},"),
		rule("rev", "r1", "db", "") + "---\n" + strings.Replace(rule("rev", "r2", "db", ""), "name: r2", "name: r2, labels: {istio.io/rev: canary}", 1),
		strings.Replace(rule("lab", "none", "web.shop.svc.cluster.local", ""), "tls: {mode: DISABLE}", "connectionPool: {}", 1),
	}, "---\n")
	m, findings := Files([]*source.File{source.NewFile("rules.yaml", text)}, enforce.Mesh{})
	require.Len(t, findings, 1, "of the revision")
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
		{"lab", "two", "shop", "shop/two"},
		{"cart", "two", "shop", "istio-system/all"},
		{"istio-system", "db", "shop", "istio-system/own"},
		{"istio-system", "web", "shop", "shop/wide"},
		{"lab web", "api", "shop", "lab/v2 or lab/web"},
		{"lab db", "api", "shop", "none"},
		{"lab", "api", "shop", "lab/v2 or lab/web or none"},
		{"rev", "db", "rev", "rev/r1 or rev/r2"},
	} {
		namespace, app, _ := strings.Cut(row.caller, " ")
		caller := enforce.Workload{Namespace: namespace}
		if app != "" {
			caller.Labels = map[string]string{"app": app}
		}
		var got []string
		for _, d := range m.DestinationsOf(caller, row.service, row.namespace) {
			id := "none"
			if d != nil {
				id = d.ID()
			}
			if !slices.Contains(got, id) {
				got = append(got, id)
			}
		}
		assert.Equal(t, row.want, strings.Join(got, " or "), "%s calls %s.%s", row.caller, row.service, row.namespace)
	}
}

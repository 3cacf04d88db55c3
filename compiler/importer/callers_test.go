package importer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/importer"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/source"
)

// labelledAtWill is workloads with sidecars, several of an account and under any labels.
func labelledAtWill(r *rand.Rand) string {
	var b strings.Builder
	for _, namespace := range []string{"shop", "pay"} {
		for n := range r.IntN(6) {
			fmt.Fprintf(&b, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d%d, namespace: %s}
spec:
  template:
    metadata: {labels: {%s: %s, tier: %s, track: %s}}
    spec: {serviceAccountName: %s, containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}
`, n, namespace, pick(r, "app", "app.kubernetes.io/name", "component"), pick(r, "a", "b", "c"), pick(r, "back", "front"), pick(r, "stable", "canary"), pick(r, "a", "b", "a-sa"))
		}
	}
	return b.String()
}

// everyCaller is a policy that names the accounts of workloads.
const everyCaller = `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: api, namespace: edge}
spec:
  selector: {matchLabels: {app: api}}
  rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/a, cluster.local/ns/shop/sa/b, cluster.local/ns/shop/sa/a-sa, cluster.local/ns/pay/sa/a, cluster.local/ns/pay/sa/b, cluster.local/ns/pay/sa/a-sa]}}]}]
`

// A service with an account that workloads run under selects pods of that account and no others, or says that this is
// assumed.
func TestCallersSelectTheirPods(t *testing.T) {
	shown, assumed := 0, 0
	for seed := range 4 * *seeds {
		r := rand.New(rand.NewPCG(seed, 8))
		policies, workloads := randomPolicies(r, seed%2 == 0)+everyCaller, labelledAtWill(r)
		inputs := []inventory.Input{{File: source.NewFile("k8s.yaml", workloads)}}
		result, err := importer.Import(context.Background(), importer.Given{Manifests: files(policies), Workloads: inputs, Settings: config.Default()})
		require.NoError(t, err, "seed %d\n%s\n%s", seed, policies, workloads)
		set, _ := inventory.Read(inputs)
		for _, f := range result.Files {
			if !strings.HasSuffix(f.Name, ".mesh") {
				continue
			}
			parsed, _ := lang.Parse(f.Name, []byte(f.Text))
			namespace := ""
			for _, stmt := range parsed.Stmts {
				if m, ok := stmt.(*lang.Mesh); ok {
					namespace = m.Name.Text
				}
				s, ok := stmt.(*lang.Service)
				if !ok || len(s.Accounts) == 0 {
					continue
				}
				line, _, _ := strings.Cut(f.Text[stmt.Span().Start:], "\n")
				if strings.HasSuffix(line, " is assumed") {
					assumed++
					continue
				}
				labels := map[string]string{policy.NamingLabels[0]: s.Name.Text}
				if len(s.Labels) > 0 {
					clear(labels)
				}
				for _, l := range s.Labels {
					labels[l.Key.Text] = l.Value.Text
				}
				var accounts []string
				for _, w := range set.Workloads {
					selected := w.Namespace == namespace
					for k, v := range labels {
						selected = selected && w.Labels[k] == v
					}
					if selected {
						accounts = append(accounts, w.Account)
					}
				}
				if strings.HasSuffix(line, "the account is assumed from the name") || len(set.Workloads) == 0 {
					continue
				}
				require.NotEmpty(t, accounts, "seed %d: %s\n%s\n%s", seed, line, policies, workloads)
				for _, a := range accounts {
					require.Equal(t, s.Accounts[0].Text, a, "seed %d: %s\n%s\n%s", seed, line, policies, workloads)
				}
				shown++
			}
		}
	}
	t.Log(shown, assumed)
	assert.Greater(t, shown, 100)
	assert.Greater(t, assumed, 20)
}

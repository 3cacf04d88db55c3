package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/cilium/read"
)

// What meshc decides about policies that somebody else wrote is what Cilium does, where it decides.
func TestPolicies(t *testing.T) {
	decisions, allowed, undecided, refused := 0, 0, 0, 0
	for seed := range uint64(*count) {
		b, err := newProject(seed + 1<<22).Build()
		require.NoError(t, err)
		j, err := newJudge(b, b.Manifests)
		require.NoError(t, err)
		r := rand.New(rand.NewPCG(seed, 16))
		manifests := handwritten(r)
		if j.cluster, err = newCluster(manifests, j.ends); err != nil {
			_, findings := read.Files(compiler.Sources(manifests), model.MeshSettings(b.Policy))
			require.NotEmpty(t, findings, "seed %d: to meshc it is fine, and Cilium says: %v", seed, err)
			refused++
			continue
		}
		files, mesh := compiler.Sources(manifests), model.MeshSettings(b.Policy)
		j.layer, _ = read.Files(files, mesh)
		j.datagrams, _ = read.Datagrams(files, mesh)
		err = j.every(r, func(from, to *end, q *request) error {
			passes, err := j.cluster.permits(from, to, q)
			if err != nil {
				return err
			}
			switch ours := j.ours(from, to, q); ours.Verdict {
			case verdict(passes):
				decisions++
			case enforce.Undecided:
				undecided++
			default:
				return fmt.Errorf("to Cilium it passes: %t, to meshc it is %s", passes, ours)
			}
			if passes {
				allowed++
			}
			return nil
		})
		require.NoError(t, err, "seed %d\n%s", seed, targets.Stream(manifests))
	}
	t.Logf("%d sets of policies, %d refused by Cilium; %d decisions compared (%d let through), and %d undecided", *count, refused, decisions, allowed, undecided)
	require.Greater(t, allowed, 20**count)
	require.Greater(t, decisions-allowed, 20**count)
	require.Less(t, undecided, decisions/4)
	require.Less(t, refused, *count/4)
}

// handwritten is a set of policies whose rules overlap in callers, ports and requests.
func handwritten(r *rand.Rand) (all []targets.Manifest) {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for n := range 3 + r.IntN(4) {
		var y strings.Builder
		namespace := pick(namespaces...)
		fmt.Fprintf(&y, "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p%d, namespace: %s}\nspec:\n  endpointSelector: %s\n", n, namespace,
			pick("{}", "{matchLabels: {app: s0}}", "{matchLabels: {app: s1}}"))
		for _, section := range [...]string{"ingress", "ingressDeny"} {
			rules := 1 + r.IntN(3)
			if section == "ingressDeny" {
				rules = max(rules-2, 0)
			}
			if rules > 0 {
				fmt.Fprintf(&y, "  %s:\n", section)
			}
			for range rules {
				fmt.Fprintf(&y, "  - %s\n", pick("fromEntities: [all]", "fromEntities: [cluster, world]", "fromEndpoints: [{}]",
					"fromEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: shop, io.cilium.k8s.policy.serviceaccount: s0}}]",
					"fromEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: web}}]",
					"fromEndpoints: [{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: NotIn, values: [stock]}]}]",
					"fromCIDR: [10.0.3.0/24]"))
				if r.IntN(5) == 0 {
					continue
				}
				fmt.Fprintf(&y, "    toPorts:\n")
				for range 1 + r.IntN(2) {
					protocol := pick("TCP", "TCP", "TCP", "TCP", "TCP", "ANY")
					ports := pick(`{port: "8080", protocol: %[1]s}`, `{port: "8080", protocol: %[1]s}`, `{port: "9090", protocol: %[1]s}, {port: "5432", protocol: %[1]s}`,
						`{port: "8000", endPort: 9000, protocol: %[1]s}`, `{port: "5000", endPort: 9100, protocol: %[1]s}`, `{port: "0", protocol: %[1]s}`)
					fmt.Fprintf(&y, "    - ports: ["+ports+"]\n", protocol)
					if takes := protocol == "TCP" && !strings.Contains(ports, `"0"`) || r.IntN(20) == 0; section == "ingress" && takes && r.IntN(2) == 0 {
						fmt.Fprintf(&y, "      rules: {http: [%s]}\n", pick("{}", "{method: GET}", "{path: '/api/.*'}", "{method: GET|HEAD, path: /api}, {method: POST}", "{host: 'shop[.]example[.]com'}", "{headers: [x-tenant]}"))
					}
				}
			}
		}
		all = append(all, targets.Manifest{Name: fmt.Sprintf("p%d", n), Namespace: namespace, YAML: y.String()})
	}
	return slices.Clip(all)
}

package importer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/importer"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// randomWorkloads is the workloads of two namespaces, of which one is in ambient mode.
func randomWorkloads(r *rand.Rand) string {
	var b strings.Builder
	labels := map[string]string{"shop": "istio.io/dataplane-mode: ambient", "pay": "istio-injection: enabled"}
	if r.IntN(4) > 0 {
		labels["shop"] += ", istio.io/use-waypoint: waypoint"
	}
	for _, namespace := range []string{"shop", "pay"} {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {%s}}\n", namespace, labels[namespace])
		for _, name := range []string{"a", "b"} {
			fmt.Fprintf(&b, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {serviceAccountName: %[1]s, containers: [{name: c, image: i, ports: [{containerPort: 8080}, {containerPort: 9090}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: %[2]s}
spec: {selector: {app: %[1]s}, ports: [{name: http, port: %[3]s, targetPort: 8080}%[4]s]}
`, name, namespace, pick(r, "80", "8080"), pick(r, "", ", {name: http-2, port: 9090}"))
		}
	}
	return b.String()
}

// importWith imports policies with workloads, which the project names, and builds the project. False if something is
// wrong with the policies.
func importWith(t *testing.T, policies, workloads string) (_ *importer.Result, now string, ok bool) {
	t.Helper()
	result, err := importer.Import(context.Background(), importer.Given{
		Manifests: files(policies), Workloads: []inventory.Input{{File: source.NewFile("k8s.yaml", workloads)}}, WorkloadPaths: []string{"k8s.yaml"}, Settings: config.Default(),
	})
	require.NoError(t, err, "%s\n%s", policies, workloads)
	if result.Findings.HasErrors() || result.Count(importer.Refused) > 0 {
		return result, "", false
	}
	manifests, accepted := built(t, &importer.Result{Files: append(result.Files, importer.File{Name: "k8s.yaml", Text: workloads})})
	return result, strings.Join(append(accepted, manifests), "---\n"), true
}

// alikeOnTheWay decides random requests by two sets of manifests, at the waypoints of workloads and at their pods.
func alikeOnTheWay(t *testing.T, r *rand.Rand, a, b, workloads, why string) {
	t.Helper()
	deployed := func(text string) *compiler.Deployed {
		return compiler.ReadDeployed(files(text), []inventory.Input{{File: source.NewFile("k8s.yaml", workloads)}}, config.Default(), false)
	}
	old, now := deployed(a), deployed(b)
	for _, s := range old.Model.Policy.Services() {
		p, q := old.Model.Callee(s), now.Model.Callee(s)
		for range 80 {
			request := randomRequest(r)
			if !model.Occurs(s, &request) {
				continue
			}
			if x, y := p.Decide(request), q.Decide(request); x.Verdict != y.Verdict {
				require.Fail(t, "decided differently", "%s, %s from %q on %d: %s, and %s\n%s", s.ID(), request.Text(space.Method)+request.Text(space.Path), request.Identity(), request.Port(), x, y, why)
			}
		}
	}
}

// ambientPolicies is random policies of which some bind Services at a waypoint.
func ambientPolicies(r *rand.Rand, deployed bool) string {
	var policies strings.Builder
	for object := range strings.SplitSeq(randomPolicies(r, deployed), "---\n") {
		if strings.Contains(object, "namespace: shop") && r.IntN(2) == 0 {
			object = strings.ReplaceAll(object, "selector: {matchLabels: {app: a}}", `targetRefs: [{kind: Service, group: "", name: a}]`)
			object = strings.ReplaceAll(object, "selector: {matchLabels: {app: b}}", `targetRefs: [{kind: Service, group: "", name: b}]`)
		}
		if object != "" {
			policies.WriteString("---\n" + object)
		}
	}
	return policies.String()
}

// Policies of pods in ambient mode and of waypoints are said where that lets through the same on the whole way to the
// pods.
func TestPoliciesInAmbientMode(t *testing.T) {
	outcomes := map[importer.Outcome]int{}
	for seed := range 2 * *seeds {
		r := rand.New(rand.NewPCG(seed, 4))
		policies := ambientPolicies(r, seed%2 == 0)
		workloads := randomWorkloads(r)
		result, now, ok := importWith(t, policies, workloads)
		if !ok {
			continue
		}
		for i := range result.Objects {
			outcomes[result.Objects[i].Outcome]++
		}
		alikeOnTheWay(t, r, policies, now, workloads, fmt.Sprintf("seed %d\n%s\n%s\n%s", seed, policies, workloads, now))
	}
	t.Log(outcomes)
	assert.Greater(t, outcomes[importer.Said], 20)
}

// What a project in ambient mode builds is said again, with the waypoints that its Services name.
func TestProjectsInAmbientMode(t *testing.T) {
	projects, said, all := 0, 0, 0
	for seed := range *seeds {
		r := rand.New(rand.NewPCG(seed, 5))
		workloads := randomWorkloads(r)
		var intents strings.Builder
		intents.WriteString("mesh shop " + pick(r, "strict", "permissive") + "\n")
		for range 1 + r.IntN(5) {
			fmt.Fprintf(&intents, "%s%s -> %s\n", pick(r, "", "", "", "deny "), pick(r, "a", "b", "a, b", "pay/a", "shop/*", "pay/*"), pick(r, "a", "b", "a:8080", "b:9090", "a:8080 GET /api/*", "b:8080 POST", "b:9090 GET /x except /x/*"))
		}
		inputs := compiler.Inputs{
			Files: []compiler.Input{{Name: "in.mesh", Text: []byte(intents.String())}}, Workloads: []inventory.Input{{File: source.NewFile("k8s.yaml", workloads)}}, Config: config.Default(),
		}
		parsed, err := compiler.Parse(context.Background(), inputs)
		require.NoError(t, err)
		b, err := parsed.Build(context.Background(), parsed.Config)
		require.NoError(t, err)
		if b.Findings.HasErrors() {
			continue
		}
		projects++
		text := string(targets.Stream(b.Manifests))
		result, now, ok := importWith(t, text, workloads)
		require.True(t, ok)
		alikeOnTheWay(t, r, text, now, workloads, fmt.Sprintf("seed %d\n%s\n%s\n%s", seed, intents.String(), text, now))
		for i := range result.Objects {
			if all++; result.Objects[i].Outcome == importer.Said {
				said++
			} else {
				t.Logf("seed %d: %s: %s\n%s", seed, result.Objects[i].ID(), result.Objects[i].Reason, intents.String())
			}
		}
	}
	t.Log(projects, said, all)
	assert.Greater(t, projects, 10)
	assert.Equal(t, all, said)
}

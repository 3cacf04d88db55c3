package conformance

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets/istio/conformance/envoy"
	"github.com/meshc/meshc/targets/istio/conformance/ztunnel"
)

// ambientJudge holds both views of one ambient workload.
type ambientJudge struct {
	istiod   *Ambient
	workload Workload
	callee   *enforce.Point
}

func newAmbientJudge(istiod *Ambient, manifests *enforce.Layer, w Workload) *ambientJudge {
	return &ambientJudge{istiod, w, manifests.For(enforce.Workload{Namespace: w.Namespace, Labels: w.Labels, Dataplane: policy.Ambient})}
}

func (j *ambientJudge) allows(q *envoy.Request) bool {
	return j.istiod.Decide(j.workload, ztunnel.Connection{Peer: q.Peer, Source: q.Source, Destination: q.Destination, Port: q.Port})
}

func (j *ambientJudge) differ(q envoy.Request) error {
	if err := same(j.allows(&q), j.callee.Decide(asked(&q)), false); err != nil {
		mode, _ := j.callee.Mode(q.Port)
		return fmt.Errorf("port %s: %w\n%s\nto %v, which has\n%v", mode, err, show(&q), j.workload, j.istiod.Policies(j.workload))
	}
	return nil
}

// classes compares both sides on one request of each class, or of so many.
func (j *ambientJudge) classes(r *rand.Rand, most int) (int, error) {
	return eachClass(r, j.callee, most, func(region *enforce.Class, source int, q envoy.Request) error {
		if err := j.differ(q); err != nil {
			return err
		}
		if got, want := region.Outcomes[0].Allowed.Has(source), j.allows(&q); got != want || region.Outcomes[0].Undecided.Has(source) {
			return fmt.Errorf("in its classes meshc says allowed: %t, Istio says %t\n%s\nto %v", got, want, show(&q), j.workload)
		}
		return nil
	})
}

// TestAmbientPolicies compares meshc's evaluation with what ztunnel makes of policies as people write them, with every
// field.
func TestAmbientPolicies(t *testing.T) {
	t.Parallel()
	clusters, policies, decisions, allowed := 0, 0, 0, 0
	for seed := range size(t, 1500) {
		c := newCluster(seed, seed%3 == 0)
		istiod, err := StartAmbient([]byte(c.yaml), c.Options, c.workloads)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, c.yaml)
		}
		manifests, findings := readYAML(c.yaml, c.Options)
		if findings.HasErrors() {
			t.Errorf("seed %d: meshc rejects what Istio accepts: %v\n%s", seed, firstError(findings), c.yaml)
			continue
		}
		clusters++
		policies += len(manifests.Policies)
		r := rand.New(rand.NewPCG(seed, 4))
		for _, w := range c.workloads {
			j := newAmbientJudge(istiod, manifests, w)
			n, err := j.classes(r, 60)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, c.yaml)
			}
			decisions += n
			for range 30 {
				q := c.request(r)
				if err := j.differ(q); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, c.yaml)
				}
				if j.allows(&q) {
					allowed++
				}
				decisions++
			}
		}
	}
	t.Logf("%d clusters, %d policies, %d decisions compared (%d allowed)", clusters, policies, decisions, allowed)
}

// TestAmbientSelectors has selectors without labels, which are not like none to istiod.
func TestAmbientSelectors(t *testing.T) {
	t.Parallel()
	const peers = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: mesh, namespace: istio-system}
spec: {%s, mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: all, namespace: shop}
spec: {%s, mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: web, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, mtls: {mode: %s}, portLevelMtls: {8080: {mode: %s}}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: all, namespace: shop}
spec: {%s, action: DENY, rules: [{to: [{operation: {ports: ["9090"]}}]}]}
`
	modes := []string{"UNSET", "DISABLE", "PERMISSIVE", "STRICT"}
	forms := []string{"selector: {}", "selector: null"}
	workloads := []Workload{{Namespace: "shop", Labels: map[string]string{"app": "web"}}, {Namespace: "istio-system", Labels: map[string]string{"app": "web"}}}
	for i := range len(forms) * len(forms) * len(modes) * len(modes) {
		form, other := forms[i%2], forms[i/2%2]
		yaml := fmt.Sprintf(peers, form, other, modes[i/4%4], modes[i/16], form)
		istiod, err := StartAmbient([]byte(yaml), Options{}, workloads)
		if err != nil {
			t.Fatal(err)
		}
		manifests, _ := readYAML(yaml, Options{})
		for _, w := range workloads {
			if _, err := newAmbientJudge(istiod, manifests, w).classes(rand.New(rand.NewPCG(1, 1)), 1000); err != nil {
				t.Errorf("%v\n%s", err, yaml)
			}
		}
	}
}

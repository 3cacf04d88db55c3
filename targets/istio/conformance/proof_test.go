package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
	"github.com/meshc/meshc/testdata/draft"
)

// proven runs the proof of a build on manifests.
func proven(p *policy.Policy, stream string) error {
	manifests, findings := read.Files([]*source.File{source.NewFile("manifests.yaml", stream)}, model.MeshSettings(p))
	if findings.HasErrors() {
		return findings.Err()
	}
	return model.New(p, manifests).Prove(context.Background())
}

// TestProofFindsFaults injects a fault into the manifests of generated projects. If Istio then decides a request
// differently from the intents, the proof of the build must fail.
func TestProofFindsFaults(t *testing.T) {
	t.Parallel()
	planted, refused, seen, caught := 0, 0, 0, 0
	for seed := range size(t, 1000) {
		p := newProject(seed + 1<<20)
		built, err := p.build()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.text())
		}
		if built.policy.DryRun {
			continue
		}
		r := rand.New(rand.NewPCG(seed, 9))
		for range 4 {
			stream := string(targets.Stream(faults.Put(r, built.manifests)))
			istiod, err := Start([]byte(stream), served(built.policy))
			planted++
			if err != nil {
				refused++
				continue
			}
			proof := proven(built.policy, stream)
			if proof != nil {
				caught++
			}
			witness, err := contradiction(built.policy, istiod, r)
			switch {
			case err != nil:
				t.Fatalf("seed %d: %v\n%s", seed, err, stream)
			case witness != "" && proof == nil:
				t.Fatalf("seed %d: the proof holds, but Istio disagrees with the intents: %s\n%s\n%s", seed, witness, p.text(), stream)
			case witness != "":
				seen++
			}
		}
	}
	t.Logf("%d faults: %d rejected by Istio, %d found by the proof, %d of them visible in Istio's decisions on random requests", planted, refused, caught, seen)
}

// faults are those of Istio's policies.
var faults = draft.Faults{Texts: []string{"x", "*", "0"}, Values: map[string][]string{
	"mode": {"STRICT", "PERMISSIVE", "DISABLE", "UNSET"}, "app": serviceNames,
	"action": nil, "issuer": nil, "jwksUri": nil, "key": nil, "outputPayloadToHeader": nil,
}}

// contradiction looks for a request that Istio decides differently from the intents, and returns "" if it finds none.
func contradiction(p *policy.Policy, istiod *Istiod, r *rand.Rand) (string, error) {
	a := newAsker(r, p)
	for _, m := range p.Meshes {
		for _, s := range m.Services {
			if !s.Proxied() || m.Name == p.RootNamespace && s.Dataplane != policy.Gateway {
				continue
			}
			w := pod(s)
			chains, err := istiod.Chains(w)
			if err != nil {
				return "", err
			}
			intents := intended{p, m, s, false}
			for range 40 {
				q := a.request(s)
				if got, want := istiod.Decide(w, chains, q), intents.permits(q); spoken(s, &q) && got != want {
					return fmt.Sprintf("permitted: %t, want %t\n%s to %s", got, want, show(&q), s.ID()), nil
				}
			}
		}
	}
	return "", nil
}

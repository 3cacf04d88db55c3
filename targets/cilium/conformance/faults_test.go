package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cilium/cilium/pkg/u8proto"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/network"
	meshc "github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/cilium"
	"github.com/meshc/meshc/targets/cilium/read"
	"github.com/meshc/meshc/testdata/draft"
)

var (
	errVisible    = errors.New("visible")
	errRedirected = errors.New("redirected to a proxy")
)

// A fault in emitted policies that Cilium takes, and that shows in one of its decisions, fails the proof of the build.
func TestProofFindsFaults(t *testing.T) {
	planted, refused, seen, caught := 0, 0, 0, 0
	for seed := range uint64(*count / 2) {
		p := newProject(seed + 1<<20)
		b, err := p.Build()
		require.NoError(t, err, "seed %d\n%s", seed, p)
		r := rand.New(rand.NewPCG(seed, 14))
		for range 6 {
			manifests := faults.Put(r, b.Manifests)
			planted++
			all := ends(b.Policy)
			c, err := newCluster(manifests, all)
			if err != nil {
				refused++
				continue
			}
			proof := prove(b, manifests)
			if proof != nil {
				caught++
			}
			j, err := newJudge(b, b.Manifests)
			require.NoError(t, err)
			j.cluster, j.ends = c, all
			err = j.each(r, func(from, to *end, q *request) error {
				passes, err := c.permits(from, to, q)
				if err == nil && passes != intends(b.Policy, j.spared, from, to, q) {
					err = errVisible
				}
				return err
			})
			if errors.Is(err, errVisible) {
				seen++
				require.Error(t, proof, "seed %d: the proof holds, but Cilium decides otherwise: %v\n%s\n%s", seed, err, p, targets.Stream(manifests))
				continue
			}
			require.NoError(t, err)
		}
	}
	t.Logf("%d faults: %d refused by Cilium, %d found by the proof, %d of them visible in Cilium's decisions", planted, refused, caught, seen)
	require.Greater(t, seen, planted/8)
}

// The same for what pods may call: a fault by which Cilium shuts an edge, or opens what no edge is about, fails the
// proof.
func TestProofFindsEgressFaults(t *testing.T) {
	planted, refused, seen, caught := 0, 0, 0, 0
	target := cilium.New(cilium.Options{Egress: true}).(targets.Meshless)
	for seed := range uint64(*count / 2) {
		r := rand.New(rand.NewPCG(seed, 16))
		p := newProject(seed + 1<<22)
		leaving(p, r)
		b, err := p.Build()
		require.NoError(t, err, "seed %d\n%s", seed, p)
		intents := network.NewIntents(b.Policy)
		for range 6 {
			manifests := faults.Put(r, b.Manifests)
			planted++
			all := append(ends(b.Policy), hostEnds(slices.Concat(b.Manifests, manifests))...)
			c, err := newCluster(manifests, all)
			if err != nil {
				refused++
				continue
			}
			layer, findings := target.ReadNetwork(compiler.Sources(manifests))
			proof, err := intents.Prove(context.Background(), layer, target.Isolates())
			require.NoError(t, err)
			if len(proof) > 0 || findings.HasErrors() {
				caught++
			}
			if wrong := c.strays(t, b.Policy, all); wrong != "" {
				seen++
				require.True(t, len(proof) > 0 || findings.HasErrors(), "seed %d: the proof holds, but to Cilium %s\n%s\n%s", seed, wrong, p, targets.Stream(manifests))
			}
		}
	}
	t.Logf("%d faults: %d refused by Cilium, %d found by the proof, %d of them visible in Cilium's decisions", planted, refused, caught, seen)
	require.Greater(t, seen, planted/16)
}

// strays is a connection out of a pod that an edge needs and that is shut, or that nothing is about and that passes;
// empty where there is none.
func (c *cluster) strays(t *testing.T, p *meshc.Policy, all []*end) string {
	for _, from := range all {
		for _, to := range all {
			for _, port := range append(slices.Clone(ports), 443, 80) {
				for _, protocol := range []u8proto.U8proto{u8proto.TCP, u8proto.UDP} {
					if from.namespace == "" {
						continue
					}
					passes, err := c.leaves(from, to, port, protocol)
					if errors.Is(err, errRedirected) { // what the proxy would make of it is not known
						continue
					}
					require.NoError(t, err)
					if needs, may := calls(p, from, to, port, protocol == u8proto.UDP); needs && !passes || passes && !may {
						return fmt.Sprintf("it passes: %t; %s calls %s, port %d of %s", passes, from, to, port, protocol)
					}
				}
			}
		}
	}
	return ""
}

// prove is the proof of a build.
func prove(b *compiler.Build, manifests []targets.Manifest) error {
	files, mesh := compiler.Sources(manifests), model.MeshSettings(b.Policy)
	layer, findings := read.Files(files, mesh)
	if findings.HasErrors() {
		return findings.Err()
	}
	datagrams, _ := read.Datagrams(files, mesh)
	return errors.Join(model.New(b.Policy, layer).Prove(context.Background()), model.New(model.Datagrams(b.Policy), datagrams).Prove(context.Background()))
}

// faults are those of policies of Cilium.
var faults = draft.Faults{Texts: []string{"x", "1", "*", "/8"}}

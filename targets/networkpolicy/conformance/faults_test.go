package conformance

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/network"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/networkpolicy"
	"github.com/meshc/meshc/testdata/draft"
)

// A fault in emitted NetworkPolicies that the API server would take, and that changes a decision of cyclonus, fails the
// proof of the build.
func TestProofFindsFaults(t *testing.T) {
	planted, refused, seen, caught := 0, 0, 0, 0
	for seed := range uint64(*count / 4) {
		p := newProject(seed + 1<<20)
		b, err := p.Build()
		require.NoError(t, err, "seed %d\n%s", seed, p)
		var policies []targets.Manifest
		for _, m := range b.Manifests {
			if m.Kind == "NetworkPolicy" {
				policies = append(policies, m)
			}
		}
		right := newJudge(t, b)
		all := ends(b.Policy)
		intents := network.NewIntents(b.Policy)
		isolates := [2]bool{network.Ingress: true, network.Egress: strings.Contains(p.Settings, "egress")}
		r := rand.New(rand.NewPCG(seed, 14))
		for range 6 {
			manifests := faults.Put(r, policies)
			planted++
			cyclonus, valid := understood(manifests)
			if !valid {
				refused++
				continue
			}
			proof := prove(t, intents, manifests, isolates)
			if len(proof) > 0 {
				caught++
			}
			from, to, port, valid := differ(&right, &judge{cyclonus: cyclonus}, all)
			switch {
			case !valid:
				refused++
			case from != nil:
				seen++
				require.NotEmpty(t, proof, "seed %d: the proof holds, but cyclonus decides otherwise: %s to %s, port %d\n%s\n%s", seed, from.name, to.name, port, p, targets.Stream(changed(policies, manifests)))
			}
		}
	}
	t.Logf("%d faults: %d no NetworkPolicy any more, %d found by the proof, %d of them visible in cyclonus' decisions", planted, refused, caught, seen)
	require.Greater(t, seen, planted/8)
}

// understood reads manifests as cyclonus does; what it cannot read is not valid.
func understood(manifests []targets.Manifest) (policy *matcher.Policy, valid bool) {
	defer func() { valid = recover() == nil && policy != nil }()
	var objects []*networking.NetworkPolicy
	for _, m := range manifests {
		o := new(networking.NetworkPolicy)
		if err := yaml.UnmarshalStrict([]byte(m.YAML), o); err != nil {
			return nil, false
		}
		objects = append(objects, o)
	}
	return matcher.BuildNetworkPolicies(false, objects), true
}

// prove is the proof of a build.
func prove(t *testing.T, intents *network.Intents, manifests []targets.Manifest, isolates [2]bool) []string {
	layer, findings := networkpolicy.New(networkpolicy.Options{}).(targets.Network).Read(compiler.Sources(manifests))
	if findings.HasErrors() {
		return []string{findings.Err().Error()}
	}
	witnesses, err := intents.Prove(context.Background(), layer, isolates)
	require.NoError(t, err)
	return witnesses
}

// differ returns a connection that two judges decide differently. Cyclonus panics at what the API server refuses.
func differ(a, b *judge, all []end) (from, to *end, port int, valid bool) {
	defer func() { valid = recover() == nil }()
	for i := range all {
		for k := range all {
			if from, to := &all[i], &all[k]; i != k && (from.namespace != "" || to.namespace != "") {
				for _, protocol := range []core.Protocol{core.ProtocolTCP, core.ProtocolUDP} {
					for _, port := range ports {
						if a.asked(from, to, port, protocol).IsAllowed() != b.asked(from, to, port, protocol).IsAllowed() {
							return from, to, port, true
						}
					}
				}
			}
		}
	}
	return nil, nil, 0, true
}

// changed is the objects of which one was changed or removed, as they were and as they are.
func changed(was, is []targets.Manifest) (all []targets.Manifest) {
	for _, list := range [][2][]targets.Manifest{{was, is}, {is, was}} {
		for _, m := range list[0] {
			if !slices.ContainsFunc(list[1], func(o targets.Manifest) bool { return o.YAML == m.YAML }) {
				all = append(all, m)
			}
		}
	}
	return all
}

// faults are those of NetworkPolicies.
var faults = draft.Faults{Texts: []string{"x", "1", "0"}}

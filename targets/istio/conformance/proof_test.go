package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
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
	faults, refused, seen, caught := 0, 0, 0, 0
	for seed := range size(t, 1000) {
		p := newProject(seed + 1<<20)
		built, err := p.build()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p.text())
		}
		if built.policy.DryRun {
			continue
		}
		var documents []string
		for _, m := range built.manifests {
			documents = append(documents, string(m.YAML))
		}
		r := rand.New(rand.NewPCG(seed, 9))
		for range 4 {
			stream := strings.Join(fault(r, documents), "---\n")
			istiod, err := Start([]byte(stream), served(built.policy))
			faults++
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
	t.Logf("%d faults: %d rejected by Istio, %d found by the proof, %d of them visible in Istio's decisions on random requests", faults, refused, caught, seen)
}

// fault changes one line of a document, or removes a document.
func fault(r *rand.Rand, documents []string) []string {
	documents = slices.Clone(documents)
	if len(documents) == 0 {
		return documents
	}
	d := r.IntN(len(documents))
	if r.IntN(10) == 0 {
		return slices.Delete(documents, d, d+1)
	}
	var items, candidates []int
	lines := strings.SplitAfter(documents[d], "\n")
	spec := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "spec") })
	for i := max(spec, 0); i < len(lines); i++ {
		switch l := strings.TrimSpace(lines[i]); {
		case strings.HasPrefix(l, "- ") && !strings.HasSuffix(l, ":"):
			items = append(items, i)
			candidates = append(candidates, i)
		case strings.HasPrefix(l, "issuer: "), strings.HasPrefix(l, "jwksUri: "), strings.HasPrefix(l, "key: "), strings.HasPrefix(l, "outputPayloadToHeader: "):
			candidates = append(candidates, i)
		case strings.HasPrefix(l, "mode: "), strings.HasPrefix(l, "action: "), strings.HasPrefix(l, "app: "):
			candidates = append(candidates, i)
		}
	}
	if len(candidates) == 0 {
		return documents
	}
	i := pick(r, candidates)
	before, _, _ := strings.Cut(lines[i], ":")
	switch l := strings.TrimSpace(lines[i]); {
	case strings.HasPrefix(l, "mode: "):
		lines[i] = before + ": " + pick(r, []string{"STRICT", "PERMISSIVE", "DISABLE", "UNSET"}) + "\n"
	case strings.HasPrefix(l, "app: "):
		lines[i] = before + ": " + pick(r, serviceNames) + "\n"
	case strings.HasPrefix(l, "action: ") || r.IntN(3) == 0:
		lines[i] = ""
	case r.IntN(2) == 0 && slices.Contains(items, i):
		indent := lines[i][:strings.Index(lines[i], "-")]
		lines[i] = indent + strings.TrimLeft(lines[pick(r, items)], " ")
	default:
		lines[i] = strings.TrimRight(lines[i], "'\"\n") + pick(r, []string{"x", "*", "0"}) + lines[i][len(strings.TrimRight(lines[i], "'\"\n")):]
	}
	documents[d] = strings.Join(lines, "")
	return documents
}

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

package conformance

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/cilium/read"
)

var errVisible = errors.New("visible")

// A fault in emitted policies that Cilium takes, and that shows in one of its decisions, fails the proof of the build.
func TestProofFindsFaults(t *testing.T) {
	faults, refused, seen, caught := 0, 0, 0, 0
	for seed := range uint64(*count / 2) {
		p := newProject(seed + 1<<20)
		b, err := p.Build()
		require.NoError(t, err, "seed %d\n%s", seed, p)
		r := rand.New(rand.NewPCG(seed, 14))
		for range 6 {
			manifests := fault(r, b.Manifests)
			faults++
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
	t.Logf("%d faults: %d refused by Cilium, %d found by the proof, %d of them visible in Cilium's decisions", faults, refused, caught, seen)
	require.Greater(t, seen, faults/8)
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

// fault removes an object, or changes lines of its spec: one goes, one takes the place of another, or a text is another.
func fault(r *rand.Rand, manifests []targets.Manifest) []targets.Manifest {
	manifests = slices.Clone(manifests)
	n := r.IntN(len(manifests))
	if r.IntN(10) == 0 {
		return slices.Delete(manifests, n, n+1)
	}
	m := &manifests[n]
	lines := strings.SplitAfter(string(m.YAML), "\n")
	spec := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "spec") })
	var items []int // lines with one value each
	for i := spec + 1; i < len(lines); i++ {
		if l := strings.TrimSpace(lines[i]); l != "" && !strings.HasSuffix(l, ":") {
			items = append(items, i)
		}
	}
	if len(items) == 0 {
		return manifests
	}
	i := items[r.IntN(len(items))]
	switch r.IntN(3) {
	case 0:
		lines[i] = ""
	case 1:
		indent := lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " "))]
		lines[i] = indent + strings.TrimLeft(lines[items[r.IntN(len(items))]], " ")
	default:
		end := strings.TrimRight(lines[i], "'\"\n")
		lines[i] = end + []string{"x", "1", "*", "/8"}[r.IntN(4)] + lines[i][len(end):]
	}
	m.YAML = []byte(strings.Join(lines, ""))
	return manifests
}

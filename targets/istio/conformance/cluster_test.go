package conformance

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/testdata/e2e/kube"
)

// TestCluster has a real API server with a real istiod judge what meshc writes and what it refuses. `make cluster` sets
// CLUSTER: both take long to build.
func TestCluster(t *testing.T) {
	if os.Getenv("CLUSTER") == "" {
		t.Skip("CLUSTER is not set")
	}
	c := kube.Start(t)
	c.Namespaces(t, slices.Concat([]string{"istio-system", "mesh-root"}, meshNames, namespaces)...)
	istiod := c.Istiod(t)
	t.Run("proxyless", func(t *testing.T) { // before others' policies bind its server
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		p := newProxyless(t, listener)
		c.Apply(t, "argocd-controller", p.manifests)
		p.enforces(t, istiod.XDS)
	})
	t.Run("examples", func(t *testing.T) { acceptsExamples(t, c) })
	t.Run("projects", func(t *testing.T) { acceptsProjects(t, c) })
	t.Run("refusals", func(t *testing.T) { refusesAlike(t, c) })
}

// acceptsExamples applies the manifests of the examples.
func acceptsExamples(t *testing.T, c *kube.Cluster) {
	applied := 0
	require.NoError(t, filepath.WalkDir("../../../examples", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || !strings.Contains(filepath.ToSlash(path), "/manifests/") || d.Name() == "kustomization.yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || bytes.Contains(text, []byte("apiVersion: cilium.io/")) {
			return err // Cilium's own code judges these
		}
		for _, o := range kube.Objects(t, string(text)) {
			c.Namespaces(t, o.Metadata.Namespace)
		}
		for _, r := range c.TryApply(t, "argocd-controller", string(text)) {
			t.Errorf("%s: %s", path, r.Message)
		}
		applied++
		return nil
	}))
	require.Greater(t, applied, 100)
	t.Logf("%d manifests of examples applied", applied)
}

// acceptsProjects applies what generated projects emit.
func acceptsProjects(t *testing.T, c *kube.Cluster) {
	applied := 0
	n := size(t, 100)
	for seed := range n {
		p := newProject(seed)
		built, err := p.build()
		require.NoError(t, err)
		for _, m := range built.manifests {
			for _, r := range c.TryApply(t, "argocd-controller", m.YAML) {
				t.Errorf("seed %d: %s\n%s", seed, r.Message, m.YAML)
			}
			applied++
		}
	}
	t.Logf("%d manifests of %d projects applied", applied, n)
}

// refusesAlike asks the cluster about spoiled manifests, as TestRefusals asks Istio's code.
func refusesAlike(t *testing.T, c *kube.Cluster) {
	refused, taken, beyond := 0, 0, 0
	for seed := range size(t, 2000) {
		w := &writer{pen: pen{Rand: rand.New(rand.NewPCG(seed, 6))}, Options: Options{TrustDomain: "cluster.local", RootNamespace: "istio-system"}, tokens: true}
		yaml := w.spoiled()
		said := c.Validate(t, yaml)
		_, findings := readYAML(yaml, w.Options)
		switch wrong := slices.IndexFunc(findings, func(d diag.Diagnostic) bool { return d.Severity == diag.Error }); {
		case len(said) > 0 && wrong < 0:
			t.Errorf("seed %d: the cluster rejects, meshc does not: %s\n%s", seed, said[0].Message, yaml)
		case len(said) == 0 && wrong >= 0:
			if !beyondIstio(findings[wrong].Message, yaml) {
				t.Errorf("seed %d: meshc rejects, the cluster does not: %s\n%s", seed, findings[wrong].Message, yaml)
			}
			beyond++
		case len(said) > 0:
			refused++
		default:
			taken++
		}
	}
	assert.Greater(t, refused, 0)
	assert.Greater(t, taken, 0)
	t.Logf("%d manifests rejected by both, %d accepted by both, %d rejected by meshc alone", refused, taken, beyond)
}

package conformance

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/importer"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
)

// What is imported of hand-written policies builds manifests that let through the same requests, together with what is
// accepted, in the judgement of Istio alone.
func TestImported(t *testing.T) {
	said, accepted := 0, 0
	for seed := range size(t, 150) {
		c := newCluster(seed, seed%2 == 0)
		settings := config.Default()
		settings.TrustDomain, settings.RootNamespace = c.TrustDomain, c.RootNamespace
		result, err := importer.Import(context.Background(), importer.Given{
			Manifests: []*source.File{source.NewFile("policies.yaml", c.yaml)}, Settings: settings, Today: today,
		})
		require.NoError(t, err, "cluster %d\n%s", seed, c.yaml)
		if result.Findings.HasErrors() || result.Count(importer.Refused) > 0 {
			continue
		}
		said += result.Count(importer.Said)
		accepted += result.Count(importer.Accepted)
		project, manifests := rebuilt(t, result)

		before, err := Start([]byte(c.yaml), c.Options)
		require.NoError(t, err, "cluster %d", seed)
		after, err := Start([]byte(manifests), c.Options)
		require.NoError(t, err, "cluster %d\n%s", seed, manifests)
		r := rand.New(rand.NewPCG(seed, 11))
		for _, w := range c.workloads {
			was, err := before.Chains(w)
			require.NoError(t, err)
			is, err := after.Chains(w)
			require.NoError(t, err)
			for range 100 {
				q := c.request(r)
				if before.Decide(w, was, q) != after.Decide(w, is, q) {
					require.Fail(t, "imported policies decide otherwise", "cluster %d: allowed %t, and %t imported\n%s\nto %v\n%s\n%s",
						seed, before.Decide(w, was, q), after.Decide(w, is, q), show(&q), w, c.yaml, project)
				}
			}
		}
	}
	t.Logf("%d objects said, %d accepted", said, accepted)
	assert.Positive(t, said)
	assert.Positive(t, accepted)
}

// rebuilt is the text of an imported project, and the manifests that it builds with those that it accepts.
func rebuilt(t *testing.T, r *importer.Result) (project, manifests string) {
	t.Helper()
	folder := t.TempDir()
	var files, stream strings.Builder
	intents := false
	for _, f := range r.Files {
		path := filepath.Join(folder, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(f.Text), 0o644))
		intents = intents || strings.HasSuffix(f.Name, ".mesh")
		files.WriteString("-- " + f.Name + " --\n" + f.Text)
		if strings.HasPrefix(f.Name, "accepted/") {
			stream.WriteString("---\n" + f.Text)
		}
	}
	if !intents {
		return files.String(), stream.String()
	}
	p, err := compiler.Open(context.Background(), compiler.Options{Today: today}, folder)
	require.NoError(t, err)
	b, err := p.Build(context.Background())
	require.NoError(t, err)
	require.NoError(t, b.Findings.Err(), files.String())
	stream.WriteString("---\n")
	stream.Write(targets.Stream(b.Manifests))
	return files.String(), stream.String()
}

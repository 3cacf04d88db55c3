package kube

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScale verifies a cluster in which the intents of 1,000 services are in force, and says how long that takes.
func TestScale(t *testing.T) {
	project := t.TempDir()
	generate := exec.Command("go", "run", "./testdata/synth", "-o", project)
	generate.Dir = "../../.."
	said, err := generate.CombinedOutput()
	require.NoError(t, err, "%s", said)
	c := Start(t)
	c.Namespaces(t, "istio-system")
	c.Apply(t, "helm", settings)
	out := filepath.Join(t.TempDir(), "manifests")
	text, code := c.run(t, "admin", project, "build", "-o", out)
	require.Zero(t, code, text)
	files, err := filepath.Glob(out + "/*/[0-9]*.yaml")
	require.NoError(t, err)
	var streams []string
	made := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		streams = append(streams, string(text))
		for _, o := range Objects(t, string(text)) {
			if !made[o.Metadata.Namespace] {
				made[o.Metadata.Namespace] = true
				c.Namespaces(t, o.Metadata.Namespace)
			}
		}
	}
	var wait sync.WaitGroup
	queue := make(chan string)
	for range 4 {
		wait.Go(func() {
			for text := range queue {
				c.Apply(t, "argocd-controller", text)
			}
		})
	}
	for _, text := range streams {
		queue <- text
	}
	close(queue)
	wait.Wait()
	for range 3 {
		began := time.Now()
		said, code := c.run(t, "admin", project, "verify", "--cluster")
		took := time.Since(began)
		require.Zero(t, code, said)
		first, _, _ := strings.Cut(said, "\n")
		t.Logf("%d objects: %s (%s)", len(streams), took.Round(time.Millisecond), first)
		assert.Less(t, took, 10*time.Second, "it takes one second where nothing else runs")
	}
}

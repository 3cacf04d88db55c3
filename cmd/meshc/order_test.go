package main

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/project"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio"
)

// The bytes of a build do not depend on the order in which the files of a project are read.
func TestAnyOrderOfFiles(t *testing.T) {
	t.Chdir("../..")
	examples, err := filepath.Glob("examples/*/meshc.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	shuffled := 0
	for _, example := range examples {
		opened, findings, err := project.Open([]string{filepath.Dir(example)})
		require.NoError(t, err)
		require.Empty(t, findings)
		for _, environment := range append(opened.Environments(), "") {
			files, err := opened.Intents(environment, strings.NewReader(""))
			require.NoError(t, err)
			workloads, _, err := opened.Workloads(nil, strings.NewReader(""))
			require.NoError(t, err)
			var first []targets.File
			for seed := range uint64(4) {
				policy, findings, _ := compiler.Check(t.Context(), compiler.Inputs{
					Files:       files,
					Workloads:   workloads,
					Config:      opened.Config,
					Environment: environment,
					Today:       time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
				})
				require.NotNil(t, policy, "%s: %v", example, findings)
				manifests, findings := istio.New(istio.Options{}).Emit(policy)
				require.False(t, findings.HasErrors())
				built := targets.Layout(manifests, environment)
				if first == nil {
					first = built
				}
				assert.Equal(t, first, built, "%s, environment %q", example, environment)
				r := rand.New(rand.NewPCG(seed, 0))
				r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
				r.Shuffle(len(workloads), func(i, j int) { workloads[i], workloads[j] = workloads[j], workloads[i] })
				shuffled += len(files) + len(workloads)
			}
		}
	}
	assert.Greater(t, shuffled, 20)
}

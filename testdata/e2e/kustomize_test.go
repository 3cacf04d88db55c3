package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"go.yaml.in/yaml/v3"

	"github.com/meshc/meshc/testdata/e2e/program"
)

const kustomizeVersion = "v5.8.1"

// TestKustomize runs kustomize on the folder that a publish commits, as a whole and namespace by namespace. The output
// must have every object, in the order of apply: within a namespace the sync waves must not decrease.
func TestKustomize(t *testing.T) {
	kustomize := installKustomize(t)
	root := "../../examples/online-shop/manifests"
	files, err := filepath.Glob(root + "/*/[0-9]*.yaml")
	require.NoError(t, err)
	whole := objects(t, program.Run(t, "", kustomize, "build", root))
	assert.Len(t, whole, len(files))
	folders, err := filepath.Glob(root + "/*/kustomization.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	parts := 0
	for _, f := range folders {
		part := objects(t, program.Run(t, "", kustomize, "build", filepath.Dir(f)))
		parts += len(part)
		wave := 0
		for _, o := range part {
			next, err := strconv.Atoi(o.Metadata.Annotations["argocd.argoproj.io/sync-wave"])
			require.NoError(t, err)
			assert.GreaterOrEqual(t, next, wave, "%s %s", o.Kind, o.Metadata.Name)
			wave = next
		}
	}
	assert.Len(t, whole, parts)
	last := whole[len(whole)-1]
	assert.Equal(t, "istio-system", last.Metadata.Namespace, "the mesh-wide mode goes after those that differ from it")
}

func installKustomize(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	bin := filepath.Join(cache, "meshc", "e2e", "kustomize-"+kustomizeVersion)
	require.NoError(t, os.MkdirAll(bin, 0o755))
	t.Setenv("GOBIN", bin)
	program.Run(t, "", "go", "install", "sigs.k8s.io/kustomize/kustomize/v5@"+kustomizeVersion)
	return filepath.Join(bin, "kustomize")
}

type object struct {
	Kind     string
	Metadata struct {
		Name, Namespace string
		Annotations     map[string]string
	}
}

func objects(t *testing.T, stream []byte) (all []object) {
	t.Helper()
	for d := yaml.NewDecoder(bytes.NewReader(stream)); ; {
		var o object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, o)
	}
}

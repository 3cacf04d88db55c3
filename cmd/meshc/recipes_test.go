package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

var meshcLine = regexp.MustCompile(`(?m)(?:run: |^\s*(?:- )?)meshc ([a-z].*)$`)

// TestRecipes requires that every recipe in examples/ci is valid YAML, and that each of its meshc commands and flags
// exists.
func TestRecipes(t *testing.T) {
	files, commands := 0, 0
	kinds := map[string]int{}
	err := filepath.WalkDir("../../examples/ci", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) == ".md" {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, doc := range strings.Split(string(text), "\n---\n") {
			var object map[string]any
			require.NoError(t, yaml.UnmarshalStrict([]byte(doc), &object), path)
			require.NotEmpty(t, object, path)
			if kind, ok := object["kind"].(string); ok {
				kinds[kind]++
			}
		}
		assert.NotRegexp(t, `meshc publish.*\n\s*(- )?meshc publish`, string(text), "%s: if the first publish fails, the second does not run", path)
		for _, m := range meshcLine.FindAllStringSubmatch(string(text), -1) {
			commands++
			line, _, _ := strings.Cut(m[1], " >")
			assert.Contains(t, line, "--env ", "%s: meshc %s names no environment", path, line)
			words := strings.Fields(strings.NewReplacer(`"$ENVIRONMENT"`, "prod", `"$BASE"`, "HEAD~1", `"$CI_MERGE_REQUEST_DIFF_BASE_SHA"`, "HEAD~1", "${GITLAB_TOKEN:+--comment}", "--comment").Replace(line))
			cmd, rest, err := newRoot().Find(words)
			require.NoError(t, err, "%s: meshc %s", path, line)
			require.NoError(t, cmd.ParseFlags(rest), "%s: meshc %s", path, line)
			assert.Empty(t, cmd.Flags().Args(), "%s: meshc %s", path, line)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 6, files)
	assert.Equal(t, 6, commands)
	assert.Equal(t, map[string]int{"Application": 1, "ApplicationSet": 1, "GitRepository": 1, "Kustomization": 2}, kinds)
}

// TestRecipesFollowTheLayout requires that the recipes for Argo CD and Flux read folders that a publish creates.
func TestRecipesFollowTheLayout(t *testing.T) {
	const path = "clusters/prod/mesh"
	for name, folder := range map[string]string{"mesh.yaml": "", "namespace.yaml": "/shop"} {
		var flux struct {
			Spec struct{ Path string }
		}
		text, err := os.ReadFile("../../examples/ci/flux/" + name)
		require.NoError(t, err)
		docs := strings.Split(string(text), "\n---\n")
		require.NoError(t, yaml.Unmarshal([]byte(docs[len(docs)-1]), &flux))
		require.Equal(t, "./"+path+folder, flux.Spec.Path)
		require.FileExists(t, filepath.Join("../../examples/shop/manifests", folder, "kustomization.yaml"))
	}
	var argo struct {
		Spec struct {
			Generators []struct {
				Git struct{ Directories []struct{ Path string } }
			}
		}
	}
	text, err := os.ReadFile("../../examples/ci/argocd/applicationset.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &argo))
	require.Equal(t, path+"/*", argo.Spec.Generators[0].Git.Directories[0].Path)
}

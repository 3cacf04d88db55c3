package project

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/config"
)

// A project of texts is what the same files are on disk.
func TestTexts(t *testing.T) {
	files := map[string]string{"..data/hidden.yaml": "", ".git/config.yaml": ""}
	for _, name := range []string{"a.mesh", "prod/b.mesh", "teams/c.mesh", "top.yaml", "k8s/a.yaml", "k8s/b.json", "k8s/deep/c.yml", "k8s/notes.txt", "k8s-other/d.yaml"} {
		files[name] = "# " + name + "\n"
	}
	for _, settings := range []string{
		"",
		"workloads: [k8s]\n",
		"workloads: [./k8s/]\n",
		"workloads: [k8s/*.yaml]\n",
		"workloads: [\"**/*.yaml\"]\n",
		"workloads: [\"**\"]\n",
		"workloads: [.]\n",
		"workloads: [k8s/notes.txt, nothing/*.yaml, k8s*]\n",
		"workloads: [{path: k8s/a.yaml, namespace: first}, {path: k8s, namespace: second}]\n",
		"sources: [teams/*.mesh, a.mesh]\nworkloads: [\"k8s/{a,b}.*\"]\n",
		"environments: {prod: {sources: [prod/*.mesh]}}\n",
	} {
		files[ConfigName] = "apiVersion: meshc.dev/v1alpha1\nkind: Project\n" + settings
		root, err := filepath.EvalSymlinks(t.TempDir())
		require.NoError(t, err)
		for name, text := range files {
			path := filepath.Join(root, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		}
		disk, found, err := Open([]string{root})
		require.NoError(t, err)
		require.Empty(t, found, settings)
		wantIntents, err := disk.Intents("", nil)
		require.NoError(t, err)
		wantWorkloads, wantFound, err := disk.Workloads(nil, nil)
		require.NoError(t, err)

		c, found := config.Parse(disk.File)
		require.Empty(t, found)
		intents, workloads, missing := Texts(c, files)
		assert.Equal(t, wantIntents, intents, settings)
		assert.Equal(t, wantFound, missing, settings)
		require.Len(t, workloads, len(wantWorkloads), settings)
		for i, w := range wantWorkloads {
			assert.Equal(t, [3]string{w.File.Name, w.File.Text, w.Namespace}, [3]string{workloads[i].File.Name, workloads[i].File.Text, workloads[i].Namespace}, settings)
		}
	}
}

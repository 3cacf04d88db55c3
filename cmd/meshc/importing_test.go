package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The commands of the page about the import are run in order, beside a cluster that has the policies of a bank and then
// what they apply and delete. It lets through the same in the end.
func TestImporting(t *testing.T) {
	page, err := os.ReadFile("../../grammar/importing.md")
	require.NoError(t, err)
	cluster := objects{}
	cluster.apply(t, "../../examples/brownfield/policies")
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("k8s", 0o755))
	require.NoError(t, os.WriteFile("k8s/web.yaml", []byte(homepage), 0o644))
	ran, report := 0, ""
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			ran++
			words := strings.Fields(line)
			switch strings.Join(words[:2], " ") {
			case "kubectl get":
				require.NoError(t, os.WriteFile(words[len(words)-1], cluster.list(t), 0o644))
			case "kubectl apply":
				cluster.apply(t, words[len(words)-1])
				for _, m := range regexp.MustCompile(`(?m)^  kubectl delete (\S+) -n (\S+) (.*)$`).FindAllStringSubmatch(report, -1) {
					for _, name := range strings.Fields(m[3]) {
						require.Contains(t, cluster, m[1]+" "+m[2]+"/"+name)
						delete(cluster, m[1]+" "+m[2]+"/"+name)
					}
				}
			default:
				stdout, stderr, code := says(t, words[1:]...)
				assert.Zero(t, code, "%s%s", line, stderr)
				if words[1] == "import" {
					report = stdout
				}
			}
		}
	}
	assert.Equal(t, 7, ran)
	_, stderr, code := says(t, "diff", "policies.yaml", "deployed.yaml", "--exit-code")
	assert.Zero(t, code, stderr)
	assert.NotContains(t, string(cluster.list(t)), "name: public-site")
}

const homepage = `apiVersion: apps/v1
kind: Deployment
metadata: {name: homepage, namespace: web}
spec:
  selector: {matchLabels: {app: homepage}}
  template:
    metadata: {labels: {app: homepage}}
    spec: {serviceAccountName: homepage, containers: [{name: c, image: c, ports: [{containerPort: 8080, name: http}]}]}
`

// objects is what a cluster has, by kind, namespace and name as kubectl takes them.
type objects map[string]map[string]any

// apply takes the manifests of a folder.
func (o objects) apply(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for d := yaml.NewDecoder(strings.NewReader(string(text))); ; {
			var object map[string]any
			if err := d.Decode(&object); err != nil {
				break
			}
			if meta, ok := object["metadata"].(map[string]any); ok {
				o[strings.ToLower(object["kind"].(string))+" "+meta["namespace"].(string)+"/"+meta["name"].(string)] = object
			}
		}
		return nil
	}))
}

// list is all objects as kubectl prints them.
func (o objects) list(t *testing.T) []byte {
	t.Helper()
	var items []any
	for _, key := range slices.Sorted(maps.Keys(o)) {
		items = append(items, o[key])
	}
	text, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	require.NoError(t, err)
	return text
}

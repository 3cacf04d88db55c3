package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/bearing"
)

// Whatever bears on who reaches whom is judged, which a test somewhere shows, or is named by the commands that read it.
// What has no bearing says why, and is not named.
func TestNothingIsPassedOverInSilence(t *testing.T) {
	shown := testTexts(t)
	for i := range bearing.Facts {
		f := &bearing.Facts[i]
		t.Run(strings.NewReplacer("/", "_", " ", "_").Replace(f.Name), func(t *testing.T) {
			require.Equal(t, 1, isSet(f.Judged)+isSet(f.Named)+isSet(f.Harmless), "judged, named or harmless")
			require.True(t, strings.HasPrefix(f.Source, "https://"), "it has no source")
			_, name, _ := strings.Cut(f.Name, "/")
			if !f.Kind() && f.On != bearing.Field {
				name = f.Name
			}
			if f.Judged != "" {
				if f.On == bearing.Field {
					path := f.Path()
					name, _, _ = strings.Cut(path[len(path)-1], "[")
				}
				assert.True(t, strings.Contains(shown, name), "it is judged, and no test shows it")
				return
			}
			if f.On != bearing.Policies && f.On != bearing.Policy {
				for _, args := range [][]string{{"check", "shop.mesh"}, {"verify", "shop.mesh"}} {
					heard(t, f, append(args, "--workloads", "facts.yaml"))
				}
			}
			if f.On == bearing.Policies || f.On == bearing.Both {
				heard(t, f, []string{"verify", "--manifests", "facts.yaml"})
				heard(t, f, []string{"why", "world", "shop/api", "--manifests", "facts.yaml"})
			}
		})
	}
}

func isSet(s string) int {
	if s == "" {
		return 0
	}
	return 1
}

// heard runs a command on an object with the fact.
func heard(t *testing.T, f *bearing.Fact, args []string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shop.mesh"), []byte("mesh shop strict\nservice api account api\nworld -> api\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "facts.yaml"), []byte(occurrence(f)), 0o644))
	if args[1] != "shop.mesh" {
		require.NoError(t, os.Remove(filepath.Join(dir, "shop.mesh")))
	}
	t.Chdir(dir)
	var out bytes.Buffer
	run(args, strings.NewReader(""), &out, &out)
	if f.Named == "" {
		assert.NotContains(t, out.String(), "is not judged: ", "%v", args)
		return
	}
	assert.Contains(t, out.String(), "not judged", "%v", args)
	name := f.Name
	if f.Kind() {
		_, kind, _ := strings.Cut(f.Name, "/")
		name = strings.Fields(kind)[0]
	}
	if f.On == bearing.Field {
		_, name, _ = strings.Cut(f.Name, "/")
	}
	assert.Contains(t, out.String(), name, "%v", args)
}

// occurrence is manifests in which a fact occurs.
func occurrence(f *bearing.Fact) string {
	const binds = `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: api, namespace: shop}
spec: {selector: {matchLabels: {app: api}}, rules: [{}]}
`
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: api, namespace: shop, labels: {app: api%s}, annotations: {a: b%s}}\nspec: {serviceAccountName: api, containers: [{name: c, ports: [{containerPort: 8080}]}]}\n"
	pair := fmt.Sprintf(", %s: \"yes\"", f.Name)
	plain := fmt.Sprintf(pod, "", "")
	switch {
	case f.Name == bearing.MeshConfig:
		return plain + settings("trustDomain: [") + binds
	case f.On == bearing.Mesh:
		of, field, nested := strings.Cut(f.Name, ".")
		if nested {
			return plain + settings(of+": {"+field+": x}")
		}
		return plain + settings(of+": x")
	case f.On == bearing.Field:
		kind, _, _ := strings.Cut(f.Name, " ")
		group, kind, _ := strings.Cut(kind, "/")
		path := f.Path()
		var value any = "x"
		switch {
		case strings.HasSuffix(f.Name, "s"):
			value = []string{"x"}
		case len(f.When) > 0 && f.When[0] == "true":
			value = true
		case len(f.When) > 0:
			value = f.When[0]
		}
		for _, name := range slices.Backward(path[1:]) {
			key, of, list := strings.Cut(name, "[")
			if list {
				if one, object := value.(map[string]any); object {
					one["name"] = strings.TrimSuffix(of, "]")
				}
				value = []any{value}
			}
			value = map[string]any{key: value}
		}
		spec, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		return plain + fmt.Sprintf("---\napiVersion: %s\nkind: %s\nmetadata: {name: x, namespace: shop}\n%s: %s\n", strings.TrimPrefix(group+"/v1", "/"), kind, path[0], spec)
	case f.Kind():
		group, kind, _ := strings.Cut(f.Name, "/")
		return plain + fmt.Sprintf("---\napiVersion: %s/v1\nkind: %s\nmetadata:\n  name: x\n  namespace: shop\nspec: {}\n", group, kind) + binds
	case f.On == bearing.Pod:
		return fmt.Sprintf(pod, pair, pair)
	case f.On == bearing.Namespace:
		return plain + fmt.Sprintf("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio-injection: enabled%s}, annotations: {a: b%[1]s}}\n", pair)
	}
	return plain + fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop, labels: {a: b%s}, annotations: {a: b%[1]s}}\nspec: {selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}\n", pair)
}

// settings is the object with the settings of a mesh.
func settings(text string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio\n  namespace: istio-system\ndata:\n  mesh: %q\n", text)
}

// testTexts is everything that tests of this module have.
func testTexts(t *testing.T) string {
	var all strings.Builder
	for _, root := range []string{".", "../../compiler", "../../targets", "../../lang/diag/codes"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Base(path) == "bearing_test.go" || !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".txtar") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		}))
	}
	return all.String()
}

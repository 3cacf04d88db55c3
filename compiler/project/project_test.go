package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler/project"
)

// tree is a repository that contains a project with two environments, and another project inside it.
const tree = `
-- .git/HEAD --
-- .git/hidden.mesh --
-- meshc.yaml --
apiVersion: meshc.dev/v1alpha1
kind: Project
sources: ["*.mesh", "teams/**/*.mesh"]
workloads: [k8s, {path: "charts/*/out.yaml", namespace: shop}]
environments:
  staging: {sources: ["teams/*/staging/**"]}
  prod: {sources: ["prod.intents"]}
-- guards.mesh --
-- prod.intents --
-- teams/shop/shop.mesh --
-- teams/shop/deep/er/more.mesh --
-- teams/shop/staging/debug.mesh --
-- teams/shop/notes.txt --
-- teams/other/meshc.yaml --
-- teams/other/other.mesh --
-- vendor/vendored.mesh --
-- k8s/a.yaml --
-- k8s/sub/b.yml --
-- k8s/sub/c.json --
-- k8s/README.md --
-- charts/shop/out.yaml --
-- charts/shop/deep/out.yaml --
`

func unpack(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, f.Data, 0o644))
	}
	return dir
}

func TestIntents(t *testing.T) {
	dir := unpack(t, tree)
	for name, c := range map[string]struct {
		folder      string // where the user stands
		paths       []string
		environment string
		want        string
	}{
		"the whole project":             {".", nil, "", "guards.mesh teams/shop/deep/er/more.mesh teams/shop/shop.mesh"},
		"the same from below":           {"teams/shop/deep", nil, "", "guards.mesh teams/shop/deep/er/more.mesh teams/shop/shop.mesh"},
		"an environment adds its own":   {".", nil, "staging", "guards.mesh teams/shop/deep/er/more.mesh teams/shop/shop.mesh teams/shop/staging/debug.mesh"},
		"also what no common glob has":  {".", nil, "prod", "guards.mesh prod.intents teams/shop/deep/er/more.mesh teams/shop/shop.mesh"},
		"a folder":                      {".", []string{"teams"}, "", "teams/shop/deep/er/more.mesh teams/shop/shop.mesh"},
		"the folder that one stands in": {"teams/shop/deep", []string{"."}, "", "teams/shop/deep/er/more.mesh"},
		"a file, whatever it is called": {"teams", []string{"shop/notes.txt"}, "", "teams/shop/notes.txt"},
		"a file of another environment": {".", []string{"prod.intents"}, "staging", "prod.intents"},
		"a file and its folder":         {".", []string{"teams/shop/shop.mesh", "teams/shop"}, "", "teams/shop/deep/er/more.mesh teams/shop/shop.mesh"},
		"standard input":                {".", []string{"-"}, "", "<standard input>"},
		"standard input and a file":     {".", []string{"-", "guards.mesh"}, "", "<standard input> guards.mesh"},
		"the other project":             {".", []string{"teams/other"}, "", "other.mesh"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join(dir, filepath.FromSlash(c.folder)))
			p, findings, err := project.Open(c.paths)
			require.NoError(t, err)
			if !strings.HasSuffix(filepath.ToSlash(p.Root), "teams/other") {
				require.Empty(t, findings)
			}
			files, err := p.Intents(c.environment, strings.NewReader(""))
			require.NoError(t, err)
			var names []string
			for _, f := range files {
				names = append(names, f.Name)
			}
			assert.Equal(t, c.want, strings.Join(names, " "))
		})
	}
}

func TestAllIntents(t *testing.T) {
	t.Chdir(unpack(t, tree))
	p, _, err := project.Open(nil)
	require.NoError(t, err)
	files, err := p.AllIntents(nil)
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	assert.Equal(t, []string{"guards.mesh", "prod.intents", "teams/shop/deep/er/more.mesh", "teams/shop/shop.mesh", "teams/shop/staging/debug.mesh"}, names)
}

func TestWorkloads(t *testing.T) {
	dir := unpack(t, tree)
	for name, c := range map[string]struct {
		folder   string
		patterns []string
		want     string
	}{
		"those of meshc.yaml":           {".", nil, "k8s/a.yaml k8s/sub/b.yml k8s/sub/c.json charts/shop/out.yaml(shop)"},
		"the same from below":           {"teams/shop", nil, "k8s/a.yaml k8s/sub/b.yml k8s/sub/c.json charts/shop/out.yaml(shop)"},
		"named ones replace them":       {".", []string{"k8s/sub"}, "k8s/sub/b.yml k8s/sub/c.json"},
		"a glob":                        {".", []string{"k8s/**/*.yml"}, "k8s/sub/b.yml"},
		"from where the user stands":    {"k8s/sub", []string{"../*.yaml"}, "k8s/a.yaml"},
		"a file, whatever it is called": {".", []string{"k8s/README.md"}, "k8s/README.md"},
		"twice is once":                 {".", []string{"k8s/a.yaml", "k8s/*.yaml"}, "k8s/a.yaml"},
		"standard input":                {".", []string{"-", "k8s/a.yaml"}, "<standard input> k8s/a.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join(dir, filepath.FromSlash(c.folder)))
			p, _, err := project.Open(nil)
			require.NoError(t, err)
			inputs, findings, err := p.Workloads(c.patterns, strings.NewReader(""))
			require.NoError(t, err)
			require.Empty(t, findings)
			var names []string
			for _, in := range inputs {
				name := in.File.Name
				if in.Namespace != "" {
					name += "(" + in.Namespace + ")"
				}
				names = append(names, name)
			}
			assert.Equal(t, c.want, strings.Join(names, " "))
		})
	}
}

// The compiler's name for a file does not depend on the current folder; the name that the user sees does.
func TestNames(t *testing.T) {
	dir := unpack(t, tree)
	t.Chdir(filepath.Join(dir, "teams", "shop"))
	p, _, err := project.Open(nil)
	require.NoError(t, err)
	assert.Equal(t, "teams/shop/shop.mesh", p.Name("shop.mesh"))
	assert.Equal(t, "shop.mesh", p.Shown("teams/shop/shop.mesh"))
	assert.Equal(t, "../../guards.mesh", p.Shown("guards.mesh"))
	assert.Equal(t, "/etc/shop.mesh", p.Shown(p.Name("/etc/shop.mesh")))
	assert.Equal(t, project.StdinName, p.Shown(project.StdinName))
	assert.Empty(t, p.Path(project.StdinName))
}

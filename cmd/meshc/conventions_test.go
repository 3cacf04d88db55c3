package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runs is command lines of a verb in the folder that conventionsFolder makes: one that ends with 0, and one that ends
// with 1, if any does. A project is named at the end.
var runs = map[string]struct{ ok, findings []string }{
	"accounts":   {[]string{"shop"}, []string{"broken"}},
	"build":      {[]string{"-o", "out", "shop"}, []string{"-o", "shop/manifests", "--check", "wider"}},
	"check":      {[]string{"shop"}, []string{"broken"}},
	"completion": {[]string{"bash"}, nil},
	"diff":       {[]string{"--from", "HEAD", "shop"}, []string{"--from", "HEAD", "--exit-code", "wider"}},
	"docs":       {[]string{"documents"}, nil},
	"explain":    {[]string{"MESH1001"}, nil},
	"fmt":        {[]string{"--check", "shop"}, []string{"-d", "ugly"}},
	"graph":      {[]string{"shop"}, []string{"broken"}},
	"help":       {[]string{"build"}, nil},
	"import":     {[]string{"--manifests", "shop/manifests"}, []string{"--manifests", "torn.yaml"}},
	"init":       {[]string{"new"}, []string{"bare"}},
	"learn":      {[]string{"--pods", "shop/seen/pods.json", "shop/seen/access.log"}, []string{"--pods", "shop/seen/pods.json", "--project", "broken", "shop/seen/access.log"}},
	"lsp":        {nil, nil},
	"migrate":    {[]string{"--env", "prod", "migration"}, []string{"--env", "prod", "broken"}},
	"publish":    {[]string{"--dry-run", "shop"}, []string{"broken"}},
	"replay":     {[]string{"--pods", "shop/seen/pods.json", "--project", "shop", "answered.log"}, []string{"--pods", "shop/seen/pods.json", "--project", "closed", "answered.log"}},
	"test":       {[]string{"shop"}, []string{"guarded"}},
	"verify":     {[]string{"shop"}, []string{"--manifests", "shop/manifests", "wider"}},
	"version":    {[]string{}, nil},
	"watch":      {nil, nil},
	"why":        {[]string{"--project", "shop", "frontend", "backend"}, []string{"--project", "shop", "--exit-code", "frontend", "db"}},
}

// conventionsFolder is the shop, and what others made of it, in a repository of git.
func conventionsFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"shop", "migration"} {
		require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("../../examples", name))))
	}
	intents := func(name, text string) {
		require.NoError(t, os.CopyFS(filepath.Join(dir, name, "k8s"), os.DirFS("../../examples/shop/k8s")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "meshc.yaml"), []byte("apiVersion: meshc.dev/v1alpha1\nkind: Project\nworkloads: [k8s]\nenvironments:\n  prod: {}\n"), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "shop.mesh"), []byte(text), 0o644))
	}
	edges := "mesh shop strict; istio-ingress/ingress -> frontend -> backend -> db"
	intents("wider", edges+"\n")
	intents("broken", "mesh shop strict; istio-ingress/ingress -> frontnd\n")
	intents("ugly", "mesh  shop   strict; istio-ingress/ingress ->   frontend\n")
	intents("guarded", edges+"; never frontend -> backend\n")
	intents("closed", "mesh shop strict\n")
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "-m", "shop"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	files := map[string]string{
		"wider/shop.mesh":    edges + "; frontend -> db\n",
		"bare/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\n",
		"bare/service.yaml":  "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
		"bare/torn.yaml":     "apiVersion: v1\nkind: Service\nmetadata: [\n",
		"torn.yaml":          "kind: [\n",
	}
	log, err := os.ReadFile("../../examples/shop/seen/access.log")
	require.NoError(t, err)
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, " 200 ") {
			files["answered.log"] += line
		}
	}
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

// Every verb keeps to what the help says of it.
func TestConventions(t *testing.T) {
	dir := conventionsFolder(t)
	t.Chdir(dir)
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	help, _, _ := says(t, "help", "conventions")
	seen := map[string]bool{}
	for _, cmd := range root.Commands() {
		name := cmd.Name()
		if !cmd.Runnable() && !cmd.HasSubCommands() {
			continue // a topic of the help
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			c, known := conventions[name]
			require.True(t, known, "conventions has no %s", name)
			r, known := runs[name]
			require.True(t, known, "there is no example of %s", name)
			if !cmd.Hidden && c != (convention{}) {
				assert.Regexp(t, `(?m)^`+name+`\s`, help)
			}
			keepsConventions(t, cmd, c, r.ok, r.findings)
		})
	}
	assert.Len(t, conventions, len(seen))
	assert.Len(t, runs, len(seen))
}

func keepsConventions(t *testing.T, cmd *cobra.Command, c convention, ok, findings []string) {
	name := cmd.Name()
	with := func(flags []string, args ...string) []string {
		return append(append([]string{name}, flags...), args...)
	}
	if name == "help" {
		_, _, code := says(t, with(nil, ok...)...)
		assert.Zero(t, code)
		return
	}
	_, stderr, code := says(t, with([]string{"--nonsense"}, ok...)...)
	assert.Equal(t, exitUsage, code, stderr)
	_, stderr, code = says(t, with([]string{"-C", "nowhere"}, ok...)...)
	assert.Equal(t, exitIO, code, stderr)
	_, stderr, code = says(t, with([]string{"--color", "maybe"}, ok...)...)
	assert.Equal(t, exitUsage, code, stderr)
	if name == "lsp" || name == "watch" {
		return // they end only when they are told to, and have tests of their own
	}

	stdout, stderr, code := says(t, with([]string{"-q"}, ok...)...)
	assert.Zero(t, code, stderr)
	assert.Empty(t, stderr, "it is not quiet")
	assert.NotContains(t, stdout, "\x1b")
	if cmd.Flags().Lookup("workloads") != nil && name != "import" && name != "learn" {
		_, stderr, _ = says(t, with([]string{"-v"}, ok...)...)
		assert.Regexp(t, `: \d+\.\d\d s\n`, stderr)
	}
	if cmd.Flags().Lookup("project") != nil && c.path != "" {
		last := len(ok) - 1
		named, _, code := says(t, with([]string{"-q", "--project", ok[last]}, ok[:last]...)...)
		assert.Zero(t, code)
		assert.Equal(t, stdout, named)
		_, stderr, code = says(t, with([]string{"--project", ok[last]}, ok...)...)
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, stderr, "named twice")
	}

	for i, format := range formatsOf(cmd) {
		example := ok
		if name == "why" && format == "markdown" {
			example = []string{"--project", "shop", "--log", "answered.log"}
		}
		if name == "migrate" && format != "text" {
			example = []string{"--to", "ambient", "shop"}
		}
		if name == "learn" && format != "text" {
			example = append([]string{"--project", "shop"}, ok...)
		}
		out, stderr, code := says(t, with([]string{"-q", "--color", "always", "--format", format}, example...)...)
		assert.Contains(t, []int{0, exitFindings}, code, "%s: %s", format, stderr)
		if i == 0 {
			assert.Equal(t, "text", format)
		} else {
			assert.NotContains(t, out, "\x1b", format)
		}
		if format == "json" {
			if name == "build" {
				out = stderr
			}
			var answer map[string]any
			require.NoError(t, json.Unmarshal([]byte(out), &answer), "%s%s", out, stderr)
			if c := formatsOf(cmd); slices.Contains(c, "sarif") {
				assert.EqualValues(t, 1, answer["version"])
			} else {
				assert.Contains(t, answer["schema"], "meshc.dev/")
			}
		}
	}

	assert.Equal(t, c.findings != "", findings != nil, "an example that ends with 1")
	if findings == nil {
		return
	}
	stdout, stderr, code = says(t, with(nil, findings...)...)
	assert.Equal(t, exitFindings, code, "%s%s", stdout, stderr)
	stdout, stderr, code = says(t, with([]string{"--color=always"}, findings...)...)
	assert.Equal(t, exitFindings, code, stderr)
	assert.Equal(t, c.coloured != "", strings.Contains(stdout+stderr, "\x1b["), "colour:\n%s%s", stdout, stderr)
	stdout, stderr, _ = says(t, with([]string{"--color=never"}, findings...)...)
	assert.NotContains(t, stdout+stderr, "\x1b[")
}

// says runs meshc and returns what it wrote and its exit code.
func says(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &err)
	return out.String(), err.String(), code
}

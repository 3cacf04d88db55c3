package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestRun runs .ci/run with commands in place of make and git that do nothing but record what they were asked for.
func TestRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip(".ci/run is a bash script")
	}
	script, err := os.ReadFile("../../.ci/run")
	require.NoError(t, err)
	tests := map[string]struct {
		lastStart, fails, status string
		code                     int
		ran                      []string // make targets
		output, absent           []string
	}{
		"every step": {
			lastStart: "70",
			ran:       []string{"test", "check", "update", "conformance", "race", "cross", "e2e", "kills", "browser", "fuzz"},
			output:    []string{"s  make race\n", "in all\n"},
			absent:    []string{"NOT JUDGED", "FAILED"},
		},
		"too late": {
			lastStart: "0",
			ran:       []string{"test"},
			output: []string{
				"!! NOT JUDGED: make race: no step begins after minute 0\n",
				"in all\n\n!! NOT JUDGED, for want of time:\n!!   make check\n!!   make update\n",
				"!!   make fuzz FUZZTIME=3000x\n",
			},
			absent: []string{"FAILED"},
		},
		"a step fails": {
			lastStart: "70", fails: "race", code: 2,
			ran:    []string{"test", "check", "update", "conformance", "race"},
			output: []string{"s  make conformance\n", " FAILED  make race\n"},
			absent: []string{"NOT JUDGED"},
		},
		"the tests fail, too late": {
			lastStart: "0", fails: "test", code: 2,
			ran:    []string{"test"},
			output: []string{" FAILED  make test\n"},
		},
		"a step changes a file": {
			lastStart: "0", status: " M examples/shop/shop.mesh", code: 1,
			ran:    []string{"test"},
			output: []string{"the steps changed these files:\n M examples/shop/shop.mesh\n", " FAILED  clean_tree\n"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, bin := t.TempDir(), t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, ".ci"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".ci", "run"), script, 0o755))
			for command, body := range map[string]string{
				"make":    `echo "$1" >>ran; [ "$1" != "$FAILS" ] || exit 2`,
				"git":     `[ "$1" != status ] || printf "%s" "$STATUS"`,
				"go":      "",
				"apt-get": "",
				"sudo":    "",
			} {
				require.NoError(t, os.WriteFile(filepath.Join(bin, command), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
			}
			cmd := exec.Command("bash", filepath.Join(dir, ".ci", "run"))
			cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
				"LAST_START="+test.lastStart, "FAILS="+test.fails, "STATUS="+test.status)
			out, _ := cmd.CombinedOutput()
			assert.Equal(t, test.code, cmd.ProcessState.ExitCode(), string(out))
			ran, err := os.ReadFile(filepath.Join(dir, "ran"))
			require.NoError(t, err)
			assert.Equal(t, test.ran, strings.Fields(string(ran)))
			for _, text := range test.output {
				assert.Contains(t, string(out), text)
			}
			for _, text := range test.absent {
				assert.NotContains(t, string(out), text)
			}
		})
	}
}

var meshcLine = regexp.MustCompile(`(?m)(?:run: |^\s*(?:- )?)meshc ([a-z].*)$`)

// TestRecipes reads every recipe of examples/ci as YAML and wants each meshc command in them to be one that meshc has,
// with flags that it has.
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
		assert.NotRegexp(t, `meshc publish.*\n\s*(- )?meshc publish`, string(text), "%s: where the first fails the second is not tried", path)
		for _, m := range meshcLine.FindAllStringSubmatch(string(text), -1) {
			commands++
			line, _, _ := strings.Cut(m[1], " >")
			assert.Contains(t, line, "--env ", "%s: meshc %s looks at no environment", path, line)
			words := strings.Fields(strings.NewReplacer(`"$ENVIRONMENT"`, "prod", `"$BASE"`, "HEAD~1", `"$CI_MERGE_REQUEST_DIFF_BASE_SHA"`, "HEAD~1").Replace(line))
			cmd, rest, err := newRoot().Find(words)
			require.NoError(t, err, "%s: meshc %s", path, line)
			require.NoError(t, cmd.ParseFlags(rest), "%s: meshc %s", path, line)
			assert.Empty(t, cmd.Flags().Args(), "%s: meshc %s", path, line)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 7, files)
	assert.Equal(t, 8, commands)
	assert.Equal(t, map[string]int{"Application": 1, "ApplicationSet": 1, "GitRepository": 1, "Kustomization": 2}, kinds)
}

// TestRecipesFollowTheLayout wants the consumers to look at folders that a publish makes.
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

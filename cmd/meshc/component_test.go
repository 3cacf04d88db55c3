package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// The component of GitLab CI uses the inputs that it declares, with values that no shell takes for more, and runs in a
// shell what meshc has.
func TestGitLabComponent(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the job runs in a shell of its image")
	}
	text, err := os.ReadFile("../../templates/check/template.yml")
	require.NoError(t, err)
	head, body, ok := strings.Cut(string(text), "\n---\n")
	require.True(t, ok)
	var declared struct {
		Spec struct {
			Inputs map[string]struct{ Default, Regex string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(head), &declared))
	used := map[string]bool{}
	filled := regexp.MustCompile(`\$\[\[ inputs\.(\w+) \]\]`).ReplaceAllStringFunc(body, func(use string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(use, "$[[ inputs."), " ]]")
		used[name] = true
		return declared.Spec.Inputs[name].Default
	})
	for name, input := range declared.Spec.Inputs {
		assert.True(t, used[name], "nothing uses the input %s", name)
		if name != "stage" {
			assert.Regexp(t, input.Regex, input.Default)
			assert.NotRegexp(t, input.Regex, "x; rm")
			assert.NotRegexp(t, input.Regex, "$(id)")
		}
	}
	assert.Len(t, used, len(declared.Spec.Inputs))
	var jobs map[string]struct{ Script []string }
	require.NoError(t, yaml.Unmarshal([]byte(filled), &jobs))
	script := jobs["meshc:check"].Script
	require.Len(t, script, 2)

	bin, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(bin+"/meshc", []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o755))
	for _, line := range script {
		cmd := exec.Command("sh", "-ec", line[:strings.LastIndex(line, " > ")])
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "ENVIRONMENT=prod", "GITLAB_TOKEN=t", "CI_MERGE_REQUEST_DIFF_BASE_SHA=abc")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		args := strings.Split(strings.TrimSpace(string(out)), "\n")
		verb, rest, err := newRoot().Find(args)
		require.NoError(t, err)
		require.NoError(t, verb.ParseFlags(rest), line)
		assert.Equal(t, []string{"."}, verb.Flags().Args())
		assert.Contains(t, args, "prod")
	}
}

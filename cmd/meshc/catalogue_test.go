package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
)

// Every example of the catalogue does what it is there for: the bad one gives its code and no other, the good one
// no finding at all.
func TestCatalogue(t *testing.T) {
	for _, e := range diag.Table {
		t.Run(string(e.Code), func(t *testing.T) {
			x := e.Explanation()
			bad := codesOf(t, x.Bad)
			assert.Equal(t, []string{string(e.Code)}, slices.Compact(bad))
			assert.Empty(t, codesOf(t, x.Good))
		})
	}
}

// codesOf builds an example as its reader would, and gives the codes of the findings.
func codesOf(t *testing.T, example []diag.Example) []string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range example {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(f.Text), 0o644))
	}
	if _, err := os.Lstat(filepath.Join(dir, "manifests")); err == nil {
		return judged(t, dir)
	}
	t.Chdir(dir)
	args := []string{"check"}
	if exists("out") {
		args = []string{"build", "-o", "out"}
	}
	if exists("k8s") {
		args = append(args, "--workloads", "k8s")
	}
	args = append(args, "--date", diag.ExampleDay, "--format", "json")

	var stdout, stderr bytes.Buffer
	code := run(args, strings.NewReader(""), &stdout, &stderr)
	report := stdout.Bytes()
	if args[0] == "build" {
		report = stderr.Bytes()
	}
	var parsed struct {
		Errors   int
		Findings []struct{ Code, Message string }
	}
	require.NoError(t, json.Unmarshal(report, &parsed), "exit code %d\n%s%s", code, &stdout, &stderr)
	assert.Equal(t, parsed.Errors > 0, code == exitFindings, "exit code %d", code)
	var codes []string
	for _, f := range parsed.Findings {
		codes = append(codes, f.Code)
		t.Logf("%s %s", f.Code, f.Message)
	}
	return codes
}

// judged is the codes of an example that is manifests alone.
func judged(t *testing.T, dir string) (codes []string) {
	t.Helper()
	t.Chdir(dir)
	given, err := new(inputs).readPolicies(&cobra.Command{}, []string{"manifests"})
	require.NoError(t, err)
	for _, f := range given.Findings {
		codes = append(codes, string(f.Code))
		t.Logf("%s %s", f.Code, f.Message)
	}
	return codes
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/golden"
)

// TestBrownfield imports the hand-written policies of the example and wants the project and the report that are kept
// beside them. What the project builds, with what it accepts, lets through what the policies do.
func TestBrownfield(t *testing.T) {
	t.Chdir("../../examples/brownfield")
	meshc := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		require.Equal(t, 0, run(args, strings.NewReader(""), &stdout, &stderr), "%s%s", stdout.String(), stderr.String())
		return stdout.String()
	}
	temp := t.TempDir()
	project := filepath.Join(temp, "project")
	if golden.Update() {
		require.NoError(t, os.RemoveAll("project"))
		project = "project"
	}
	report := meshc("import", "--manifests", "policies", "-o", project)
	if _, after, ok := strings.Cut(report, "\n\n"); ok { // without the names of the files
		report = after
	}
	golden.Equal(t, "report.txt", []byte(report))
	assert.Equal(t, contents(t, "project"), contents(t, project))

	deployed := filepath.Join(temp, "deployed")
	meshc("build", "project", "-o", filepath.Join(deployed, "built"))
	require.NoError(t, os.CopyFS(filepath.Join(deployed, "accepted"), os.DirFS("project/accepted")))
	meshc("diff", "policies", deployed, "--exit-code")
	meshc("verify", "project", "--manifests", deployed)
}

// contents is the texts of the files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(text)
		return err
	}))
	return all
}

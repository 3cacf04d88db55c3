package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/golden"
)

// TestExamples builds every example, in each of its environments, and wants the manifests and the findings
// that are kept beside it: manifests/ and findings.txt (none where there is nothing to say).
func TestExamples(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1793491200") // 2026-11-01
	t.Chdir("../..")
	for _, example := range []struct {
		dir    string
		env    string
		broken bool
	}{
		{dir: "shop"},
		{dir: "shop-written-out"},
		{dir: "migration", env: "staging"},
		{dir: "migration", env: "prod"},
		{dir: "online-shop"},
		{dir: "bookinfo"},
		{dir: "bookstore"},
		{dir: "ambient"},
		{dir: "networkpolicy"},
		{dir: "cilium"},
		{dir: "online-boutique"},
		{dir: "broken/strict-with-unmeshed-client", broken: true},
		{dir: "broken/account-mismatch", broken: true},
		{dir: "broken/mtls-to-external", broken: true},
		{dir: "broken/missing-injection", broken: true},
	} {
		t.Run(filepath.Join(example.dir, example.env), func(t *testing.T) {
			dir := "examples/" + example.dir
			manifests, findings := filepath.Join(dir, "manifests", example.env), filepath.Join(dir, "findings.txt")
			args := []string{"build", dir, "-o", manifests, "--all"}
			if example.env != "" {
				args = append(args, "--env", example.env)
				findings = filepath.Join(dir, "findings-"+example.env+".txt")
			}
			if !golden.Update() {
				args = append(args, "--check")
			}
			var stdout, stderr bytes.Buffer
			assert.Equal(t, 0, run([]string{"fmt", "--check", dir}, strings.NewReader(""), &stdout, &stderr), "not as fmt would have it: %s", stdout.String())
			code := run(args, strings.NewReader(""), &stdout, &stderr)
			if example.broken {
				assert.Equal(t, exitFindings, code)
				assert.NoDirExists(t, manifests)
			} else {
				assert.Equal(t, 0, code, "%s%s", stdout.String(), stderr.String())
			}
			said, _, _ := strings.Cut(stderr.String(), "\n"+manifests+":")
			if i := strings.LastIndex(strings.TrimRight(said, "\n"), "\n\n"); i >= 0 {
				said = said[:i+1]
			} else {
				said = ""
			}
			if golden.Update() {
				require.NoError(t, os.RemoveAll(findings))
				if said != "" {
					require.NoError(t, os.WriteFile(findings, []byte(said), 0o644))
				}
			}
			want, err := os.ReadFile(findings)
			if !os.IsNotExist(err) {
				require.NoError(t, err)
			}
			assert.Equal(t, string(want), said)
		})
	}
}

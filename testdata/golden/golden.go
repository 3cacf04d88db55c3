// Package golden compares what a test produces with a file in the repository. `go test -update` rewrites the files
// instead; `make update` does so for every package that imports this one.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Update reports whether the test should rewrite its golden files.
func Update() bool { return *update }

// Equal fails the test unless the file at path holds exactly got. With -update it writes the file first.
func Equal(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "if the new output is right, run the test with -update")
}

// Archives runs a test for each txtar archive that a pattern matches. There must be one.
func Archives(t *testing.T, pattern string, test func(t *testing.T, path string, archive *txtar.Archive)) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			test(t, path, archive)
		})
	}
}

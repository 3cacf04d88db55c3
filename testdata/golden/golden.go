// Package golden compares what a test produces with a file in the repository. `go test -update` rewrites the files
// instead; `make update` does so for every package that imports this one.
package golden

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
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

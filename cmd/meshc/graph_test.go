package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The picture of the online shop in the README is what meshc draws.
func TestGraphOfTheOnlineShop(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1793491200") // 2026-11-01
	t.Chdir("../..")
	const picture = "examples/online-shop/graph.svg"
	var stdout, stderr bytes.Buffer
	require.Equal(t, 0, run([]string{"graph", "examples/online-shop", "--format", "svg"}, strings.NewReader(""), &stdout, &stderr), "%s", &stderr)
	if *update {
		require.NoError(t, os.WriteFile(picture, stdout.Bytes(), 0o644))
	}
	want, err := os.ReadFile(picture)
	require.NoError(t, err)
	assert.Equal(t, string(want), stdout.String())
}

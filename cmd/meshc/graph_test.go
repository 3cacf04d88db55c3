package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/testdata/golden"
)

// The picture of the online shop in the README is what meshc draws.
func TestGraphOfTheOnlineShop(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1793491200") // 2026-11-01
	t.Chdir("../..")
	const picture = "examples/online-shop/graph.svg"
	var stdout, stderr bytes.Buffer
	require.Equal(t, 0, run([]string{"graph", "examples/online-shop", "--format", "svg"}, strings.NewReader(""), &stdout, &stderr), "%s", &stderr)
	golden.Equal(t, picture, stdout.Bytes())
}

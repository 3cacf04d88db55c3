package compiler

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/source"
)

// A project without targets is built for Istio. An unknown target is a finding at its name.
func TestTargets(t *testing.T) {
	all, found := Targets(config.Default(), false)
	require.Empty(t, found)
	require.Len(t, all, 1)
	assert.Equal(t, "istio", all[0].Name())

	c, found := config.Parse(source.NewFile("meshc.yaml", "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets: {istoi: {}}\n"))
	require.Empty(t, found)
	all, found = Targets(c, false)
	assert.Empty(t, all)
	require.Len(t, found, 1)
	assert.Equal(t, "meshc.yaml:3:11: error: unknown key targets.istoi [MESH1202]", found[0].Error())
	assert.Equal(t, "did you mean istio?", found[0].Help)
}

package istio_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio"
)

// Each setting of targets.istio is read, and a wrong one is a finding at its place.
func TestSettings(t *testing.T) {
	for settings, want := range map[string][]string{
		`{apiVersion: security.istio.io/v1beta1, sidecars: true, revision: stable}`: nil,
		`{}`:                                 nil,
		`{apiVersion: security.istio.io/v2}`: {`meshc.yaml:3:31: error: targets.istio.apiVersion cannot be "security.istio.io/v2" [MESH1203]`},
		`{revision: "1.22"}`:                 {`meshc.yaml:3:29: error: targets.istio.revision cannot be "1.22": a name consists of lowercase letters, digits and dashes [MESH1203]`},
		`{sidecar: true}`:                    {`meshc.yaml:3:19: error: unknown key targets.istio.sidecar [MESH1202]`},
		`{sidecars: "yes"}`:                  {`meshc.yaml:3:29: error: targets.istio.sidecars must be true or false, not text [MESH1201]`},
		`[]`:                                 {`meshc.yaml:3:18: error: targets.istio must be a mapping, not a list [MESH1201]`},
	} {
		p, found := config.Parse(source.NewFile("meshc.yaml", "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets: {istio: "+settings+"}\n"))
		require.Empty(t, found, settings)
		require.Len(t, p.Targets, 1)
		target, found := istio.FromSettings(p.Targets[0], false)
		assert.Equal(t, "istio", target.Name())
		var got []string
		for _, d := range found {
			got = append(got, d.Error())
		}
		assert.Equal(t, want, got, settings)
	}
}

package cilium_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/testdata/golden"
)

// TestCases emits the intents of each case, compares the objects and the findings, and proves what is emitted.
func TestCases(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, path string, archive *txtar.Archive) {
		text := archive.Files[0].Data
		parsed, err := compiler.Parse(t.Context(), compiler.Inputs{Files: []compiler.Input{{Name: "shop.mesh", Text: text}}})
		require.NoError(t, err)
		inputs, options := archive.Files[:1], "targets: {cilium: {}}"
		if len(archive.Files) > 1 && archive.Files[1].Name == "meshc.yaml" {
			inputs, options = archive.Files[:2], string(archive.Files[1].Data)
		}
		settings, wrong := config.Parse(source.NewFile("meshc.yaml", "apiVersion: meshc.dev/v1alpha1\nkind: Project\n"+options))
		require.Empty(t, wrong)
		all, wrong := compiler.Targets(settings, false)
		require.Empty(t, wrong)
		p, found := parsed.Check(settings)
		require.NotNil(t, p, "%v", found)
		target := all[0].(targets.Mesh)
		manifests, findings := target.Emit(p)
		got := map[string]string{"want.yaml": string(targets.Stream(manifests))}
		for i := range findings {
			got["findings"] += findings[i].Error() + "\n"
			if findings[i].Help != "" {
				got["findings"] += "  help: " + findings[i].Help + "\n"
			}
		}
		if len(findings) == 0 {
			var layer *enforce.Layer
			layer, wrong = target.Read(compiler.Sources(manifests), model.MeshSettings(p))
			require.Empty(t, wrong)
			require.NoError(t, model.New(p, layer).Prove(t.Context()))
			built, err := parsed.Build(t.Context(), settings) // which proves what it lets through of UDP too
			require.NoError(t, err)
			require.NotNil(t, built.Model)
		}
		archive.Files = inputs
		for _, section := range []string{"findings", "want.yaml"} {
			if got[section] != "" {
				archive.Files = append(archive.Files, txtar.File{Name: section, Data: []byte(got[section])})
			}
		}
		golden.Equal(t, path, txtar.Format(archive))
	})
}

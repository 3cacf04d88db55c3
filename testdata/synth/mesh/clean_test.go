package mesh_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/synth/mesh"
)

// A generated project has no findings. Measuring a build that stops at one would show nothing.
func TestNoFindings(t *testing.T) {
	for _, c := range []mesh.Config{
		{Services: mesh.MinServices}, {Services: 7}, {Services: 51}, {Services: 500, Seed: 1},
		{Services: 230, Seed: 2, Workloads: true}, {Services: 200, Callers: 8, Seed: 3},
	} {
		p := compiler.Inputs{Config: config.Default(), Today: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
		for _, f := range mesh.Generate(c) {
			switch {
			case strings.HasSuffix(f.Path, ".mesh"):
				p.Files = append(p.Files, compiler.Input{Name: f.Path, Text: f.Data})
			case strings.HasPrefix(f.Path, "k8s/"):
				p.Workloads = append(p.Workloads, inventory.Input{File: source.NewFile(f.Path, string(f.Data))})
			default:
				var findings diag.List
				p.Config, findings = config.Parse(source.NewFile(f.Path, string(f.Data)))
				assert.Empty(t, findings)
			}
		}
		policy, findings, _ := compiler.Check(t.Context(), p)
		for i := range min(len(findings), 5) {
			assert.Fail(t, findings[i].Error(), "%+v", c)
		}
		require.NotNil(t, policy)
		callees := 0
		for _, m := range policy.Meshes {
			for _, s := range m.Services {
				if len(s.Allow) > 0 {
					callees++
				}
			}
		}
		assert.Equal(t, c.Services, callees, "every service has callers")
	}
}

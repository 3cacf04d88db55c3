package istio

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets"
)

var update = flag.Bool("update", false, "renew the goldens")

// TestCases builds the policy of each case and compares what comes out: the stream, and the findings.
func TestCases(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			files := map[string]string{}
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			p, options := readTable(t, "shop.mesh", files["policy"])
			manifests, findings := New(options).Emit(p)
			got := map[string]string{"want.yaml": string(targets.Stream(manifests))}
			for i := range findings {
				got["findings"] += findings[i].Error() + "\n"
				if findings[i].Help != "" {
					got["findings"] += "  help: " + findings[i].Help + "\n"
				}
			}
			if *update {
				archive.Files = archive.Files[:1]
				for _, section := range []string{"findings", "want.yaml"} {
					if got[section] != "" {
						archive.Files = append(archive.Files, txtar.File{Name: section, Data: []byte(got[section])})
					}
				}
				require.NoError(t, os.WriteFile(name, txtar.Format(archive), 0o644))
				return
			}
			require.Equal(t, files["findings"], got["findings"])
			require.Equal(t, files["want.yaml"], got["want.yaml"])
		})
	}
}

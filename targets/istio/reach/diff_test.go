package reach_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/targets/istio/reach"
)

var update = flag.Bool("update", false, "write the expected differences anew")

func lines(d *reach.Diff) string {
	var b strings.Builder
	say := func(what string, list []reach.Change) {
		for _, c := range list {
			fmt.Fprintf(&b, "%s: %s", what, c.Text)
			if !c.At.IsZero() {
				fmt.Fprintf(&b, "  [%s:%d]", c.At.File.Name, c.At.StartPosition().Line)
			}
			if c.Because != "" {
				fmt.Fprintf(&b, " because %s", c.Because)
			}
			b.WriteString("\n")
		}
	}
	say("opened", d.Opened)
	say("closed", d.Closed)
	say("fail-open", d.FailOpen)
	say("fail-closed", d.FailClosed)
	for _, r := range d.Reachable {
		fmt.Fprintf(&b, "reachable: %s\n", r)
	}
	for _, m := range d.Modes {
		fmt.Fprintf(&b, "mode: %s\n", m)
	}
	return b.String()
}

// TestDiff compares, in each archive of testdata/diff, the projects before.mesh and after.mesh, and wants what is in
// want.
func TestDiff(t *testing.T) {
	archives, err := filepath.Glob("testdata/diff/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			sides := map[string]*reach.Model{}
			want := ""
			for i := range archive.Files {
				f := &archive.Files[i]
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				p, manifests := compile(t, compiler.Input{Name: f.Name, Text: f.Data})
				sides[f.Name] = model(t, p, manifests)
				same, err := reach.Compare(sides[f.Name], sides[f.Name])
				require.NoError(t, err)
				require.True(t, same.None())
			}
			d, err := reach.Compare(sides["before.mesh"], sides["after.mesh"])
			require.NoError(t, err)
			back, err := reach.Compare(sides["after.mesh"], sides["before.mesh"])
			require.NoError(t, err)
			assert.Equal(t, d.None(), back.None())
			assert.Equal(t, len(d.FailOpen), len(back.FailClosed))
			if *update {
				for i := range archive.Files {
					if archive.Files[i].Name == "want" {
						archive.Files[i].Data = []byte(lines(d))
					}
				}
				require.NoError(t, os.WriteFile(name, txtar.Format(archive), 0o644))
				return
			}
			assert.Equal(t, want, lines(d))
		})
	}
}

package migrate_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/inventory"
	"github.com/meshc/meshc/compiler/migrate"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/golden"
)

// Each archive of testdata holds a project, the plan of its environment prod, and what its meshc.yaml has come to when
// no step is ready any more.
func TestPlan(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, path string, archive *txtar.Archive) {
		got := *archive
		got.Files = nil
		p := compiler.Inputs{Environment: "prod"}
		var settings *source.File
		for _, f := range archive.Files {
			switch {
			case f.Name == "want" || f.Name == "then":
				continue
			case f.Name == "meshc.yaml":
				settings = source.NewFile(f.Name, string(f.Data))
			case filepath.Ext(f.Name) == ".mesh":
				p.Files = append(p.Files, compiler.Input{Name: f.Name, Text: f.Data})
			default:
				p.Workloads = append(p.Workloads, inventory.Input{File: source.NewFile(f.Name, string(f.Data))})
			}
			got.Files = append(got.Files, f)
		}
		var findings diag.List
		p.Config, findings = config.Parse(settings)
		require.Empty(t, findings)
		parsed, err := compiler.Parse(t.Context(), p)
		require.NoError(t, err)
		plan, list, err := migrate.New(t.Context(), parsed)
		require.NoError(t, err)
		got.Files = append(got.Files, txtar.File{Name: "want", Data: []byte(dump(plan, list))})
		then := settings.Text
		for plan != nil {
			_, step := plan.Ready()
			if step == nil {
				break
			}
			text, after, ok := step.Apply(parsed.Config, "prod")
			require.True(t, ok, "%+v", step)
			then, parsed.Config = text, after
			plan, _, err = migrate.New(t.Context(), parsed)
			require.NoError(t, err)
		}
		if then != settings.Text {
			got.Files = append(got.Files, txtar.File{Name: "then", Data: []byte(then)})
		}
		golden.Equal(t, path, txtar.Format(&got))
	})
}

func dump(p *migrate.Plan, list diag.List) string {
	var b strings.Builder
	if p == nil {
		for i := range list {
			fmt.Fprintf(&b, "%s\n", list[i].Error())
		}
		return b.String()
	}
	blockers := func(what string, all []migrate.Blocker) {
		for _, x := range all {
			fmt.Fprintf(&b, "%s: %s", what, x.Text)
			if !x.At.IsZero() {
				fmt.Fprintf(&b, " at %s:%d", x.At.File.Name, x.At.StartPosition().Line)
			}
			b.WriteByte('\n')
		}
	}
	blockers("refused", p.Refused)
	blockers("cut", p.Cut)
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s: %s to %s", strings.Join(s.Setting, " "), s.From, s.To)
		if s.Why != "" {
			fmt.Fprintf(&b, " (%s)", s.Why)
		}
		b.WriteByte('\n')
		blockers("\tcut", s.Cut)
		blockers("\tblocked", s.Blocked)
	}
	blockers("looser", p.Looser)
	return b.String()
}

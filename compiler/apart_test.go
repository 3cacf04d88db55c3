package compiler_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/testdata/told"
)

// Two drafts that are proved only where they differ have the manifests and the findings of two builds, and the same difference.
func TestDraftsDifferAsBuildsDo(t *testing.T) {
	steps := 40
	if testing.Short() {
		steps = 8
	}
	partial := 0
	for _, root := range editedProjects(t) {
		t.Run(filepath.Base(root), func(t *testing.T) {
			r := rand.New(rand.NewPCG(2, uint64(len(root))))
			open := func(o compiler.Options) *compiler.Project {
				p, err := compiler.Open(t.Context(), o, root)
				require.NoError(t, err)
				return p
			}
			build := func(p *compiler.Project) *compiler.Build {
				b, err := p.Build(t.Context())
				require.NoError(t, err)
				return b
			}
			last := open(compiler.Options{})
			was := build(last)
			require.True(t, was.Judgeable(), "%v", was.Findings)
			for range steps {
				f := last.Parsed.Inputs.Files[r.IntN(len(last.Parsed.Inputs.Files))]
				unsaved := map[string]string{last.Path(f.Name): mutate(r, string(f.Text))}
				next := open(compiler.Options{Unsaved: unsaved, Earlier: last.Parsed})
				is := build(next)
				if !is.Judgeable() {
					continue
				}
				drafts := [2]*compiler.Build{}
				var err error
				first := r.IntN(2)
				projects := [2]*compiler.Project{last, next}
				drafts[first], err = projects[first].Draft(t.Context(), nil)
				require.NoError(t, err)
				drafts[1-first], err = projects[1-first].Draft(t.Context(), drafts[first])
				require.NoError(t, err)
				require.NoError(t, compiler.Prove(t.Context(), drafts[:]...))
				for i, b := range [2]*compiler.Build{was, is} {
					require.Equal(t, told.Of(b.Findings), told.Of(drafts[i].Findings))
					require.Equal(t, string(targets.Stream(b.Manifests)), string(targets.Stream(drafts[i].Manifests)))
				}
				want, got := difference(t, was, is), difference(t, drafts[0], drafts[1])
				require.Equal(t, want, got, "%s", unsaved)
				if shared(drafts) {
					partial++
				}
			}
		})
	}
	assert.Greater(t, partial, 10, "drafts had nothing in common")
}

// difference is all that is told of a difference.
func difference(t *testing.T, before, after *compiler.Build) string {
	d, err := compiler.Diff(t.Context(), before.Side(""), after.Side(""))
	require.NoError(t, err)
	var b bytes.Buffer
	for _, list := range [][]any{pointers(d.Opened), pointers(d.Closed), pointers(d.FailOpen), pointers(d.FailClosed), pointers(d.Reachable), pointers(d.Passages), pointers(d.Modes), pointers(d.Others)} {
		fmt.Fprintln(&b, list...)
	}
	for _, f := range d.Files {
		fmt.Fprintf(&b, "%s\n%s\n%s\n", f.Path, f.Before, f.After)
	}
	fmt.Fprintln(&b, d.Network, d.DryRun, told.Of(d.Findings), d.Unfollowed)
	return b.String()
}

func pointers[T any](list []T) (all []any) {
	for i := range list {
		all = append(all, &list[i], "\n")
	}
	return all
}

// shared reports whether one draft has manifests of the other.
func shared(drafts [2]*compiler.Build) bool {
	seen := map[*byte]bool{}
	for _, m := range drafts[0].Manifests {
		seen[&m.YAML[0]] = true
	}
	for _, m := range drafts[1].Manifests {
		if seen[&m.YAML[0]] {
			return true
		}
	}
	return false
}

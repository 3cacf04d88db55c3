package compiler_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/testdata/told"
)

// Two drafts that are proved only where they differ have the manifests and the findings of two builds, and the same
// difference.
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
		seen[unsafe.StringData(m.YAML)] = true
	}
	for _, m := range drafts[1].Manifests {
		if seen[unsafe.StringData(m.YAML)] {
			return true
		}
	}
	return false
}

// What a namespace says may matter in another one, which has the same text on both sides.
func TestDraftsDifferElsewhere(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		gateway             bool // beside a namespace with one
	}{
		{"an identity", "service a account a\n", "service a account another\n", false},
		{"a service that is new", "# more", "service d account d\na -> d\n", false},
		{"a chain", "# more", "a -> two/b\n", true},
		{"an edge that is gone", "a -> c\n", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			one := "mesh one strict\nservice a account a\nservice c account c\na -> c\na -> three/e\n# more"
			for file, text := range map[string]string{
				"one.mesh":   one,
				"two.mesh":   "mesh two strict\nservice b account b\nexport b to one/*\nb -> three/e\n",
				"three.mesh": "mesh three strict\nservice e account e\nservice f account f\nexport e to one/*\nexport e to two/*\ne -> f\n",
				"edge.mesh":  "mesh edge strict\nservice gate account gate gateway label app=gate port 8080 http\nworld -> gate:8080\n",
			} {
				if file == "edge.mesh" && !c.gateway {
					continue
				}
				require.NoError(t, os.WriteFile(filepath.Join(root, file), []byte(text), 0o644))
			}
			open := func(text string) *compiler.Project {
				p, err := compiler.Open(t.Context(), compiler.Options{Unsaved: map[string]string{filepath.Join(root, "one.mesh"): text}}, root)
				require.NoError(t, err)
				return p
			}
			require.Contains(t, one, c.before)
			projects := [2]*compiler.Project{open(one), open(strings.Replace(one, c.before, c.after, 1))}
			var builds, drafts [2]*compiler.Build
			for i, p := range projects {
				var err error
				builds[i], err = p.Build(t.Context())
				require.NoError(t, err)
				require.True(t, builds[i].Judgeable(), "%v", builds[i].Findings)
				drafts[i], err = p.Draft(t.Context(), drafts[0])
				require.NoError(t, err)
			}
			require.NoError(t, compiler.Prove(t.Context(), drafts[:]...))
			require.Equal(t, string(targets.Stream(builds[1].Manifests)), string(targets.Stream(drafts[1].Manifests)))
			require.Equal(t, difference(t, builds[0], builds[1]), difference(t, drafts[0], drafts[1]))
			require.True(t, shared(drafts))
		})
	}
}

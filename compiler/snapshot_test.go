package compiler_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/testdata/synth/mesh"
	"github.com/meshc/meshc/testdata/told"
)

// A project that was edited step by step has the same findings and manifests as one that is opened from nothing.
func TestEditsEqualABuildFromNothing(t *testing.T) {
	steps := 25
	if testing.Short() {
		steps = 5
	}
	for _, root := range editedProjects(t) {
		t.Run(filepath.Base(root), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(len(root))))
			unsaved := map[string]string{}
			s, err := compiler.OpenSnapshot(t.Context(), compiler.Options{}, root)
			require.NoError(t, err)
			require.NotNil(t, s.Parsed, "%v", s.Findings)
			built := 0
			for step := range steps {
				in := s.Parsed.Inputs
				var name, text string
				if len(in.Workloads) > 0 && r.IntN(4) == 0 {
					f := in.Workloads[r.IntN(len(in.Workloads))].File
					name, text = f.Name, f.Text
				} else {
					f := in.Files[r.IntN(len(in.Files))]
					name, text = f.Name, string(f.Text)
				}
				text = mutate(r, text)
				var known bool
				if step%3 == 2 { // as a person does who takes back what was wrong
					for path := range unsaved {
						original, err := os.ReadFile(path)
						require.NoError(t, err)
						name, text = s.Name(path), string(original)
						s, known, err = s.Edit(t.Context(), name, text)
						require.NoError(t, err)
						require.True(t, known, name)
						unsaved[path] = text
					}
				}
				s, known, err = s.Edit(t.Context(), name, text)
				require.NoError(t, err)
				require.True(t, known, name)
				unsaved[s.Path(name)] = text

				fresh, err := compiler.Open(t.Context(), compiler.Options{Unsaved: unsaved}, root)
				require.NoError(t, err)
				want, err := fresh.Build(t.Context())
				require.NoError(t, err)
				found := s.Found()
				require.Equal(t, told.Of(s.Checked().Findings), told.Of(found), "after step %d: %s\n%s", step, name, text)
				got, err := s.Build(t.Context())
				require.NoError(t, err)
				require.Equal(t, told.Of(want.Findings), told.Of(got.Findings), "after step %d: %s\n%s", step, name, text)
				require.Equal(t, len(want.Manifests), len(got.Manifests))
				for i := range want.Manifests {
					require.Equal(t, string(want.Manifests[i].YAML), string(got.Manifests[i].YAML))
				}
				if len(got.Manifests) > 0 {
					built++
				}
			}
			assert.NotZero(t, built, "no edit led to a project that builds")
		})
	}
}

// While meshc.yaml is broken, the intents are judged by the settings that it had.
func TestBrokenSettingsSilenceNothing(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("../examples/shop")))
	s, err := compiler.OpenSnapshot(t.Context(), compiler.Options{}, root)
	require.NoError(t, err)
	settings := filepath.Join(root, "meshc.yaml")
	s, err = s.Reopen(t.Context(), map[string]string{settings: "nonsense: ["})
	require.NoError(t, err)
	require.True(t, s.Checked().Findings.HasErrors())
	s, known, err := s.Edit(t.Context(), s.Parsed.Files[0].Name, "mesh shop strict; frontend -> backen")
	require.NoError(t, err)
	require.True(t, known)
	files := map[string]bool{}
	for _, d := range s.Checked().Findings {
		files[d.Primary.File.Name] = true
	}
	assert.True(t, files["meshc.yaml"] && files[s.Parsed.Files[0].Name], "findings in %v", files)
	s, err = s.Reopen(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, s.Checked().Findings)
}

// editedProjects returns the examples and some generated projects, each in a folder that exists.
func editedProjects(t *testing.T) (roots []string) {
	examples, err := filepath.Glob("../examples/*/*.mesh")
	require.NoError(t, err)
	for _, name := range examples {
		if root := filepath.Dir(name); !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	require.Greater(t, len(roots), 3)
	for seed := range uint64(3) {
		root := filepath.Join(t.TempDir(), fmt.Sprintf("generated%d", seed))
		for _, f := range mesh.Generate(mesh.Config{Services: 12 + 7*int(seed), Namespace: 5, Seed: seed, Workloads: seed > 0}) {
			path := filepath.Join(root, filepath.FromSlash(f.Path))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, f.Data, 0o644))
		}
		roots = append(roots, root)
	}
	return roots
}

// mutate changes a text as typing does: a line goes, is repeated or moves, a word is replaced by another one, or a few
// characters are typed or deleted.
func mutate(r *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	at := r.IntN(len(lines))
	switch r.IntN(5) {
	case 0:
		lines = slices.Delete(lines, at, at+1)
	case 1:
		lines = slices.Insert(lines, r.IntN(len(lines)), lines[at])
	case 2:
		words := strings.Fields(text)
		if fields := strings.Fields(lines[at]); len(fields) > 0 && len(words) > 0 {
			lines[at] = strings.Replace(lines[at], fields[r.IntN(len(fields))], words[r.IntN(len(words))], 1)
		}
	case 3:
		typed := []string{"\n", " ", "-> ", "never * -> x\n", "x", "ö", "\"", ":", "# "}
		i := r.IntN(len(lines[at]) + 1)
		lines[at] = lines[at][:i] + typed[r.IntN(len(typed))] + lines[at][i:]
	default:
		if n := len(lines[at]); n > 0 {
			i := r.IntN(n)
			lines[at] = lines[at][:i] + lines[at][min(n, i+1+r.IntN(4)):]
		}
	}
	return strings.Join(lines, "")
}

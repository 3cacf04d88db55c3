package playground

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/targets"
)

func ask(t *testing.T, p *Page, q Request) (out Response) {
	request, err := json.Marshal(q)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(p.Answer(t.Context(), request), &out))
	require.Empty(t, out.Failure)
	return out
}

const shop = "mesh shop strict\nservice a account a-sa port 80 http\nservice b account b-sa port 80 http\n"

func TestAnswer(t *testing.T) {
	var page Page
	got := ask(t, &page, Request{Files: map[string]string{"shop.mesh": shop + "a -> b\n"}, Why: []string{"b", "a"}})
	assert.Empty(t, got.Findings)
	assert.Contains(t, got.Manifests, "kind: AuthorizationPolicy")
	assert.Contains(t, got.Graph, "<svg")
	assert.Contains(t, got.Why, "denied")
	assert.Contains(t, got.Why, "to allow it, write in mesh shop: b -> a")

	got = ask(t, &page, Request{Files: map[string]string{"shop.mesh": "# 😀\n" + shop + "aa -> b\n"}})
	assert.Empty(t, got.Manifests)
	require.Len(t, got.Findings, 1)
	f := got.Findings[0]
	assert.Equal(t, "MESH1001", f.Code)
	assert.Equal(t, len("# ..\n"+shop), f.From, "the emoji has two units")
	assert.Equal(t, Edit{"shop.mesh", f.From, f.To, "a"}, f.Fixes[0].Edits[0])

	got = ask(t, &page, Request{Files: map[string]string{"meshc.yaml": "nonsense: 1\n", "shop.mesh": shop}})
	require.NotEmpty(t, got.Findings)
	assert.Equal(t, "meshc.yaml", got.Findings[0].File)
}

// A page that was asked before answers what a new one does, whatever changed since: each line of each file goes, and
// comes back.
func TestLaterAnswers(t *testing.T) {
	folder := os.DirFS("../../../../examples/shop-written-out")
	files := map[string]string{}
	require.NoError(t, fs.WalkDir(folder, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".mesh" && filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(folder, path)
		files[path] = string(text)
		return err
	}))
	require.Greater(t, len(files), 3)
	var page Page
	for name, text := range files {
		lines := strings.SplitAfter(text, "\n")
		for i := range lines {
			files[name] = strings.Join(slices.Concat(lines[:i], lines[i+1:]), "")
			require.Equal(t, ask(t, new(Page), Request{Files: files}), ask(t, &page, Request{Files: files}), "%s without line %d", name, i+1)
		}
		files[name] = text
	}
}

// Every example is on the page what it is on disk: by the namespaces of meshc.yaml, too.
func TestExamplesAreWhatTheyAreOnDisk(t *testing.T) {
	folders, err := filepath.Glob("../../../../examples/*")
	require.NoError(t, err)
	broken, err := filepath.Glob("../../../../examples/broken/*")
	require.NoError(t, err)
	judged := 0
	for _, folder := range slices.Concat(folders, broken) {
		p, err := compiler.OpenSnapshot(t.Context(), compiler.Options{}, folder)
		if err != nil || len(p.Config.Accepted) > 0 {
			continue // no project, or one that is published
		}
		b, err := p.Build(t.Context())
		require.NoError(t, err)
		got := ask(t, new(Page), Request{Files: p.Texts()})
		var want []Finding
		for _, d := range b.Findings {
			want = append(want, findingOf(&d))
		}
		assert.ElementsMatch(t, want, got.Findings, folder)
		if !b.Findings.HasErrors() {
			assert.Equal(t, string(targets.Stream(b.Manifests)), got.Manifests, folder)
			judged++
		}
	}
	assert.Greater(t, judged, 8)
}

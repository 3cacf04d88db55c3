package targets

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/testdata/golden"
)

// manifests parses lines `WAVE KIND NAMESPACE/NAME [FOLDER]`. The YAML of each object is a comment with that line.
func manifests(table string) (ms []Manifest) {
	for line := range strings.Lines(table) {
		words := strings.Fields(line)
		wave, err := strconv.Atoi(words[0])
		if err != nil {
			panic(err)
		}
		namespace, name, _ := strings.Cut(words[2], "/")
		words = append(words, "")
		ms = append(ms, Manifest{
			APIVersion: "example/v1", Kind: words[1], Namespace: namespace, Name: name, Wave: wave, Folder: words[3],
			YAML: "# " + strings.TrimSpace(strings.Join(words, " ")) + "\n",
		})
	}
	return ms
}

// TestLayout lays out tables of unsorted manifests.
func TestLayout(t *testing.T) {
	names, err := filepath.Glob("testdata/layout/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		require.NoError(t, err)
		ms := manifests(string(archive.Files[0].Data))
		given := slices.Clone(ms)
		got := txtar.Archive{Comment: archive.Comment, Files: archive.Files[:1:1]}
		got.Files = append(got.Files, txtar.File{Name: "stream", Data: Stream(ms)})
		files := Layout(ms, "prod")
		require.True(t, slices.IsSortedFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) }))
		at := slices.IndexFunc(files, func(f File) bool { return f.Path == LockName })
		lock, err := ParseLock(files[at].Data)
		require.NoError(t, err)
		require.Equal(t, len(files)-1, len(lock.Files))
		for _, f := range files {
			if digest, ok := lock.Find(f.Path); f.Path != LockName {
				require.True(t, ok)
				require.Equal(t, Digest(f.Data), digest)
			}
			got.Files = append(got.Files, txtar.File{Name: f.Path, Data: f.Data})
		}
		require.Equal(t, given, ms, "Layout must not sort the slice of its caller")
		golden.Equal(t, name, txtar.Format(&got))
	}
}

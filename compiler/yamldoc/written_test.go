package yamldoc

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/source"
)

// sameAsLibrary requires that a document which is read without the library has the nodes that the library makes of it.
func sameAsLibrary(t *testing.T, memory *Memory, text string) (quick bool) {
	root := memory.written(text)
	if root == nil {
		return false
	}
	want, err := parseAny(text)
	require.NoError(t, err, "%q", text)
	require.Equal(t, want, root, "%q", text)
	return true
}

// The manifests of the examples, some of which the product wrote and some of which people did.
func TestWritten(t *testing.T) {
	quick, all := 0, 0
	var memory Memory
	require.NoError(t, filepath.WalkDir("../../examples", func(name string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for d := range Split(source.NewFile(name, string(text))) {
			if all++; !d.json && sameAsLibrary(t, &memory, d.Text) {
				quick++
			}
		}
		return nil
	}))
	require.Greater(t, quick, all/3)
}

func FuzzWritten(f *testing.F) {
	for _, text := range []string{
		"---\na: b\n", "a:\n- b\n- c: d\n  e: f\n- - g\n", "a:\n  - b\n", "- a: 1\n  b: [ ]\n", "a: {}\nb: []\n", "a: 'it''s'\nb: \"c\"\n", "'a': b\n",
		"a: 1\nb: 1.5\nc: true\nd: null\ne: ~\nf: 2001-01-01\ng: 0x1f\nh: 1_000\ni: .inf\nj: yes\nk: 0o7\nl: 010\n", "80: x\n1.5: y\nnull: z\n",
		"a: long text\n  that goes on\nb: c\n", "a:\nb: c\n", "a: b # c\n", "a: |\n  b\n", "a: &x b\nc: *x\n", "a: !!str 1\n", "a: b\na: c\n", "a: b\n\n\n  c: d\n", "- a\n\n- b\n",
		"a: é\n", "a: b\r\n", "a:\tb\n", "a", "- -1\n", "{}\n", "a: {}b\n", "k8s:app: b\nany:a.b/c: d\n", "- a:b: c\n- a:b\n", "a:b:\n- c:d:e: f\n", "a::b: c\n", "1:2: 3\n", "a:1: 2\n", "y:n: z\na:-b: c\n", "---\n\n\n  a:\n    b: c\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("x.yaml", text)
		if Text(file) != nil {
			return
		}
		var memory Memory
		for d := range Split(file) {
			sameAsLibrary(t, &memory, d.Text)
		}
	})
}

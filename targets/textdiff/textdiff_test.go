package textdiff_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/targets/textdiff"
)

// numbered returns n numbered lines.
func numbered(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

func TestDiff(t *testing.T) {
	twenty := numbered(20)
	for name, c := range map[string]struct{ before, after, want string }{
		"the same":   {twenty, twenty, ""},
		"both empty": {"", "", ""},
		"a new text": {"", "a\nb\n", `--- old
+++ new
@@ -0,0 +1,2 @@
+a
+b
`},
		"a deleted text": {"a\n", "", `--- old
+++ new
@@ -1 +0,0 @@
-a
`},
		"a line in the middle": {twenty, strings.Replace(twenty, "line 10\n", "line ten\n", 1), `--- old
+++ new
@@ -7,7 +7,7 @@
 line 7
 line 8
 line 9
-line 10
+line ten
 line 11
 line 12
 line 13
`},
		"changes far apart": {twenty, strings.NewReplacer("line 2\n", "", "line 19\n", "line 19\nline 19b\n").Replace(twenty), `--- old
+++ new
@@ -1,5 +1,4 @@
 line 1
-line 2
 line 3
 line 4
 line 5
@@ -17,4 +16,5 @@
 line 17
 line 18
 line 19
+line 19b
 line 20
`},
		"changes with adjacent context": {twenty, strings.NewReplacer("line 5\n", "5\n", "line 12\n", "12\n").Replace(twenty), `--- old
+++ new
@@ -2,14 +2,14 @@
 line 2
 line 3
 line 4
-line 5
+5
 line 6
 line 7
 line 8
 line 9
 line 10
 line 11
-line 12
+12
 line 13
 line 14
 line 15
`},
		"no newline at the end": {"a\nb", "a\nb\n", `--- old
+++ new
@@ -1,2 +1,2 @@
 a
-b
\ No newline at end of file
+b
`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, string(textdiff.Unified("old", "new", []byte(c.before), []byte(c.after))))
		})
	}
}

func TestMissingFiles(t *testing.T) {
	assert.Equal(t, "--- /dev/null\n+++ new\n@@ -0,0 +1 @@\n+a\n", string(textdiff.Unified("old", "new", nil, []byte("a\n"))))
	assert.Equal(t, "--- old\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", string(textdiff.Unified("old", "new", []byte("a\n"), nil)))
}

// Beyond maxLines a text is shown as replaced, without a search.
func TestDiffOfLargeTexts(t *testing.T) {
	before, after := numbered(30_000), strings.ReplaceAll(numbered(30_000), "line", "row")
	got := string(textdiff.Unified("old", "new", []byte(before), []byte(after)))
	assert.Equal(t, 60_000+3, strings.Count(got, "\n"))
}

// Applied to the old text by patch(1), the diff yields the new text.
func FuzzDiffPatches(f *testing.F) {
	patch, err := exec.LookPath("patch")
	if err != nil {
		f.Log("patch(1) is not installed; only equal texts are tested")
	}
	f.Add("a\nb\nc\n", "a\nc\n")
	f.Add("", "x")
	f.Add("x", "x\n")
	f.Add(numbered(30), strings.ReplaceAll(numbered(30), "5", "five"))
	f.Fuzz(func(t *testing.T, before, after string) {
		diff := textdiff.Unified("text", "text", []byte(before), []byte(after))
		if before == after {
			assert.Empty(t, diff)
			return
		}
		// patch(1) reads a carriage return or NUL in its own way, and removes files that become empty.
		if patch == "" || strings.ContainsAny(before+after, "\r\x00") || before == "" || after == "" {
			return
		}
		name := filepath.Join(t.TempDir(), "text")
		require.NoError(t, os.WriteFile(name, []byte(before), 0o644))
		cmd := exec.Command(patch, "--silent", name)
		cmd.Stdin = strings.NewReader(string(diff))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", out, diff)
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, after, string(got), "%s", diff)
	})
}

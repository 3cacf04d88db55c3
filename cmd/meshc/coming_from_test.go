package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var namedBlock = regexp.MustCompile("(?s)```(?:yaml|mesh) (\\S+)\n(.*?)```\n")

// Each page for those who come from another tool shows what its commands make of its files.
func TestComingFrom(t *testing.T) {
	pages, err := filepath.Glob("../../grammar/coming-from/*.md")
	require.NoError(t, err)
	require.Len(t, pages, 4)
	texts := map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		texts[filepath.Base(page)] = string(text)
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			want := map[string]string{}
			for _, m := range namedBlock.FindAllStringSubmatch(text, -1) {
				if strings.HasPrefix(m[1], "intents/") {
					want[m[1]] = m[2]
					continue
				}
				require.NoError(t, os.MkdirAll(filepath.Dir(m[1]), 0o755))
				require.NoError(t, os.WriteFile(m[1], []byte(m[2]), 0o644))
			}
			ran := 0
			for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
				for line := range strings.Lines(m[1]) {
					ran++
					_, stderr, code := says(t, strings.Fields(line)[1:]...)
					assert.Zero(t, code, "%s%s", line, stderr)
				}
			}
			assert.Equal(t, 2, ran)
			made := map[string]string{}
			files, err := filepath.Glob("intents/*.mesh")
			require.NoError(t, err)
			for _, f := range files {
				content, err := os.ReadFile(f)
				require.NoError(t, err)
				made[filepath.ToSlash(f)] = string(content)
			}
			assert.Equal(t, want, made)
			assert.NoDirExists(t, "intents/accepted")
		})
	}
}

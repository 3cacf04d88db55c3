package main

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/lang/diag"
)

const repository = "../.."

func written(t *testing.T) string {
	t.Helper()
	playground := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(playground, "index.html"), []byte("<title>playground</title>"), 0o644))
	out := filepath.Join(t.TempDir(), "site")
	require.NoError(t, (&site{root: repository, version: "main", playground: playground}).write(out))
	return out
}

var (
	links = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	ids   = regexp.MustCompile(`\bid="([^"]*)"`)
)

// Every link leads to a page and a heading that are there, or to a file of the repository; nothing is fetched from
// elsewhere.
func TestNoDeadLinks(t *testing.T) {
	out := written(t)
	pages := map[string]string{}
	require.NoError(t, filepath.WalkDir(out, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(out, name)
		pages[filepath.ToSlash(rel)] = string(text)
		return err
	}))
	assert.Greater(t, len(pages), len(diag.Table)+10)
	checked := 0
	for name, text := range pages {
		if path.Ext(name) != ".html" {
			continue
		}
		seen := map[string]bool{}
		for _, m := range ids.FindAllStringSubmatch(text, -1) {
			assert.False(t, seen[m[1]] && !strings.HasPrefix(name, "playground/"), "%s has the id %s twice", name, m[1])
			seen[m[1]] = true
		}
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			checked++
			u, err := url.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			require.NoError(t, err, m[1])
			if rest, ok := strings.CutPrefix(m[1], "https://github.com/meshc/meshc/"); ok {
				if at := strings.Index(rest, "/main/"); at >= 0 {
					_, err := os.Stat(filepath.Join(repository, strings.SplitN(rest[at+len("/main/"):], "#", 2)[0]))
					assert.NoError(t, err, "%s leads to %s", name, m[1])
				}
				continue
			}
			if u.IsAbs() {
				assert.False(t, strings.Contains(m[0], "src="), "%s fetches %s", name, m[1])
				continue
			}
			target := name
			if u.Path != "" {
				target = path.Join(path.Dir(name), u.Path)
			}
			page, ok := pages[target]
			if assert.True(t, ok, "%s: a dead link to %s", name, m[1]) && u.Fragment != "" {
				assert.Contains(t, page, `id="`+u.Fragment+`"`, "%s: %s", name, m[1])
			}
		}
	}
	assert.Greater(t, checked, 3000)
}

// Every code has a page, which the table of findings leads to and the search finds.
func TestCodes(t *testing.T) {
	out := written(t)
	findings, err := os.ReadFile(filepath.Join(out, "findings.html"))
	require.NoError(t, err)
	index, err := os.ReadFile(filepath.Join(out, "assets/index.js"))
	require.NoError(t, err)
	for _, e := range diag.Table {
		page, err := os.ReadFile(filepath.Join(out, "codes", string(e.Code)+".html"))
		require.NoError(t, err)
		assert.Contains(t, string(page), "Wrong:", e.Code)
		assert.Contains(t, string(findings), `href="codes/`+string(e.Code)+`.html"`)
		assert.Contains(t, string(index), `"u":"codes/`+string(e.Code)+`.html"`)
	}
	assert.NotContains(t, string(findings), `id="mesh1001"`)
}

func TestCode(t *testing.T) {
	out := written(t)
	page, err := os.ReadFile(filepath.Join(out, "language.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), `<span class="k">mesh</span>`, "the language is in colour")
	index, err := os.ReadFile(filepath.Join(out, "index.html"))
	require.NoError(t, err)
	assert.Contains(t, string(index), `<li><span><b>intents</b> <small>shop.mesh</small></span><i>→</i><span><b>lang</b> <small>parse</small></span>`)
	assert.NotContains(t, string(index), "flowchart")
	assert.Contains(t, string(index), `href="playground/index.html"`)
}

// A link that leads nowhere is an error of the build.
func TestDeadLink(t *testing.T) {
	s := &site{root: repository, version: "main"}
	_, err := s.resolve(&page{from: "grammar/language.md", to: "language.html"}, "nowhere.md")
	assert.ErrorContains(t, err, "grammar/language.md: a dead link: nowhere.md")
}

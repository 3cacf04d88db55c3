package diff_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/testdata/golden"
)

func lines(d *diff.Diff) string {
	var b strings.Builder
	list := func(what string, changes []diff.Change) {
		for i := range changes {
			c := &changes[i]
			fmt.Fprintf(&b, "%s: %s", what, c)
			if !c.At.IsZero() {
				fmt.Fprintf(&b, "  [%s:%d]", c.At.File.Name, c.At.StartPosition().Line)
			}
			if c.Because != "" {
				fmt.Fprintf(&b, " because %s", c.Because)
			}
			b.WriteString("\n")
		}
	}
	list("opened", d.Opened)
	list("closed", d.Closed)
	list("fail-open", d.FailOpen)
	list("fail-closed", d.FailClosed)
	for _, r := range d.Reachable {
		fmt.Fprintf(&b, "reachable: %s\n", &r)
	}
	for _, m := range d.Modes {
		fmt.Fprintf(&b, "mode: %s\n", &m)
	}
	return b.String()
}

// TestDiff compares, in each archive of testdata/diff, the projects before.mesh and after.mesh, and wants what is in
// want.
func TestDiff(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, name string, archive *txtar.Archive) {
		sides := map[string]*model.Model{}
		var want *txtar.File
		for i := range archive.Files {
			f := &archive.Files[i]
			if f.Name == "want" {
				want = f
				continue
			}
			p, manifests := analysistest.Compile(t, compiler.Input{Name: f.Name, Text: f.Data})
			sides[f.Name] = analysistest.Model(t, p, manifests)
			same, err := diff.Compare(t.Context(), sides[f.Name], sides[f.Name], diff.Options{})
			require.NoError(t, err)
			require.True(t, same.None())
		}
		d, err := diff.Compare(t.Context(), sides["before.mesh"], sides["after.mesh"], diff.Options{})
		require.NoError(t, err)
		back, err := diff.Compare(t.Context(), sides["after.mesh"], sides["before.mesh"], diff.Options{})
		require.NoError(t, err)
		assert.Equal(t, d.None(), back.None())
		assert.Equal(t, len(d.FailOpen), len(back.FailClosed))
		want.Data = []byte(lines(d))
		golden.Equal(t, name, txtar.Format(archive))
	})
}

// TestDiffSeesMistakes changes emitted manifests in ways that let through other requests, and some that do not.
func TestDiffSeesMistakes(t *testing.T) {
	for name, row := range map[string]struct{ object, old, new, want string }{
		"a caller more":     {"db-ingress", "sa/backend", "sa/frontend", "opened: shop/frontend -> shop/db\nclosed: shop/backend -> shop/db"},
		"anybody's backend": {"db-ingress", "cluster.local/ns/shop/sa/backend", "'*/sa/backend'", "opened: */sa/backend -> shop/db"},
		"a whole mesh":      {"db-ingress", "cluster.local/ns/shop/sa/backend", "cluster.local/ns/shop/*", "opened: shop/* -> shop/db"},
		"a wider path":      {"backend-ingress", "/api/*", "/*", "opened: shop/frontend -> shop/backend:8080 GET /*"},
		"another method":    {"backend-ingress", "GET", "POST", "opened: shop/frontend -> shop/backend:8080 POST /api/*"},
		"a wider block":     {"backend-ingress", "10.0.3.0/24", "10.0.0.0/16", "opened: callers without identity at 10.0.0.0/16 -> shop/backend:9090"},
		"a selector off":    {"db-ingress", "app: db", "app: bd", "closed: shop/backend -> shop/db"},
		"a narrower deny":   {"backend-deny", "/api/internal/*", "/api/internal/x", "opened: shop/frontend -> shop/backend:8080 GET /api/internal/* except GET /api/internal/x"},
		"what it is not":    {"backend-ingress", "paths:\n        - /api/*", "notPaths:\n        - /api/*", "opened: shop/frontend -> shop/backend:8080 GET except /api/*"},
		"a looser mesh":     {"default", "STRICT", "PERMISSIVE", "mode: mesh shop permissive (was strict)"},
		"an open default":   {"default-deny", "spec: {}", "spec: {rules: [{}]}", "opened: any -> shop/db"},
		"a comment":         {"db-ingress", "spec:", "spec: # of the team", ""},
		"a longer way":      {"db-ingress", "cluster.local/ns/shop/sa/backend", "\"cluster.local/ns/shop/sa/backend\"", ""},
		"a name, unchanged": {"db-ingress", "name: db-ingress", "name: db-callers", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(analysistest.Shop)})
			before := analysistest.Model(t, p, manifests)
			changed := false
			for i := range manifests {
				if manifests[i].Name == row.object {
					text := strings.ReplaceAll(manifests[i].YAML, row.old, row.new)
					changed = changed || text != manifests[i].YAML
					manifests[i].YAML = text
				}
			}
			require.True(t, changed)
			d, err := diff.Compare(t.Context(), before, analysistest.Model(t, p, manifests), diff.Options{})
			require.NoError(t, err)
			got := regexp.MustCompile(` {2}\[[^]]*\]`).ReplaceAllString(lines(d), "")
			if row.want == "" {
				assert.Empty(t, got)
				assert.True(t, d.None())
			} else {
				assert.Contains(t, got, row.want)
			}
		})
	}
}

package model_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/testdata/golden"
)

var broken = regexp.MustCompile(`# (MESH\d{4}) "([^"]*)"`)

// TestGuards holds each project in testdata against its never, always and only: the line of each that must be
// broken ends in `# CODE "regexp"` of its message and help; every other must hold. The project must prove itself first.
func TestGuards(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, _ string, archive *txtar.Archive) {
		var files []compiler.Input
		want := map[string][2]string{}
		for _, f := range archive.Files {
			files = append(files, compiler.Input{Name: f.Name, Text: f.Data})
			for i, line := range strings.Split(string(f.Data), "\n") {
				if b := broken.FindStringSubmatch(line); b != nil {
					want[fmt.Sprintf("%s:%d", f.Name, i+1)] = [2]string{b[1], b[2]}
				}
			}
		}
		p, manifests := analysistest.Compile(t, files...)
		m := analysistest.Model(t, p, manifests)
		require.NoError(t, m.Prove(t.Context()))
		judged, err := m.Judge()
		require.NoError(t, err)
		for _, j := range judged {
			d := j.Broken
			if d == nil {
				continue
			}
			at := fmt.Sprintf("%s:%d", d.Primary.File.Name, d.Primary.StartPosition().Line)
			w, ok := want[at]
			delete(want, at)
			if assert.True(t, ok, "unexpected: %s", d.Error()) {
				assert.Equal(t, w[0], string(d.Code), at)
				assert.Regexp(t, w[1], d.Message+"; "+d.Help, at)
			}
		}
		assert.Empty(t, want, "guards that should be broken, and hold")
	})
}

// TestTampering changes emitted manifests as a mistake of the compiler would, and wants the proof to fail with
// a request that shows it.
func TestTampering(t *testing.T) {
	for name, row := range map[string]struct{ object, old, new, witness string }{
		"a caller more":        {"db-ingress", "sa/backend", "sa/frontend", "shop/frontend may call shop/db"},
		"a caller less":        {"db-ingress", "sa/backend", "sa/frontend", "shop/backend may not call shop/db"},
		"a wider path":         {"backend-ingress", "/api/*", "/*", "shop/frontend may call shop/backend:8080 GET /"},
		"another method":       {"backend-ingress", "GET", "POST", "shop/frontend may call shop/backend:8080 POST /api/"},
		"another port":         {"backend-ingress", "\"8080\"", "\"9090\"", "shop/frontend may not call shop/backend:8080 GET /api/"},
		"a wider block":        {"backend-ingress", "10.0.3.0/24", "10.0.0.0/16", "a caller without identity at 10.0.0.0 may call shop/backend:9090"},
		"a selector off":       {"db-ingress", "app: db", "app: bd", "shop/backend may not call shop/db"},
		"a narrower deny":      {"backend-deny", "/api/internal/*", "/api/internal/x", "shop/frontend may call shop/backend:8080 GET /api/internal/"},
		"a deny that allows":   {"backend-deny", "action: DENY", "action: ALLOW", "shop/frontend may call shop/backend:8080 GET /api/internal/"},
		"a looser mesh":        {"default", "STRICT", "PERMISSIVE", "shop/db is permissive by the manifests and strict by the intents"},
		"a stricter port":      {"backend", "PERMISSIVE", "STRICT", "shop/backend:9090 is strict by the manifests and permissive by the intents"},
		"an open default":      {"default-deny", "spec: {}", "spec: {rules: [{}]}", "an account that no policy names may call shop/backend"},
		"another trust domain": {"db-ingress", "cluster.local", "cluster.remote", "shop/backend may not call shop/db"},
	} {
		t.Run(name, func(t *testing.T) {
			p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(analysistest.Shop)})
			require.NoError(t, analysistest.Model(t, p, manifests).Prove(t.Context()))
			changed := false
			for i := range manifests {
				if manifests[i].Name == row.object {
					text := strings.ReplaceAll(manifests[i].YAML, row.old, row.new)
					changed = changed || text != manifests[i].YAML
					manifests[i].YAML = text
				}
			}
			require.True(t, changed)
			err := analysistest.Model(t, p, manifests).Prove(t.Context())
			var unproved *model.Unproved
			require.ErrorAs(t, err, &unproved)
			assert.Contains(t, err.Error(), row.witness)
		})
	}
	t.Run("a lost default", func(t *testing.T) {
		// Every service has a caller here, so only the pods that none of them names show the loss.
		p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte("mesh shop strict\nservice a account a\nservice b account b\na -> b\nb -> a\n")})
		for i := range manifests {
			if manifests[i].Name == "default-deny" {
				manifests = append(manifests[:i:i], manifests[i+1:]...)
				break
			}
		}
		assert.ErrorContains(t, analysistest.Model(t, p, manifests).Prove(t.Context()), "may call shop/a pod that no service names")
	})
	t.Run("a lost object", func(t *testing.T) {
		p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(analysistest.Shop)})
		for i := range manifests {
			without := append(append([]targets.Manifest{}, manifests[:i]...), manifests[i+1:]...)
			var unproved *model.Unproved
			assert.ErrorAs(t, analysistest.Model(t, p, without).Prove(t.Context()), &unproved, "without %s %s", manifests[i].Kind, manifests[i].Name)
		}
	})
}

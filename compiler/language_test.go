package compiler_test

import (
	"context"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// TestLanguagePage builds every example of the language page. Each is a project without findings, except for notes and
// for warnings about permissive meshes, which the page must show, and about paths, which depend on the settings of the
// mesh.
func TestLanguagePage(t *testing.T) {
	page, err := os.ReadFile("../grammar/language.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```mesh\n(.*?)```").FindAllSubmatch(page, -1)
	require.Greater(t, len(blocks), 10)
	settings, found := config.Parse(source.NewFile("meshc.yaml", "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets: {istio: {extensionProviders: [oauth2-proxy]}}\n"))
	require.Empty(t, found)
	for _, b := range blocks {
		policy, list, _ := compiler.Check(context.Background(), compiler.Inputs{
			Files:  []compiler.Input{{Name: "page.mesh", Text: b[1]}},
			Config: settings,
			Today:  time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		})
		assert.NotNil(t, policy, "%s", b[1])
		for _, d := range list {
			if d.Severity != diag.Note && d.Code != diag.PermissiveCallee && d.Code != diag.WorldIntoStrict && d.Code != diag.OtherSpelling {
				t.Errorf("%s\n%s", d.Error(), b[1])
			}
		}
	}
}

package audit_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/audit"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

// A policy that selects by labels which nobody told of may bind pods of a service all the same.
func TestInterferencesWithPodsThatAreNotKnown(t *testing.T) {
	p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(analysistest.Shop)})
	m := analysistest.Model(t, p, manifests)
	var files []*source.File
	for _, m := range manifests {
		files = append(files, source.NewFile(m.Namespace+"/"+m.Kind+"/"+m.Name, m.YAML))
	}
	db := analysistest.Services(p)["shop/db"]
	for name, row := range map[string]struct {
		namespace, selector string
		known               bool
		want                []string // what the pods lack, for each interference
		assumed             int
	}{
		"its own label":                {"shop", "{app: db}", false, []string{"[]"}, 0},
		"one more":                     {"shop", "{app: db, role: primary}", false, []string{"[role=primary]"}, 1},
		"one more, in every namespace": {"istio-system", "{app: db, role: primary, tier: data}", false, []string{"[role=primary tier=data]"}, 1},
		"one more, of known pods":      {"shop", "{app: db, role: primary}", true, nil, 0},
		"another service":              {"shop", "{app: cart, role: primary}", false, nil, 0},
		"nothing of the service":       {"shop", "{role: primary}", false, []string{"[role=primary]"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			own := fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: own, namespace: %s}\nspec: {selector: {matchLabels: %s}, rules: [{}]}\n", row.namespace, row.selector)
			other, list := read.Files(append(files[:len(files):len(files)], source.NewFile("own.yaml", own)), model.MeshSettings(p))
			require.NoError(t, list.Err())
			found, assumed, err := audit.Beside(m, []audit.Pods{{Service: db, Labels: []map[string]string{{"app": "db"}}, Known: row.known}}, other)
			require.NoError(t, err)
			var got []string
			for _, f := range found {
				assert.True(t, f.Opened)
				got = append(got, fmt.Sprint(f.Lacks))
			}
			assert.Equal(t, row.want, got)
			assert.Len(t, assumed, row.assumed)
		})
	}
}

// TestUnknownAccounts looks for accounts that nothing runs as, where anything runs at all.
func TestUnknownAccounts(t *testing.T) {
	layer, list := read.Files([]*source.File{source.NewFile("k8s.yaml", analysistest.Selected)}, enforce.Mesh{})
	require.False(t, list.HasErrors())
	known := []*policy.Service{{Namespace: "shop", Name: "backend", Account: "backend-sa", Dataplane: policy.NoProxy, Labels: []policy.Label{{Key: "app", Value: "backend"}}}}
	named, _ := model.Named(layer, enforce.Mesh{}, known)
	m := model.New(named, layer)
	var got []string
	for _, s := range audit.UnknownAccounts(m, known) {
		got = append(got, fmt.Sprint(s.Policy.ID(), " ", s.Namespace, "/", s.Account, " bare=", s.Bare))
	}
	assert.Equal(t, []string{"shop/backend shop/frontend-sa bare=false", "shop/canary shop/backend-sa bare=true"}, got)
	assert.Empty(t, audit.UnknownAccounts(m, nil))
}

// What is in dry-run enforces nothing, unless the whole project is.
func TestDryRun(t *testing.T) {
	p, _ := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(analysistest.Shop)})
	file := source.NewFile("own.yaml", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: own, namespace: shop, annotations: {istio.io/dry-run: \"true\"}}\nspec: {}\n")
	for _, dry := range []bool{false, true} {
		p.DryRun = dry
		layer, _ := read.Files([]*source.File{file}, model.MeshSettings(p))
		m := model.New(p, layer)
		var r audit.Report
		r.DryRuns(m)
		assert.Equal(t, dry, len(r.Problems) == 0)
		assert.Equal(t, dry, model.DeniesByDefault(m.Callee(analysistest.Services(p)["shop/db"])))
	}
}

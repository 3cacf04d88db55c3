package audit_test

import (
	"fmt"
	"strings"
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

// TestInterference puts a policy of somebody's own beside those of a project.
func TestInterference(t *testing.T) {
	p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(analysistest.Shop)})
	m := analysistest.Model(t, p, manifests)
	all := analysistest.Services(p)
	for name, row := range map[string]struct {
		service, labels, kind, spec string
		want                        []string
	}{
		"one caller more": {
			"shop/db", "", "AuthorizationPolicy", `{selector: {matchLabels: {app: db}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/frontend]}}]}]}`,
			[]string{"opens shop/frontend by shop/own rule 0: shop/frontend may call shop/db:5432"},
		},
		"some requests less": {
			"shop/backend", "", "AuthorizationPolicy", `{action: DENY, selector: {matchLabels: {app: backend}}, rules: [{to: [{operation: {ports: ["8080"], paths: [/api/orders]}}]}]}`,
			[]string{"shuts shop/frontend by shop/own rule 0: shop/frontend may not call shop/backend:8080 GET /api/orders"},
		},
		"what was allowed, again": {"shop/db", "", "AuthorizationPolicy", `{rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/backend]}}], to: [{operation: {ports: ["5432"]}}]}]}`, nil},
		"another workload":        {"shop/db", "", "AuthorizationPolicy", `{selector: {matchLabels: {app: cart}}, rules: [{}]}`, nil},
		"labels that only pods have": {"shop/db", "tier=data", "AuthorizationPolicy", `{action: DENY, selector: {matchLabels: {tier: data}}, rules: [{}]}`,
			[]string{"shuts shop/backend by shop/own rule 0: shop/backend may not call shop/db:5432"}},
		"a looser mode": {"shop/db", "", "PeerAuthentication", `{selector: {matchLabels: {app: db}}, mtls: {mode: PERMISSIVE}}`,
			[]string{"mode by shop/own rule -1: shop/db:5432 is PERMISSIVE, and STRICT by the intents"}},
		"no identities": {"shop/db", "", "PeerAuthentication", `{selector: {matchLabels: {app: db}}, mtls: {mode: DISABLE}}`,
			[]string{"mode by shop/own rule -1: shop/db:5432 is DISABLE, and STRICT by the intents", "shuts shop/backend by shop/own rule -1: shop/backend may not call shop/db:5432"}},
		"what cannot be judged": {"shop/db", "", "AuthorizationPolicy", `{action: CUSTOM, provider: {name: opa}, selector: {matchLabels: {app: db}}, rules: [{}]}`,
			[]string{"perhaps shuts shop/backend by shop/own rule 0: shop/backend may not call shop/db:5432"}},
	} {
		t.Run(name, func(t *testing.T) {
			var files []*source.File
			for _, m := range manifests {
				files = append(files, source.NewFile(m.Namespace+"/"+m.Kind+"/"+m.Name, m.YAML))
			}
			own := fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: %s\nmetadata: {name: own, namespace: shop}\nspec: %s\n", row.kind, row.spec)
			other, _ := read.Files(append(files, source.NewFile("own.yaml", own)), model.MeshSettings(p))
			s := all[row.service]
			labels := map[string]string{}
			for _, l := range s.Labels {
				labels[l.Key] = l.Value
			}
			if key, value, ok := strings.Cut(row.labels, "="); ok {
				labels[key] = value
			}
			found, err := audit.Interferences(m, s, labels, other)
			require.NoError(t, err)
			var got []string
			for _, i := range found {
				text := fmt.Sprintf("by %s rule %d: %s", i.By.ID(), i.Rule, i.Example)
				switch {
				case i.Mode:
					text = "mode " + text
				case i.Opened:
					text = "opens " + i.Names() + " " + text
				default:
					text = "shuts " + i.Names() + " " + text
				}
				if i.Perhaps {
					text = "perhaps " + text
				}
				got = append(got, text)
			}
			assert.Equal(t, row.want, got)
		})
	}
}

// TestEdges is who calls whom as both ends see it: of intents, and of what the same manifests make without them.
func TestEdges(t *testing.T) {
	p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(analysistest.Shop)})
	describe := func(m *model.Model) string {
		var b strings.Builder
		var r audit.Report
		require.NoError(t, r.Judge(m))
		for e := range r.Edges() {
			if e.Server != "no proxy" {
				fmt.Fprintf(&b, "%s -> %s:%v %s %s\n", e.From, e.To, e.Ports, e.Server, e.Result)
			}
		}
		return b.String()
	}
	m := analysistest.Model(t, p, manifests)
	assert.Equal(t, `shop/backend -> shop/db:[5432] STRICT mTLS
shop/frontend -> shop/backend:[8080] STRICT mTLS
shop/legacy -> shop/backend:[9090] PERMISSIVE plaintext
`, describe(m))

	var known []*policy.Service
	for _, s := range p.Meshes[0].Services {
		bare := *s
		bare.Allow, bare.Deny = nil, nil
		known = append(known, &bare)
	}
	named, _ := model.Named(m.Manifests, enforce.Mesh{}, known)
	assert.Equal(t, `callers without identity at 10.0.3.0/24 -> shop/backend:[9090] PERMISSIVE plaintext
shop/backend -> shop/db:[5432] STRICT mTLS
shop/backend -> shop/db:[] STRICT mTLS
shop/frontend -> shop/backend:[8080] STRICT mTLS
`, describe(model.New(named, m.Manifests)), "a caller that only an address distinguishes is named by it")
}

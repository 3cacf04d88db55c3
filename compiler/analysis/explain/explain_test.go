package explain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

const asked = `mesh shop strict
service frontend account frontend port 8080 http
service backend account backend port 8080 http port 9090 tcp
service db account db port 5432 tcp
service legacy outside address 10.0.3.0/24
mtls backend:9090 permissive
frontend -> backend:8080 GET|HEAD /api/*, POST /api/orders, GET "*.png"
deny shop/* -> backend:8080 GET /api/internal/*
any -> backend:8080 GET /v1/{*}/items
legacy -> backend:9090
backend -> db
payments/api -> backend:8080
mesh payments
service api account api
`

// TestWhyCases reads the cases of an answer as a person would, the first that fits wins, and wants of every request
// what the judge says of it alone.
func TestWhyCases(t *testing.T) {
	p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(asked)})
	m := analysistest.Model(t, p, manifests)
	all := analysistest.Services(p)
	decided := map[enforce.Verdict]int{}
	for _, from := range []string{"shop/frontend", "shop/db", "payments/api"} {
		to := all["shop/backend"]
		answer := ask(t, m, explain.Query{From: policy.Source{Service: all[from]}, To: to}).Answer
		callee := m.Callee(to)
		for _, port := range []uint16{8080, 9090, 7777} {
			for _, method := range []string{"GET", "HEAD", "POST", "PATCH"} {
				for _, path := range []string{"/", "/api/", "/api/orders", "/api/internal/keys", "/logo.png", "/api/internal/x.png", "/v1/7/items", "/v1/7/8/items", "/v1//items"} {
					facts := space.Facts{space.Identity: m.Principal(all[from]), space.Port: fmt.Sprint(port), space.Method: method, space.Path: path}
					if port == 9090 {
						delete(facts, space.Method)
						delete(facts, space.Path)
					}
					r := space.Standard.Request(port != 9090, facts)
					want := callee.Decide(r).Verdict
					assert.Equal(t, want, verdictFor(answer, &r), "%s :%d %s %s", from, port, method, path)
					decided[want]++
				}
			}
		}
	}
	assert.Greater(t, decided[enforce.Allowed], 40)
	assert.Greater(t, decided[enforce.Denied], 50)
}

// verdictFor is what the cases of an answer say of a request.
func verdictFor(a *explain.Answer, r *space.Request) enforce.Verdict {
	var port *explain.PortAnswer
	for i := range a.Ports {
		named := slices.ContainsFunc(a.Ports[i].Ports, func(p policy.Port) bool { return p.Number == r.Port() })
		if named || port == nil && a.Ports[i].Others {
			port = &a.Ports[i]
		}
	}
	for _, k := range port.Callers[0].Cases {
		if k.NotHTTP == r.HTTP && k.NotHTTP {
			continue
		}
		fits := len(k.Operations) == 0
		for _, words := range phrase.Texts(k.Operations) {
			var o policy.Operation
			for _, word := range strings.Fields(words) {
				if strings.HasPrefix(word, "/") || strings.HasPrefix(word, "*") {
					o.Path = word
				} else {
					o.Methods = strings.Split(word, "|")
				}
			}
			fits = fits || r.HTTP && o.Matches(r.Text(space.Method), r.Text(space.Path))
		}
		if fits {
			return k.Verdict
		}
	}
	return enforce.Undecided
}

// TestNamed is what services manifests are taken to be about.
func TestNamed(t *testing.T) {
	m, list := read.Files([]*source.File{source.NewFile("k8s.yaml", analysistest.Selected)}, enforce.Mesh{})
	require.False(t, list.HasErrors())
	describe := func(known ...*policy.Service) string {
		p, assumed := model.Named(m, enforce.Mesh{}, known)
		var b strings.Builder
		for _, mesh := range p.Meshes {
			b.WriteString(mesh.Name + ":")
			for _, s := range mesh.Services {
				b.WriteString(" " + s.Name + "(" + s.Account)
				for _, l := range s.Labels {
					b.WriteString(" " + l.Key + "=" + l.Value)
				}
				b.WriteString(")")
			}
			b.WriteString("\n")
		}
		for _, s := range assumed {
			b.WriteString("assumed " + s.ID() + "\n")
		}
		return b.String()
	}
	assert.Equal(t, `istio-system: metrics( app=metrics)
lab:
shop: backend(backend-sa app=backend) backend,version=v2( app=backend version=v2) frontend-sa(frontend-sa)
assumed shop/backend
`, describe())
	assert.Equal(t, `istio-system:
lab:
shop: backend-sa(backend-sa) web(frontend-sa app=web)
`, describe(&policy.Service{Namespace: "shop", Name: "web", Account: "frontend-sa", Labels: []policy.Label{{Key: "app", Value: "web"}}}))
}

// ask explains a query.
func ask(t *testing.T, m *model.Model, q explain.Query) *explain.Explanation {
	t.Helper()
	e, err := explain.Explain(m, q, explain.Options{})
	require.NoError(t, err)
	return e
}

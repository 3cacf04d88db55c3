package read_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

const described = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: backend, namespace: shop}
spec:
  selector: {matchLabels: {app: backend}}
  rules:
  - from:
    - source: {principals: [cluster.local/ns/shop/sa/frontend, "*"], notNamespaces: [lab]}
    - source: {namespaces: [monitoring, team-*]}
    to:
    - operation: {ports: ["8080"], methods: [GET, HEAD], paths: [/api/*, "*.png", "/v1/{*}/items"]}
    - operation: {ports: ["8080"], methods: [POST], notPaths: [/admin/*], hosts: [shop.example.com]}
    - operation: {notPorts: ["8080"]}
  - to:
    - operation: {ports: ["9090"]}
  - from:
    - source: {serviceAccounts: [jobs, lab/tester]}
`

func TestDescribe(t *testing.T) {
	m, list := read.Files([]*source.File{source.NewFile("backend.yaml", described)}, enforce.Mesh{})
	require.NoError(t, list.Err())
	p := m.Policies[0]
	assert.Equal(t, map[string]string{"app": "backend"}, p.Labels())
	assert.Equal(t, enforce.Mentions{
		Principals: []string{"cluster.local/ns/shop/sa/frontend"},
		Accounts:   []string{"lab/tester", "shop/jobs"},
		Namespaces: []string{"lab", "monitoring"},
		Ports:      []uint16{8080, 9090},
	}, p.Mentions())
	for _, row := range []struct {
		rule int
		port uint16
		want string
	}{
		{0, 8080, "GET|HEAD *.png; GET|HEAD /api/*; GET|HEAD /v1/{*}/items; host \"shop.example.com:\" POST except /admin/*"},
		{0, 9090, ""}, // everything
		{1, 9090, ""},
		{2, 8080, ""},
		{7, 8080, ""},
	} {
		assert.Equal(t, row.want, strings.Join(phrase.Texts(p.Operations(m.Table, row.rule, row.port)), "; "), "rule %d at %d", row.rule, row.port)
	}
}

package model_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets"
	"github.com/meshc/meshc/targets/istio/read"
)

// kinds has each kind of caller, port, operation and mode.
const kinds = `mesh shop strict
service frontend account frontend port 8080 http
service backend account backend port 8080 http port 9090 tcp
service db account db port 5432 tcp
service old account old port 80 http
service web account web port 8080 http
service admin account admin port 8080 http
service tokens account tokens port 8080 http
service legacy outside address 10.0.3.0/24
mtls backend:9090 permissive
mtls old disable
frontend -> backend:8080 GET|POST /api/*, /health, GET "*.css"
admin, frontend -> backend:9090
admin -> backend:8080 GET /orders/{*}
backend -> db:5432
world -> old:80 GET /public
lab/* -> db
world -> web:8080 GET
legacy -> backend:9090
deny frontend -> admin
frontend -> admin
frontend -> tokens header x-tenant=blue
mesh lab permissive
service probe account probe port 8080 http
service bench account bench
shop/* -> probe
any -> probe:8080 /x
world -> bench
`

var swaps = []struct {
	old *regexp.Regexp
	new string
}{
	{regexp.MustCompile("principals:"), "notPrincipals:"},
	{regexp.MustCompile("( *)principals:\n"), "${1}notPrincipals:\n${1}- cluster.local/ns/shop/sa/backend\n${1}principals:\n"},
	{regexp.MustCompile("ports:"), "notPorts:"},
	{regexp.MustCompile("STRICT"), "PERMISSIVE"},
	{regexp.MustCompile("PERMISSIVE"), "STRICT"},
	{regexp.MustCompile("spec:\n"), "spec:\n  action: DENY\n"},
	{regexp.MustCompile("action: DENY"), "action: AUDIT"},
	{regexp.MustCompile("metadata:\n  annotations:\n"), "metadata:\n  annotations:\n    istio.io/dry-run: \"true\"\n"},
	{regexp.MustCompile("- from:"), "- frm: []\n    from:"},
	{regexp.MustCompile("(?s)    when:.*  selector:"), "  selector:"},
	{regexp.MustCompile("(?s)    to:.*  selector:"), "  selector:"},
	{regexp.MustCompile("(?s)  - from:.*    to:"), "  - to:"},
}

// TestLiteral spoils the manifests of services in a random line: where they are still said to be word for word what is meant, the proof by
// classes finds no difference either.
func TestLiteral(t *testing.T) {
	p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(kinds)})
	services := analysistest.Services(p)
	said := map[string]bool{}
	for id, s := range services {
		literal, witnesses, err := analysistest.Model(t, p, manifests).Both(s)
		require.NoError(t, err)
		require.Empty(t, witnesses)
		said[id] = literal
	}
	assert.Equal(t, map[string]bool{
		"shop/frontend": true, "shop/backend": false, "shop/db": true, "shop/old": true, "shop/web": true, "shop/admin": false, "shop/tokens": false,
		"lab/probe": true, "lab/bench": true, "shop/legacy": false,
	}, said)

	r := rand.New(rand.NewPCG(1, 2))
	var words []string
	for _, m := range manifests {
		for line := range strings.Lines(m.YAML) {
			words = append(words, strings.TrimLeft(line[value(line):], " "))
		}
	}
	found := 0
	for range 1000 {
		changed := slices.Clone(manifests)
		i := r.IntN(len(changed))
		changed[i].YAML = spoil(r, changed[i].YAML, words)
		m := spoiledModel(p, changed)
		for id, s := range services {
			if !s.Proxied() {
				continue
			}
			literal, witnesses, err := m.Both(s)
			require.NoError(t, err)
			if len(witnesses) > 0 {
				found++
			}
			if literal {
				require.Empty(t, witnesses, "%s:\n%s", id, changed[i].YAML)
			}
		}
	}
	assert.Greater(t, found, 200)
}

// Where two lists are the same, and let through something else all the same.
func TestNotLiteral(t *testing.T) {
	for _, c := range []struct{ name, intents, service, old, new string }{
		{"a rule of HTTP and of other connections", "mesh shop strict\nservice a account a\nservice b account b port 8080 http port 9090 tcp\na -> b:9090\na -> b:8080 GET /x\n", "shop/b",
			`  - from:\n    - source:\n        principals:\n        - \S+\n    to:\n    - operation:\n        ports:\n        - "9090"\n`, "    - operation:\n        ports:\n        - \"9090\"\n"},
		{"a namespace that is found in other identities", "mesh shop strict\nservice db account db\nlab/* -> db\nmesh lab strict\nservice x account x\n", "shop/db", "- lab\n", "- sa\n"},
	} {
		p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(c.intents)})
		changed := false
		for i := range manifests {
			if strings.HasSuffix(manifests[i].Name, "-ingress") {
				text := regexp.MustCompile(c.old).ReplaceAllString(manifests[i].YAML, c.new)
				changed = changed || text != manifests[i].YAML
				manifests[i].YAML = text
			}
		}
		require.True(t, changed, "%s: %s", c.name, manifests)
		s := analysistest.Services(p)[c.service]
		if from := &s.Allow[0].From[0]; from.Kind == policy.FromMesh {
			from.Mesh = "sa"
		}
		literal, witnesses, err := spoiledModel(p, manifests).Both(s)
		require.NoError(t, err)
		assert.NotEmpty(t, witnesses, c.name)
		assert.False(t, literal, c.name)
	}
}

// spoil changes one line of an object, which is lost or has the value of another line, or something that many objects have.
func spoil(r *rand.Rand, text string, words []string) string {
	if r.IntN(3) == 0 {
		swap := swaps[r.IntN(len(swaps))]
		return swap.old.ReplaceAllString(text, swap.new)
	}
	lines := slices.Collect(strings.Lines(text))
	i := r.IntN(len(lines))
	if r.IntN(4) == 0 {
		return strings.Join(slices.Delete(lines, i, i+1), "")
	}
	lines[i] = lines[i][:value(lines[i])] + words[r.IntN(len(words))]
	return strings.Join(lines, "")
}

// value is where the value of a line begins.
func value(line string) int {
	if at := strings.Index(line, ": "); at >= 0 {
		return at + len(": ")
	}
	return strings.LastIndex(line[:len(line)-1], " ") + 1
}

// spoiledModel is a model of manifests, whatever a cluster would say to them.
func spoiledModel(p *policy.Policy, manifests []targets.Manifest) *model.Model {
	var files []*source.File
	for _, m := range manifests {
		files = append(files, source.NewFile(m.Namespace+"/"+m.Kind+"/"+m.Name, m.YAML))
	}
	layer, _ := read.Files(files, model.MeshSettings(p))
	return model.New(p, layer)
}

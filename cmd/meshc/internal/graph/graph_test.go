package graph

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/testdata/golden"
)

// Each case is a project, or manifests of no project (manifests.yaml), in some cases one to compare it with (old/) and
// names to focus on (focus), and the expected output in some formats: want.txt, want.dot, want.mmd and want.json.
func TestCases(t *testing.T) {
	golden.Archives(t, "testdata/*.txtar", func(t *testing.T, path string, archive *txtar.Archive) {
		g, focus := graphOf(t, archive)
		for i, f := range archive.Files {
			var got []byte
			switch f.Name {
			case "want.txt":
				got = Text(g, focus)
			case "want.dot":
				got = DOT(g)
			case "want.mmd":
				got = Mermaid(g)
			case "want.json":
				var err error
				got, err = JSON(g)
				require.NoError(t, err)
			default:
				continue
			}
			archive.Files[i].Data = got
		}
		golden.Equal(t, path, txtar.Format(archive))
	})
}

// graphOf returns the graph of a case, and whether it is focused.
func graphOf(t *testing.T, archive *txtar.Archive) (g *Graph, focus bool) {
	t.Helper()
	var before, after, names []string
	var manifests []*source.File
	for _, f := range archive.Files {
		switch {
		case strings.HasPrefix(f.Name, "old/"):
			before = append(before, string(f.Data))
		case strings.HasSuffix(f.Name, ".mesh"):
			after = append(after, string(f.Data))
		case f.Name == "manifests.yaml":
			manifests = append(manifests, source.NewFile(f.Name, string(f.Data)))
		case f.Name == "focus":
			names = strings.Fields(string(f.Data))
		}
	}
	if g = compile(t, after...); manifests != nil {
		g = opened(t, manifests)
	}
	if before != nil {
		g = Compare(compile(t, before...), g)
	}
	if names != nil {
		var err error
		g, err = g.Focus(names)
		require.NoError(t, err)
	}
	return g, names != nil
}

// compile returns the graph of some intents, each in a file of its own: a.mesh, b.mesh and so on.
func compile(t testing.TB, intents ...string) *Graph {
	t.Helper()
	settings, found := config.Parse(source.NewFile("meshc.yaml", "apiVersion: meshc.dev/v1alpha1\nkind: Project\ntargets: {istio: {extensionProviders: [login]}}\n"))
	require.Empty(t, found)
	p := compiler.Inputs{Config: settings, Today: time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC)}
	for i, text := range intents {
		p.Files = append(p.Files, compiler.Input{Name: string(rune('a'+i)) + ".mesh", Text: []byte(text)})
	}
	policy, findings, _ := compiler.Check(t.Context(), p)
	require.NotNil(t, policy, "%v", findings)
	return New(policy, nil)
}

// opened returns the graph of what manifests let through.
func opened(t *testing.T, manifests []*source.File) *Graph {
	t.Helper()
	d := compiler.ReadDeployed(manifests, nil, config.Default(), true)
	all, err := d.Opened(t.Context())
	require.NoError(t, err)
	return Opened(d.Model, all)
}

// The manifests that a project gives let its edges through, and nothing else.
func TestOpenedAsIntended(t *testing.T) {
	for _, path := range []string{"kinds", "conditions"} {
		archive, err := txtar.ParseFile("testdata/" + path + ".txtar")
		require.NoError(t, err)
		p := compiler.Inputs{Config: config.Default(), Today: time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC)}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".mesh") {
				p.Files = append(p.Files, compiler.Input{Name: f.Name, Text: f.Data})
			}
		}
		parsed, err := compiler.Parse(t.Context(), p)
		require.NoError(t, err)
		build, err := parsed.Build(t.Context(), p.Config)
		require.NoError(t, err)
		require.NotNil(t, build.Policy, "%s: %v", path, build.Findings)
		passing := func(g *Graph) (all []string) {
			for _, e := range g.Edges {
				if e.Passes() && e.From.Kind == Service && e.To.Kind == Service {
					all = append(all, e.From.ID+" -> "+e.To.ID)
				}
			}
			return all
		}
		assert.Equal(t, passing(New(build.Policy, build.Model.Network)), passing(opened(t, compiler.Sources(build.Manifests))), path)
	}
}

func TestFocusNames(t *testing.T) {
	g := compile(t, "mesh shop strict; service web account web; service db account db; web -> db", "mesh pay strict; service db account db; any -> db\nmesh empty")
	for _, row := range []struct{ name, want string }{
		{"shop/web", "shop/db shop/web"},
		{"web", "shop/db shop/web"},
		{"pay", "pay/db any"},
		{"any", "pay/db any"},
		{"shop", "shop/db shop/web"},
		{"db", "db may be pay/db or shop/db: say which"},
		{"wbe", "there is no service wbe; did you mean web?"},
		{"shop/wep", "there is no service shop/wep; did you mean shop/web?"},
		{"empty", "namespace empty has no services"},
		{"", "want a service or a namespace, such as shop/backend or shop"},
	} {
		got, err := g.Focus([]string{row.name})
		if err != nil {
			assert.Equal(t, row.want, err.Error(), row.name)
			continue
		}
		assert.Equal(t, row.want, strings.ReplaceAll(listIDs(got.Nodes), ",", ""), row.name)
	}
}

// The mutual TLS of an edge is that of the ports it leads to, and none where one end has no proxy.
func TestMTLS(t *testing.T) {
	g := compile(t, `mesh * permissive
mesh shop strict
service a account a
service b account b port 80 http port 81 http port 82 http
service plain account plain port 80 http
service legacy outside address 10.0.0.0/8
external host host api.example.com port 443 tls
mtls b:81 permissive
mtls b:82 disable
mtls plain disable
a -> b:80
world -> plain:80
a -> host
mesh pay
service c account c port 90 tcp
shop/a -> c
world -> c:90
mesh mixed strict
service d account d port 1 tcp port 2 tcp
mtls d:2 permissive
service e account e port 1 tcp
shop/a -> d
shop/a -> e
`)
	want := map[string]MTLS{
		"shop/a shop/b": Strict, "world shop/plain": NoMTLS, "shop/a shop/host": NoMTLS,
		"shop/a pay/c": Permissive, "world pay/c": Permissive,
		"shop/a mixed/d": Permissive, "shop/a mixed/e": Strict,
	}
	got := map[string]MTLS{}
	for _, e := range g.Edges {
		got[e.From.ID+" "+e.To.ID] = e.MTLS
	}
	assert.Equal(t, want, got)
}

// A deny counts for every edge whose requests it takes away, whichever callers it names.
func TestDenied(t *testing.T) {
	for _, row := range []struct {
		intents string
		want    Extent
	}{
		{"a -> b", None},
		{"a -> b:80; deny a -> b:81", None},
		{"a -> b:80; deny a -> b:80", Whole},
		{"a -> b:80 GET /x; deny a -> b:80 GET /x", Whole},
		{"a -> b:80 GET /x; deny a -> b:80", Whole},
		{"a -> b:80; deny a -> b:80 GET /x", Part},
		{"a -> b:80 GET /x; deny a -> b:80 POST /x", None},
		{"a -> b:80 /x/*; deny a -> b:80 /x/y", Part},
		{"a -> b:80 /x/*; deny a -> b:80 /y/*", None},
		{"a -> b; deny any -> b:80", Part},
		{"a -> b; deny any -> b", Whole},
		{"a -> b; deny world -> b", Whole},
		{"a -> b; deny shop/* -> b", Whole},
		{"a -> b; deny c -> b", None},
		{"any -> b; deny a -> b", None}, // a has no edge of its own, only the deny
		{"a -> b:80; a -> b:81; deny a -> b:80", Part},
	} {
		g := compile(t, "mesh shop strict; service a account a; service c account c; service b account b port 80 http port 81 http\n"+row.intents+"; c -> a")
		i := slices.IndexFunc(g.Edges, func(e *Edge) bool { return e.From.ID == "shop/a" && e.To.ID == "shop/b" })
		require.GreaterOrEqual(t, i, 0, row.intents)
		assert.Equal(t, row.want, g.Edges[i].Denied, row.intents)
	}
}

package rollout_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/rollout"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets"
)

const services = `service web account web
service api account api port 8080 http port 9090 tcp
service db account db port 5432 tcp
service legacy outside address 10.0.3.0/24
`

type built struct {
	policy    *policy.Policy
	manifests []targets.Manifest
	model     *model.Model
}

func build(t *testing.T, mode string, statements ...string) built {
	t.Helper()
	text := "mesh shop " + mode + "\n" + services + strings.Join(statements, "\n") + "\n"
	p, manifests := analysistest.Compile(t, compiler.Input{Name: "shop.mesh", Text: []byte(text)})
	return built{p, manifests, analysistest.Model(t, p, manifests)}
}

// What is open or shut only during an apply is named, with the steps that begin and end it.
func TestWindows(t *testing.T) {
	for name, c := range map[string]struct {
		before, after built
		want          []string
	}{
		"an edge more": {
			build(t, "strict", "web -> api:8080"),
			build(t, "strict", "web -> api:8080", "web -> db"), nil,
		},
		"an edge and its deny are narrowed together": {
			build(t, "strict", "web -> api:8080 GET /a/*, GET /b/*", "deny web -> api:8080 GET /a/*"),
			build(t, "strict", "web -> api:8080 GET /b/*", "deny web -> api:8080 GET /b/x"),
			[]string{"opens shop/api shop/web"},
		},
		"nothing": {build(t, "strict", "web -> db"), build(t, "strict", "web -> db"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			windows, err := rollout.Windows(t.Context(), c.before.model, c.after.model)
			require.NoError(t, err)
			var got []string
			for _, w := range windows {
				if !w.Apart {
					got = append(got, fmt.Sprintf("%s %s %s", map[bool]string{true: "opens", false: "shuts"}[w.Opens], w.Callee, strings.Join(w.Callers, ",")))
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

// Where no window is named, no state of an apply lets through what neither the first nor the last does, or refuses what
// both let through; where one is named, some state does.
func TestEveryStateIsJudged(t *testing.T) {
	pool := []string{
		"web -> api:8080 GET /a/*", "web -> api:8080 GET /b/*", "web, db -> api:8080", "any -> api:9090", "web -> db", "api -> db",
		"deny web -> api:8080 GET /a/x", "deny web -> api:8080", "deny any -> db",
		"mtls api:9090 permissive", "legacy -> api:9090", "mtls db permissive",
	}
	random := rand.New(rand.NewPCG(1, 2))
	named := 0
	for range 60 {
		some := func() built {
			var statements []string
			for _, s := range pool {
				if random.IntN(2) == 0 {
					statements = append(statements, s)
				}
			}
			if slices.Contains(statements, "legacy -> api:9090") && !slices.Contains(statements, "mtls api:9090 permissive") {
				statements = append(statements, "mtls api:9090 permissive")
			}
			return build(t, "strict", statements...)
		}
		before, after := some(), some()
		windows, err := rollout.Windows(t.Context(), before.model, after.model)
		require.NoError(t, err)
		expected := slices.ContainsFunc(windows, func(w rollout.Window) bool { return !w.Apart })
		strays := false
		for _, state := range between(before.manifests, after.manifests) {
			some, err := rollout.Strays(analysistest.Model(t, after.policy, state), before.model, after.model)
			require.NoError(t, err)
			strays = strays || some
		}
		require.Equal(t, expected, strays, "%v", windows)
		if strays {
			named++
		}
	}
	require.Positive(t, named)
}

// between returns the states of an apply: what is new or differs in the order of the waves, then what goes, in reverse.
func between(before, after []targets.Manifest) (states [][]targets.Manifest) {
	id := func(m targets.Manifest) string { return m.Kind + " " + m.Namespace + "/" + m.Name }
	order := func(a, b targets.Manifest) int { return cmp.Or(cmp.Compare(a.Wave, b.Wave), cmp.Compare(id(a), id(b))) }
	now := slices.Clone(before)
	find := func(all []targets.Manifest, m targets.Manifest) int {
		return slices.IndexFunc(all, func(n targets.Manifest) bool { return id(n) == id(m) })
	}
	for _, m := range slices.SortedFunc(slices.Values(after), order) {
		i := find(now, m)
		switch {
		case i < 0:
			now = append(now, m)
		case string(now[i].YAML) == m.YAML:
			continue
		default:
			now[i] = m
		}
		states = append(states, slices.Clone(now))
	}
	for _, m := range slices.Backward(slices.SortedFunc(slices.Values(before), order)) {
		if find(after, m) < 0 {
			i := find(now, m)
			now = slices.Delete(now, i, i+1)
			states = append(states, slices.Clone(now))
		}
	}
	return states
}

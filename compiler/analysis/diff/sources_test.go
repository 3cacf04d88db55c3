package diff

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/lang/source"
	"github.com/meshc/meshc/targets/istio/read"
)

// written is policies as somebody might write them by hand.
func written(random *rand.Rand) string {
	pick := func(from ...string) string {
		n := 1 + random.IntN(2)
		words := make([]string, n)
		for i := range words {
			words[i] = `"` + from[random.IntN(len(from))] + `"`
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	maybe := func(chance float64, field string, from ...string) string {
		if random.Float64() > chance {
			return ""
		}
		return field + ": " + pick(from...) + ", "
	}
	principals := []string{"cluster.local/ns/shop/sa/a", "cluster.local/ns/shop/sa/b", "cluster.local/ns/x/sa/a", "td2/ns/shop/sa/a",
		"*", "*/sa/a", "cluster.local/ns/shop/*", "cluster.local/ns/shop/sa/*", "cluster.local/*", "cluster.local/ns/s*"}
	namespaces := []string{"shop", "sh*", "x"}
	blocks := []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/17", "192.0.2.0/24"}
	var text strings.Builder
	for i := range 1 + random.IntN(3) {
		action := "ALLOW"
		if random.IntN(3) == 0 {
			action = "DENY"
		}
		from := maybe(0.6, "principals", principals...) + maybe(0.2, "notPrincipals", principals...) + maybe(0.2, "namespaces", namespaces...) +
			maybe(0.2, "notNamespaces", namespaces...) + maybe(0.2, "ipBlocks", blocks...) + maybe(0.2, "notIpBlocks", blocks...) + maybe(0.1, "remoteIpBlocks", blocks...)
		to := maybe(0.3, "ports", "80", "81") + maybe(0.3, "methods", "GET", "POST") + maybe(0.3, "paths", "/a*", "/a/b")
		rule := "{"
		if from != "" {
			rule += "from: [{source: {" + strings.TrimSuffix(from, ", ") + "}}], "
		}
		if to != "" {
			rule += "to: [{operation: {" + strings.TrimSuffix(to, ", ") + "}}], "
		}
		fmt.Fprintf(&text, "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p%d, namespace: shop}\nspec: {action: %s, rules: [%s}]}\n---\n",
			i, action, strings.TrimSuffix(rule, ", "))
	}
	return text.String()
}

// Whatever passes on one side only is said, and with a name that means only that.
func TestWhatChangesIsSaid(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		texts := [2]string{written(random), written(random)}
		var models [2]*model.Model
		for i, text := range texts {
			manifests, findings := read.Files([]*source.File{source.NewFile("p.yaml", text)}, enforce.Mesh{})
			require.False(t, findings.HasErrors(), text)
			p, _ := model.Named(manifests, enforce.Mesh{}, nil)
			models[i] = model.New(p, manifests)
		}
		diff, err := Compare(t.Context(), models[0], models[1])
		require.NoError(t, err)
		d := differ{before: models[0], after: models[1], diff: &Diff{}}
		d.nameCallers()
		opens := false
		for _, c := range d.callees() {
			for i := range 2 {
				s, err := d.subject(&c)
				require.NoError(t, err)
				kinds := s.classes(func(r *enforce.Class, set space.Set) { s.risen(set, &r.Outcomes[1-i], &r.Outcomes[i]) })
				for _, r := range s.regions {
					opened := space.NewSet(len(s.split.Sources))
					s.risen(opened, &r.Outcomes[0], &r.Outcomes[1])
					opens = opens || opened.Len() > 0
				}
				s.nameSources(kinds)
				s.nameActions(kinds)
				means := map[string]space.Set{}
				for _, name := range s.callers {
					if set, there := means[name.text]; there {
						require.Equal(t, set, name.set, "%s\n%s", name.text, texts)
					}
					means[name.text] = name.set
				}
				for _, k := range kinds {
					callers, actions := s.fitting(k, i == 1)
					said := space.NewSet(len(s.split.Sources))
					for _, name := range s.callersOf(k.sources, callers) {
						require.NotEmpty(t, name.text)
						said.AddAll(name.set)
					}
					require.True(t, k.sources.Within(said), "%d\n%s", round, texts)
					require.True(t, said.Within(callers), "%d\n%s", round, texts)
					done := space.NewSet(len(s.regions))
					for _, name := range cover(k.regions, actions, s.actions) {
						done.AddAll(name.set)
					}
					require.True(t, k.regions.Within(done), "%d\n%s", round, texts)
					require.True(t, done.Within(actions), "%d\n%s", round, texts)
				}
			}
		}
		if opens {
			require.NotEmpty(t, append(diff.Opened, diff.FailOpen...), "%d\n%s", round, texts)
		} else {
			require.Empty(t, diff.Opened, "%d\n%s", round, texts)
		}
	}
}

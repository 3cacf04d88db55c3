package enforce_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/analysis/space"
)

// A dimension that a table has beside the standard ones is in classes, in sets and in decisions.
func TestAnotherDimension(t *testing.T) {
	table := append(space.Standard[:len(space.Standard):len(space.Standard)], space.Info{Kind: space.Text{}, HTTP: true, Name: "tenant"})
	tenant := space.Dimension(len(space.Standard))
	anyone := []space.Box{{}}
	allow := &enforce.Object{Namespace: "shop", Name: "blue", Clauses: []enforce.Clause{{
		From: anyone,
		To:   []space.Box{{space.Is(space.Method, table.Pattern(space.Method, "GET")), space.Is(tenant, table.Patterns(tenant, "blue", "test-*")...)}},
	}}}
	deny := &enforce.Object{Namespace: "shop", Name: "broken-test", Effect: enforce.Deny, Clauses: []enforce.Clause{{
		From: anyone,
		To:   []space.Box{{space.Is(tenant, table.Pattern(tenant, "test-7"))}},
	}}}
	point := enforce.NewLayer(enforce.Mesh{}, table, []*enforce.Object{allow, deny}, nil).For(enforce.Workload{Namespace: "shop"})

	assert.Equal(t, []string{"GET tenant blue|test-*"}, phrase.Texts(allow.Operations(table, 0, 80)))

	want := map[string]string{
		"blue":   "allow by shop/blue rule 0",
		"test-":  "allow by shop/blue rule 0",
		"test-7": "deny by shop/broken-test rule 0",
		"other":  "deny by default: shop/blue selects it, and no ALLOW policy matches",
	}
	for value, decision := range want {
		r := table.Request(true, space.Facts{space.Port: "80", space.Method: "GET", tenant: value})
		assert.Equal(t, decision, point.Decide(r).String(), value)
	}
	classes, err := enforce.NewClasses(space.Distinctions{}, point)
	require.NoError(t, err)
	got := map[string]string{}
	for i := range classes.Operations {
		r := &classes.Operations[i]
		decision := classes.Decision(r, 0, 0)
		assert.Equal(t, decision, point.Decide(classes.From(r.Request, classes.Sources[0])))
		assert.Equal(t, decision.Verdict == enforce.Allowed, r.Outcomes[0].Allowed.Has(0))
		if r.Request.HTTP && r.Request.Text(space.Method) == "GET" {
			got[r.Request.Text(tenant)] = decision.String()
		}
	}
	delete(want, "test-") // which is decided as blue is, and so in its class
	assert.Equal(t, want, got)
}

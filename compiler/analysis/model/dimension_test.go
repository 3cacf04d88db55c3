package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/explain"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/phrase"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// dimension is one line more in the table, and what a project of two services has of it.
type dimension struct {
	info       space.Info
	value      string // what a rule and an object ask for
	more, less string // the witnesses of a proof where the object lets more through, and less
	why, diff  string // what the one names, and the other says of `green` in place of it
}

// TestAnotherDimension adds a dimension to the table. A rule with a condition on it and an object that asks for the
// same are in the classes, the proof, the guards, why and diff, without any other change.
func TestAnotherDimension(t *testing.T) {
	for name, row := range map[string]dimension{
		"of operations, HTTP": {
			space.Info{Kind: space.Text{}, HTTP: true, Name: "tenant"}, "blue",
			"shop/a may call shop/b GET / tenant green", "shop/a may not call shop/b GET / tenant blue",
			"tenant blue", "shop/a -> shop/b tenant green",
		},
		"of operations": {
			space.Info{Kind: space.Text{}, Name: "sni"}, "b.example",
			"shop/a may call shop/b sni green", "shop/a may not call shop/b sni b.example",
			"sni b.example", "shop/a -> shop/b sni green",
		},
		"of callers": {
			space.Info{Kind: space.Text{}, Caller: true, Name: "as"}, "admin",
			"shop/a as green may call shop/b", "shop/a as admin may not call shop/b", "shop/a as admin", "shop/a as green -> shop/b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			table := append(space.Standard[:len(space.Standard):len(space.Standard)], row.info)
			last := space.Dimension(len(space.Standard))
			a := &policy.Service{Namespace: "shop", Name: "a", Account: "a", Labels: []policy.Label{{Key: "app", Value: "a"}}}
			b := &policy.Service{Namespace: "shop", Name: "b", Account: "b", Labels: []policy.Label{{Key: "app", Value: "b"}}}
			from := policy.Source{Service: a}
			at := source.NewFile("shop.mesh", "a -> b").Span(0, 6)
			b.Allow = []policy.Rule{{From: []policy.Source{from}, Requests: policy.Requests{Where: []policy.Condition{{Dimension: row.info.Name, Values: []string{row.value}}}}, At: at}}
			never := &policy.Guard{Kind: policy.Never, From: b.Allow[0].From, To: []*policy.Service{b}}
			p := &policy.Policy{
				TrustDomain: "cluster.local", RootNamespace: "istio-system",
				Meshes: []*policy.Mesh{{Name: "shop", Services: []*policy.Service{a, b}}}, Guards: []*policy.Guard{never},
			}
			with := func(values ...string) *model.Model {
				box := space.Box{space.Is(last, table.Patterns(last, values...)...)}
				clause := enforce.Clause{From: []space.Box{{space.Is(space.Identity, space.PrincipalPattern("cluster.local/ns/shop/sa/a"))}}, To: []space.Box{box}}
				if row.info.Caller {
					clause = enforce.Clause{From: []space.Box{append(clause.From[0], box...)}, To: []space.Box{{}}}
				}
				return model.New(p, enforce.NewLayer(enforce.Mesh{TrustDomain: p.TrustDomain, RootNamespace: p.RootNamespace}, table, []*enforce.Object{
					{Namespace: "shop", Name: "default-deny"},
					{Namespace: "shop", Name: "b-ingress", Selector: []enforce.Label{{Key: "app", Value: "b"}}, Clauses: []enforce.Clause{clause}},
				}, nil))
			}
			same := with(row.value)
			require.NoError(t, same.Prove(t.Context()))
			assert.ErrorContains(t, with(row.value, "green").Prove(t.Context()), row.more)
			assert.ErrorContains(t, with("green").Prove(t.Context()), row.less)

			judged, err := same.Judge()
			require.NoError(t, err)
			require.NotNil(t, judged[0].Broken)
			assert.Contains(t, judged[0].Broken.Message, row.info.Name+" "+row.value)
			assert.Equal(t, at, judged[0].Broken.Related[0].Span)

			why, err := explain.Explain(same, explain.Query{From: from, To: b}, explain.Options{})
			require.NoError(t, err)
			assert.Equal(t, explain.Partly, why.Verdict)
			var allowed []string
			for _, c := range why.Answer.Ports[0].Callers {
				for _, k := range c.Cases {
					if k.Verdict == enforce.Allowed {
						allowed = append(append(allowed, c.Names...), phrase.Texts(k.Operations)...)
						assert.Equal(t, []source.Span{at}, k.Intents)
					}
				}
			}
			assert.Contains(t, allowed, row.why)

			changes, err := diff.Compare(t.Context(), same, with("green"), diff.Options{})
			require.NoError(t, err)
			require.Len(t, changes.Opened, 1)
			assert.Equal(t, row.diff, changes.Opened[0].String())
		})
	}
	t.Run("that the table does not have", func(t *testing.T) {
		s := &policy.Service{Namespace: "shop", Name: "a", Allow: []policy.Rule{{Requests: policy.Requests{Where: []policy.Condition{{Dimension: "tenant", Values: []string{"blue"}}}}}}}
		p := &policy.Policy{Meshes: []*policy.Mesh{{Name: "shop", Services: []*policy.Service{s}}}}
		err := model.New(p, enforce.NewLayer(enforce.Mesh{}, space.Standard, nil, nil)).Prove(t.Context())
		assert.ErrorContains(t, err, `unknown dimension "tenant"`)
	})
}

// A chain names the statement by which a call is surely let through, rather than one that asks for more than is known.
func TestChainsLeadOverRulesWhoseConditionsHold(t *testing.T) {
	service := func(name string) *policy.Service {
		return &policy.Service{Namespace: "shop", Name: name, Account: name, Labels: []policy.Label{{Key: "app", Value: name}}}
	}
	a, b, c := service("a"), service("b"), service("c")
	text := source.NewFile("shop.mesh", "a -> b where; a -> b; b -> c")
	from := func(s *policy.Service) []policy.Source { return []policy.Source{{Service: s}} }
	b.Allow = []policy.Rule{
		{From: from(a), Requests: policy.Requests{Where: []policy.Condition{{Dimension: "as", Values: []string{"admin"}}}}, At: text.Span(0, 12)},
		{From: from(a), At: text.Span(14, 20)},
	}
	c.Allow = []policy.Rule{{From: from(b), Requests: b.Allow[0].Requests, At: text.Span(22, 28)}}
	p := &policy.Policy{TrustDomain: "cluster.local", RootNamespace: "istio-system", Meshes: []*policy.Mesh{{Name: "shop", Services: []*policy.Service{a, b, c}}}}
	table := append(space.Standard[:len(space.Standard):len(space.Standard)], space.Info{Kind: space.Text{}, Caller: true, Name: "as"})
	graph, err := model.New(p, enforce.NewLayer(enforce.Mesh{}, table, nil, nil)).CallGraph()
	require.NoError(t, err)
	chain := graph.Chain(policy.Source{Service: a}, b, &policy.Requests{}, nil, nil)
	assert.Equal(t, []source.Span{b.Allow[1].At}, chain.Edges)
	chain = graph.Chain(policy.Source{Service: b}, c, &policy.Requests{}, nil, nil)
	assert.Equal(t, []source.Span{c.Allow[0].At}, chain.Edges, "the only one there is")
}

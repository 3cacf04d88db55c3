package model_test

import (
	"math/rand/v2"
	"testing"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// TestRuleFor holds the rule that is found for a request against the first that matches in the order of the list.
func TestRuleFor(t *testing.T) {
	services := []*policy.Service{
		{Namespace: "shop", Name: "web", Account: "web"},
		{Namespace: "shop", Name: "admin", Account: "admin"},
		{Namespace: "pay", Name: "till", Account: "till"},
		{Namespace: "pay", Name: "nobody"}, // has no account
	}
	sources := []policy.Source{{Kind: policy.FromMesh, Mesh: "pay"}, {Kind: policy.FromAny}, {Kind: policy.FromWorld}}
	for _, s := range services {
		sources = append(sources, policy.Source{Service: s}, policy.Source{Service: s})
	}
	paths := []string{"", "/a", "/a/b", "/a/*", "/*", "*", "*.png", "/a/{*}", "/{**}/b", "/ab"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		rules := make([]policy.Rule, 1+r.IntN(6))
		for i := range rules {
			for range 1 + r.IntN(2) {
				rules[i].From = append(rules[i].From, sources[r.IntN(len(sources))])
			}
			for range r.IntN(3) {
				rules[i].Ops = append(rules[i].Ops, policy.Operation{Path: paths[r.IntN(len(paths))]})
			}
		}
		m := model.New(&policy.Policy{TrustDomain: "cluster.local", Meshes: []*policy.Mesh{
			{Name: "shop", Services: services[:2]}, {Name: "pay", Services: services[2:]},
		}}, enforce.NewLayer(enforce.Mesh{}, space.Standard, nil, nil))
		for _, s := range append(services, nil) {
			var caller space.Request
			if s != nil {
				caller = caller.With(space.Identity, space.IdentityValue(m.Principal(s)))
			}
			for _, path := range []string{"", "/a", "/a/b", "/a/b/c", "/ab", "/x.png"} {
				request := space.Standard.Request(false, nil)
				if path != "" {
					request = space.Standard.Request(true, space.Facts{space.Path: path})
				}
				from := space.Source{Request: &caller, Elsewhere: true}
				var want *policy.Rule
				for i := range rules {
					if want == nil && m.MatchesAnySource(nil, from, rules[i].From) && model.Matches(&request, &rules[i].Requests) {
						want = &rules[i]
					}
				}
				if got := m.RuleFor(nil, rules, from, &request); got != want {
					t.Fatalf("%q from %q: got %+v, want %+v of %+v", path, caller.Identity(), got, want, rules)
				}
			}
		}
	}
}

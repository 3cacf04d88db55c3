package enforce

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// Whoever calls, some class is of callers of the same kind, to the Asides of all points, whom the same patterns take.
func TestAside(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	namespaces, accounts := []string{"bare", "lab", "shop", "zoo"}, []string{"ape", "bat", "cat"}
	some := func(all []string) string { return all[r.IntN(len(all))] }
	principal := func() string { return "cluster.local/ns/" + some(namespaces) + "/sa/" + some(accounts) }
	for n := range 2000 {
		asides := []*Aside{newAside(r, namespaces, principal), newAside(r, namespaces, principal)}
		patterns := []space.Pattern{space.PrincipalPattern("*")}
		for range r.IntN(5) {
			one := space.NamespacePattern(some(namespaces))
			switch r.IntN(6) {
			case 0, 1:
				one = space.PrincipalPattern(principal())
			case 2:
				one = space.PrincipalPattern("*/sa/" + some(accounts))
			case 3:
				one = space.PrincipalPattern("cluster.local/ns/" + some(namespaces) + "/*")
			}
			patterns = append(patterns, one)
		}
		var points []*Point
		for _, a := range asides[:1+n%2] {
			var clauses []Clause
			for _, p := range patterns {
				clauses = append(clauses, Clause{From: []space.Box{{space.Is(space.Identity, p)}}, To: []space.Box{{}}})
			}
			layer := NewLayer(Mesh{TrustDomain: "cluster.local", Aside: a}, space.Standard, []*Object{{Namespace: "shop", Name: "b", Clauses: clauses}}, nil)
			front := policy.Front{Host: "b", Port: 80, Target: 8080, Waypoint: &policy.Waypoint{Namespace: "shop", Name: "waypoint", Account: "waypoint"}}
			points = append(points, layer.For(Workload{Namespace: "shop", Dataplane: policy.Ambient, Fronts: []policy.Front{front}}))
		}
		split, err := NewClasses(space.Distinctions{}, points...)
		require.NoError(t, err)
		is := func(identity string) (facts string) {
			for _, p := range points {
				facts += string(rune(p.layer.Mesh.Aside.kind(identity)))
			}
			for _, p := range patterns {
				facts += fmt.Sprint(" ", p.Identifies(identity))
			}
			return facts
		}
		for _, namespace := range namespaces {
			for _, account := range accounts {
				caller := "cluster.local/ns/" + namespace + "/sa/" + account
				require.True(t, slices.ContainsFunc(split.Sources, func(s space.Source) bool { return s.Identity() != "" && is(s.Identity()) == is(caller) }),
					"%s is %s\n%v\n%+v %+v", caller, is(caller), patterns, asides[0], asides[1])
			}
		}
	}
}

// newAside knows a few principals.
func newAside(r *rand.Rand, namespaces []string, principal func() string) *Aside {
	a := &Aside{Sidecars: map[string]bool{}, Gateways: map[string]bool{}, Meshes: map[string]bool{}}
	for _, namespace := range namespaces {
		if r.IntN(2) == 0 {
			a.Meshes[namespace] = true
		}
	}
	for range r.IntN(6) {
		a.Sidecars[principal()] = r.IntN(2) == 0
	}
	if r.IntN(2) == 0 {
		a.Gateways[principal()] = true
	}
	return a
}

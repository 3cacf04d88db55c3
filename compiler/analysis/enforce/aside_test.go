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

// Whoever calls, some class is of callers of the same kind, to the Asides of all points, whom the same patterns take:
// also where those that nothing names would be represented by somebody who has a name.
func TestAside(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	namespaces, accounts := []string{"a", "bare", "lab", "other", "othera", "shop", "zoo"}, []string{"a", "ape", "bat", "cat", "other"}
	some := func(all []string) string { return all[r.IntN(len(all))] }
	principal := func() string { return "cluster.local/ns/" + some(namespaces) + "/sa/" + some(accounts) }
	for n := range 1000 {
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
			case 4:
				one = space.PrincipalPattern("*/ns/" + some(namespaces) + "/sa/" + some(accounts))
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
				facts += fmt.Sprint(p.layer.Mesh.Aside.kind(identity))
			}
			for _, p := range patterns {
				facts += fmt.Sprint(" ", p.Identifies(identity))
			}
			return facts
		}
		for _, namespace := range append(namespaces, "nowhere") {
			for _, account := range append(accounts, "nobody") {
				caller := "cluster.local/ns/" + namespace + "/sa/" + account
				require.True(t, slices.ContainsFunc(split.Sources, func(s space.Source) bool { return s.Identity() != "" && is(s.Identity()) == is(caller) }),
					"%s is %s\n%v\n%+v %+v", caller, is(caller), patterns, asides[0], asides[1])
			}
		}
	}
}

// newAside knows a few principals.
func newAside(r *rand.Rand, namespaces []string, principal func() string) *Aside {
	a := &Aside{Callers: map[string]Kind{}, Meshes: map[string]bool{}}
	for _, namespace := range namespaces {
		if r.IntN(2) == 0 {
			a.Meshes[namespace] = true
		}
	}
	for range r.IntN(6) {
		a.Callers[principal()] = Kind(1 + r.IntN(7))
	}
	return a
}

// Of an identity that pods with sidecars and pods in ambient mode share, or a gateway and others, what is decided about
// all of them is decided, and the rest is not.
func TestSharedIdentities(t *testing.T) {
	const caller = "cluster.local/ns/shop/sa/web"
	policyOf := func(name string, target Label, effect Effect, principals ...string) *Object {
		var from space.Box
		for _, p := range principals {
			from = append(from, space.Is(space.Identity, space.PrincipalPattern(p)))
		}
		o := &Object{Namespace: "shop", Name: name, Role: Authorizes, Effect: effect, Clauses: []Clause{{From: []space.Box{from}, To: []space.Box{{}}}}}
		if target.Key != "" {
			o.Targets = []Label{target}
		}
		return o
	}
	verdict := func(kind Kind, ingress bool, waypoint, pods Effect) Verdict {
		objects := []*Object{
			policyOf("waypoint", Label{TargetService, "api"}, waypoint, caller),
			policyOf("through", Label{}, Allow, "cluster.local/ns/shop/sa/waypoint"),
			policyOf("pods", Label{}, pods, caller),
		}
		layer := NewLayer(Mesh{TrustDomain: "cluster.local", Aside: &Aside{Callers: map[string]Kind{caller: kind}, Meshes: map[string]bool{}}}, space.Standard, objects, nil)
		front := policy.Front{Host: "api", Port: 80, Target: 8080, Ingress: ingress, Waypoint: &policy.Waypoint{Namespace: "shop", Name: "waypoint", Account: "waypoint"}}
		point := layer.For(Workload{Namespace: "shop", Dataplane: policy.Ambient, Fronts: []policy.Front{front}})
		alone := point.Decide(space.Standard.Request(false, space.Facts{space.Identity: caller, space.Port: "8080"}))
		split, err := NewClasses(space.Distinctions{Callers: []space.Condition{space.Is(space.Identity, space.PrincipalPattern(caller))}}, point)
		require.NoError(t, err)
		for i := range split.Operations {
			for _, by := range split.Decide(&split.Operations[i], 0) {
				for n := range by.Sources.All() {
					if r := &split.Operations[i]; split.Sources[n].Identity() == caller && r.Request.Port() == 8080 {
						require.Equal(t, alone.Verdict, by.Verdict)
						require.Equal(t, alone.Apart, by.Apart)
					}
				}
			}
		}
		return alone.Verdict
	}
	for _, ingress := range []bool{false, true} {
		for _, waypoint := range []Effect{Allow, Deny} {
			for _, pods := range []Effect{Allow, Deny} {
				for kind := InSidecars; kind <= InSidecars|InAmbient|AtGateways; kind++ {
					want, first := Denied, true
					for one := InSidecars; one <= AtGateways; one <<= 1 {
						if kind&one == 0 {
							continue
						}
						if got := verdict(one, ingress, waypoint, pods); first {
							want, first = got, false
						} else if got != want {
							want = Undecided
						}
					}
					require.Equal(t, want, verdict(kind, ingress, waypoint, pods), "%d %v %v %v", kind, ingress, waypoint, pods)
				}
			}
		}
	}
}

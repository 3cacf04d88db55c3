package model_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/meshc/meshc/compiler"
	"github.com/meshc/meshc/compiler/analysis/diff"
	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/analysis/testdata/analysistest"
	"github.com/meshc/meshc/compiler/config"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/targets/istio"
)

// actor is somebody who calls: a service, or somebody of whom only the namespace is known, or not even that.
type actor struct {
	name      string
	principal string
	ip        netip.Addr
	service   *policy.Service
}

// calls asks the judge of each pair of an actor and a service for a request.
func calls(m *model.Model) (actors []actor, may [][]bool) {
	elsewhere := netip.MustParseAddr("192.0.2.9")
	const td = "cluster.local/ns/"
	actors = append(actors, actor{name: "world", ip: elsewhere}, actor{name: "any", principal: td + "lab/sa/nobody", ip: elsewhere})
	for _, mesh := range m.Policy.Meshes {
		actors = append(actors, actor{name: mesh.Name + "/*", principal: td + mesh.Name + "/sa/nobody", ip: elsewhere})
		for _, s := range mesh.Services {
			a := actor{name: s.ID(), principal: m.Principal(s), ip: elsewhere, service: s}
			if !s.Proxied() {
				a.ip = s.Addresses[0].Addr()
			}
			actors = append(actors, a)
		}
	}
	may = make([][]bool, len(actors))
	for i, a := range actors {
		may[i] = make([]bool, len(actors))
		for j, to := range actors {
			if to.service == nil {
				continue
			}
			allowed := func(principal string) bool {
				return m.Callee(to.service).Decide(space.Standard.Request(false, space.Facts{space.Identity: principal, space.SourceAddress: a.ip.String(), space.Port: "80"})).Verdict == enforce.Allowed
			}
			may[i][j] = !to.service.Proxied() || allowed(a.principal) || allowed("")
		}
	}
	return actors, may
}

// reached follows calls one by one.
func reached(actors []actor, may [][]bool, from int) []bool {
	seen := make([]bool, len(actors))
	level := []int{from}
	for len(level) > 0 {
		at := level[0]
		level = level[1:]
		for j := range actors {
			if may[at][j] && !seen[j] {
				seen[j] = true
				level = append(level, j)
			}
		}
	}
	return seen
}

// in tells whether an actor is one of those that a source means.
func in(a actor, source string) bool {
	namespace, wide := strings.CutSuffix(source, "/*")
	return a.name == source || source == "world" || a.principal != "" && (source == "any" || wide && strings.Contains(a.principal, "/ns/"+namespace+"/"))
}

var sourcesOfHops = []string{"shop/a", "shop/b", "shop/c", "shop/d", "dev/x", "dev/y", "shop/old", "shop/*", "dev/*", "any", "world"}

// randomHops is a small project with wide callers and denies.
func randomHops(t *testing.T, r *rand.Rand) *model.Model {
	text := fmt.Sprintf("mesh shop %s\n", []string{"strict", "permissive"}[r.IntN(2)])
	for _, s := range []string{"a", "b", "c", "d"} {
		text += fmt.Sprintf("service %s account %s port 80 http\n", s, s)
	}
	text += "service old outside address 10.0.0.0/24\n"
	for range 2 + r.IntN(5) {
		to := string(rune('a' + r.IntN(4)))
		text += fmt.Sprintf("%s -> %s\n", sourcesOfHops[r.IntN(len(sourcesOfHops))], to)
		if r.IntN(2) == 0 {
			text += fmt.Sprintf("deny %s -> %s\n", sourcesOfHops[r.IntN(10)], to)
		}
	}
	text += "mesh dev strict\nservice x account x port 80 http\nservice y account y port 80 http\n"
	if r.IntN(2) == 0 {
		text += "shop/* -> x\n"
	}
	p, list, _ := compiler.Check(t.Context(), compiler.Inputs{Files: []compiler.Input{{Name: "p.mesh", Text: []byte(text)}}, Config: config.Default()})
	if list.HasErrors() {
		return nil // the same edge twice, a deny of nobody
	}
	manifests, list := istio.New(istio.Options{}).Emit(p)
	require.NoError(t, list.Err())
	return analysistest.Model(t, p, manifests)
}

// TestHopsOneByOne holds `never ->>` against chains that are followed call by call.
func TestHopsOneByOne(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	judged, broken := 0, 0
	for range 400 {
		m := randomHops(t, r)
		if m == nil {
			continue
		}
		graph, err := m.CallGraph()
		require.NoError(t, err)
		actors, may := calls(m)
		for _, name := range sourcesOfHops {
			want := make([]bool, len(actors))
			from := policy.Source{Kind: policy.FromAny}
			for i, a := range actors {
				if !in(a, name) {
					continue
				}
				for j, yes := range reached(actors, may, i) {
					want[j] = want[j] || yes && i != j
				}
				if a.name == name {
					from.Service = a.service
				}
			}
			switch namespace, wide := strings.CutSuffix(name, "/*"); {
			case name == "world":
				from.Kind = policy.FromWorld
			case wide:
				from = policy.Source{Kind: policy.FromMesh, Mesh: namespace}
			case from.Service != nil:
				from.Kind = policy.FromService
			}
			for j, to := range actors {
				if to.service == nil || to.name == name {
					continue
				}
				chain := graph.Chain(from, to.service, &policy.Requests{}, nil, nil)
				judged++
				if want[j] {
					broken++
				}
				if !assert.Equal(t, want[j], chain != nil, "%s ->> %s: %v", name, to.name, chain) {
					for _, mesh := range m.Policy.Meshes {
						for _, s := range mesh.Services {
							t.Log(s.ID(), s.Allow, s.Deny)
						}
					}
					return
				}
			}
		}
	}
	assert.Greater(t, broken, judged/10)
	assert.Less(t, broken, judged*9/10)
	assert.Greater(t, judged, 1000)
}

// TestRoutesOneByOne holds what a difference says is newly reachable against the same.
func TestRoutesOneByOne(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 17))
	said := 0
	for range 400 {
		before, after := randomHops(t, r), randomHops(t, r)
		if before == nil || after == nil {
			continue
		}
		d, err := diff.Compare(t.Context(), before, after, diff.Options{})
		require.NoError(t, err)
		actors, was := calls(before)
		_, is := calls(after)
		for j, to := range actors {
			for i := range actors {
				if to.service != nil && !to.service.Proxied() { // a chain of a difference begins there
					was[i][j], is[i][j] = false, false
				}
			}
		}
		for i, a := range actors {
			old, now := reached(actors, was, i), reached(actors, is, i)
			for j, to := range actors {
				if i == j || to.service == nil || is[i][j] {
					continue
				}
				told := slices.ContainsFunc(d.Reachable, func(route diff.Route) bool {
					return slices.ContainsFunc(route.To, func(s *policy.Service) bool { return s.ID() == to.name }) &&
						slices.ContainsFunc(route.From, func(from diff.RouteCaller) bool {
							return in(a, from.Source.String()) && !slices.ContainsFunc(from.Except, func(e policy.Source) bool { return e.String() == a.name })
						})
				})
				if now[j] && !old[j] {
					said++
					if !assert.True(t, told, "%s ->> %s is not told", a.name, to.name) {
						t.Log("\n" + fmt.Sprint(d.Reachable))
						for _, m := range []*model.Model{before, after} {
							for _, mesh := range m.Policy.Meshes {
								for _, s := range mesh.Services {
									t.Log(s.ID(), s.Allow, s.Deny)
								}
							}
						}
						return
					}
				}
			}
		}
	}
	assert.Greater(t, said, 100)
}

package diff

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// Route is callers that reach services over others, where no chain led before.
type Route struct {
	From    []RouteCaller
	To      []*policy.Service
	Hops    int          // of the shortest chain
	MaxHops int          // of the longest of the shortest chains of each pair
	Chain   *model.Chain // the longest of these, where it is one caller; nil otherwise
}

// RouteCaller is a caller that reaches something over others. Some members of a wildcard may not get as far.
type RouteCaller struct {
	policy.Source
	Except []policy.Source
}

// maxVisits bounds the sources that are looked at in all walks: a hub that opens lets all of its callers reach all that
// it calls. Sources are what the bound counts, and not the edges of the graph, so that the answer does not depend on
// how wildcards are represented there.
const maxVisits = 20_000_000

// routes finds who reaches what over two hops or more, and did not. What somebody gains leads through a caller of
// something that was opened, or over a gateway that passes more on, who gained it too: so only what those gained is
// looked at, backward, the nearest first.
func (d *differ) routes() error {
	graphs, err := model.CallGraphs(d.after, d.before)
	if err != nil {
		return err
	}
	now, old := graphs[0], graphs[1]
	starts, err := d.gains()
	if err != nil {
		return err
	}
	for _, p := range d.diff.Passages {
		if f := (policy.Source{Service: p.Gateway}); !p.Gone && !slices.Contains(starts, f) {
			starts = append(starts, f)
		}
	}
	targets := reachedFrom(starts, old, now)
	if most := max(0, d.maxVisits/(2*len(now.Sources))-len(starts)); len(targets) > most {
		d.diff.Unfollowed = len(targets) - most
		targets = targets[:most]
	}
	d.diff.Reachable = routesTo(targets, old, now)
	return nil
}

// reachedFrom is what any of the starts reaches now and did not, the nearest first.
func reachedFrom(starts []policy.Source, old, now *model.CallGraph) []int32 {
	gained := map[int32]int32{} // the hops to it
	for _, s := range starts {
		before, after := old.Forward(now.Node(s)), now.Forward(now.Node(s))
		for i := range now.Sources {
			if hops := after.Hops[i]; hops > 0 && before.Hops[i] < 0 {
				if least, ok := gained[int32(i)]; !ok || hops < least {
					gained[int32(i)] = hops
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(gained), func(a, b int32) int {
		return cmp.Or(cmp.Compare(gained[a], gained[b]), cmp.Compare(a, b))
	})
}

// routesTo is who reaches targets over two hops or more, and did not: a route for all that the same callers reach.
func routesTo(targets []int32, old, now *model.CallGraph) (all []Route) {
	type found struct {
		Route
		first, target int32 // the first caller, and the farthest target
	}
	routes := map[string]*found{} // by who reaches the services
	wildcards, names := make([][]int32, len(now.Sources)), make([]string, len(now.Sources))
	for i, s := range now.Sources {
		wildcards[i], names[i] = now.Wildcards(s), s.String()
	}
	byName := func(a, b int32) int { return cmp.Compare(names[a], names[b]) }
	var key []byte
	for _, target := range targets {
		before, after := old.Backward(target), now.Backward(target)
		isNew := func(i int32) bool { return after.Hops[i] >= 2 && before.Hops[i] < 0 }
		var callers []int32
		least, most := math.MaxInt, 0
		key = key[:0]
		for i, s := range now.Sources {
			i := int32(i)
			if !isNew(i) || i == target || slices.ContainsFunc(wildcards[i], isNew) {
				continue
			}
			callers = append(callers, i)
			least, most = min(least, int(after.Hops[i])), max(most, int(after.Hops[i]))
			key = binary.AppendUvarint(key, uint64(i))
			for _, e := range exceptions(now, s, after) {
				key = binary.AppendUvarint(key, uint64(e))
			}
			key = append(key, 0)
		}
		if len(callers) == 0 {
			continue
		}
		r := routes[string(key)]
		if r == nil {
			r = &found{first: callers[0], target: target, Route: Route{Hops: least, MaxHops: most}}
			slices.SortFunc(callers, byName)
			for _, i := range callers {
				c := RouteCaller{Source: now.Sources[i]}
				except := exceptions(now, c.Source, after)
				slices.SortFunc(except, byName)
				for _, e := range except {
					c.Except = append(c.Except, now.Sources[e])
				}
				r.From = append(r.From, c)
			}
			routes[string(key)] = r
		}
		if most > r.MaxHops {
			r.target = target
		}
		r.To = append(r.To, now.Sources[target].Service)
		r.Hops, r.MaxHops = min(r.Hops, least), max(r.MaxHops, most)
	}
	for _, r := range routes {
		slices.SortFunc(r.To, func(a, b *policy.Service) int { return cmp.Compare(a.ID(), b.ID()) })
		if len(r.From) == 1 {
			r.Chain = now.Forward(r.first).Chain(r.target)
		}
		all = append(all, r.Route)
	}
	slices.SortFunc(all, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Hops, b.Hops),
			slices.CompareFunc(a.From, b.From, func(a, b RouteCaller) int { return cmp.Compare(a.String(), b.String()) }),
			slices.CompareFunc(a.To, b.To, func(a, b *policy.Service) int { return cmp.Compare(a.ID(), b.ID()) }))
	})
	return all
}

// exceptions is the members of a wildcard, by node, that do not get as far as the others.
func exceptions(g *model.CallGraph, wildcard policy.Source, walk *model.Walk) (except []int32) {
	if wildcard.Kind == policy.FromService {
		return nil
	}
	at := g.Node(wildcard)
	for i, s := range g.Sources {
		if walk.Hops[i] >= 0 {
			continue
		}
		in := g.Wildcards(s)
		if n := slices.Index(in, at); n == 0 || n > 0 && walk.Hops[in[0]] >= 0 { // others are members of an exception
			except = append(except, int32(i))
		}
	}
	return except
}

// gains is the sources that may call something that they could not, and those members of a wildcard among them that
// some rule excepts: they may have had less than the others, and gain more.
func (d *differ) gains() ([]policy.Source, error) {
	was, err := d.before.Callers()
	if err != nil {
		return nil, err
	}
	is, err := d.after.Callers()
	if err != nil {
		return nil, err
	}
	before := map[string]*model.Callers{}
	for s, callers := range was {
		before[s.ID()] = callers
	}
	named, excepted := d.namedCallers(was, is)
	gained := map[policy.Source]bool{}
	for s, b := range is {
		if before[s.ID()] == b {
			continue
		}
		a := cmp.Or(before[s.ID()], &model.Callers{})
		look := func(sources ...policy.Source) {
			for _, f := range sources {
				if b.Admits(d.after, f) && !a.Admits(d.before, f) {
					gained[f] = true
				}
			}
		}
		look(policy.Source{Kind: policy.FromAny}, policy.Source{Kind: policy.FromWorld})
		for _, c := range []*model.Callers{a, b} {
			for n := range c.Namespaces {
				look(policy.Source{Kind: policy.FromMesh, Mesh: n})
			}
			for o := range c.Outside {
				look(named[o]...)
			}
			for p := range c.Identities {
				look(named[p]...)
			}
		}
	}
	all := slices.Collect(maps.Keys(gained))
	for s := range excepted {
		if !gained[s] && slices.ContainsFunc(all, func(wildcard policy.Source) bool { return wildcard.Includes(s) }) {
			all = append(all, s)
		}
	}
	return all, nil
}

// namedCallers is the services of both sides by what rules name them by, which is an identity or, without one, an ID;
// and the sources that some rule of either side excepts.
func (d *differ) namedCallers(was, is map[*policy.Service]*model.Callers) (named map[string][]policy.Source, excepted map[policy.Source]bool) {
	named, excepted = map[string][]policy.Source{}, map[policy.Source]bool{}
	for _, side := range []struct {
		*model.Model
		callers map[*policy.Service]*model.Callers
	}{{d.before, was}, {d.after, is}} {
		denied := map[string]bool{} // identities, namespaces and IDs
		for _, c := range side.callers {
			for _, list := range []map[string]bool{c.Identities, c.Namespaces, c.Outside} {
				for name, may := range list {
					denied[name] = denied[name] || !may
				}
			}
		}
		for s := range side.callers {
			f, names := policy.Source{Service: s}, side.Principals(s)
			identified := len(names) > 0
			if !identified {
				names = []string{s.ID()}
			}
			if denied[s.Namespace] {
				excepted[policy.Source{Kind: policy.FromMesh, Mesh: s.Namespace}] = true
			}
			for _, name := range names {
				named[name] = append(named[name], f)
				if denied[name] || identified && denied[s.Namespace] {
					excepted[f] = true
				}
			}
		}
	}
	return named, excepted
}

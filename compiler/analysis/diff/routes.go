package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// Route is callers that reach services over others, where no chain led before.
type Route struct {
	From, To []string
	Hops     int
	Chain    string // the chain, where it is one caller and one service
}

func (r Route) String() string {
	text := fmt.Sprintf("%s ->> %s (%d hops", some(r.From), some(r.To), r.Hops)
	if r.Chain != "" {
		text += ": " + r.Chain
	}
	return text + ")"
}

func some(names []string) string {
	const most = 6
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// maxSteps bounds what is looked at: a hub that opens lets everyone in front of it reach everyone behind it.
const maxSteps = 20_000_000

// routes finds who reaches what over two hops or more, and did not. What somebody gains leads through a caller of
// something that was opened, who gained it too: so only what those gained is looked at, backward.
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
	steps := 0
	gained := map[int32]bool{}
	for _, s := range starts {
		before, after := old.Forward(now.Node(s)), now.Forward(now.Node(s))
		steps += before.Steps + after.Steps
		for i := range now.Sources {
			if after.Hops[i] > 0 && before.Hops[i] < 0 {
				gained[int32(i)] = true
			}
		}
	}
	type group struct {
		hops int32
		from string
	}
	type found struct {
		Route
		first, target int32 // of the first caller and the first target
	}
	routes := map[group]*found{}
	targets := slices.Sorted(maps.Keys(gained))
	for i, target := range targets {
		if steps > maxSteps {
			d.diff.Unfollowed = len(targets) - i
			break
		}
		before, after := old.Backward(target), now.Backward(target)
		steps += before.Steps + after.Steps
		isNew := func(i int32) bool { return after.Hops[i] >= 2 && before.Hops[i] < 0 }
		byHops := map[int32][]string{}
		first := map[int32]int32{}
		for i, s := range now.Sources {
			if i := int32(i); isNew(i) && i != target && !slices.ContainsFunc(now.Wildcards(s), isNew) {
				hops := after.Hops[i]
				byHops[hops] = append(byHops[hops], s.String()+exceptions(now, s, after))
				first[hops] = i
			}
		}
		for hops, from := range byHops {
			slices.Sort(from)
			key := group{hops, strings.Join(from, "\n")}
			if routes[key] == nil {
				routes[key] = &found{Route{From: from, Hops: int(hops)}, first[hops], target}
			}
			routes[key].To = append(routes[key].To, now.Sources[target].String())
		}
	}
	for _, r := range routes {
		slices.Sort(r.To)
		if len(r.From) == 1 && len(r.To) == 1 {
			r.Chain = now.Forward(r.first).Chain(r.target).String()
		}
		d.diff.Reachable = append(d.diff.Reachable, r.Route)
	}
	slices.SortFunc(d.diff.Reachable, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Hops, b.Hops), slices.Compare(a.From, b.From), slices.Compare(a.To, b.To))
	})
	return nil
}

// exceptions is words for those members of a wildcard that do not get as far as the others; empty where all do.
func exceptions(g *model.CallGraph, wildcard policy.Source, walk *model.Walk) string {
	if wildcard.Kind == policy.FromService {
		return ""
	}
	at := g.Node(wildcard)
	var names []string
	for i, s := range g.Sources {
		if walk.Hops[i] >= 0 {
			continue
		}
		in := g.Wildcards(s)
		if n := slices.Index(in, at); n == 0 || n > 0 && walk.Hops[in[0]] >= 0 { // others are members of an exception
			names = append(names, s.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return " except " + strings.ReplaceAll(some(names), ", ", " and ")
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
	named := map[string][]policy.Source{} // by identity or, without one, by ID
	excepted := map[policy.Source]bool{}
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
			if side.Model == d.before {
				before[s.ID()] = was[s]
			}
			f, identity := policy.Source{Service: s}, side.Principal(s)
			name := cmp.Or(identity, s.ID())
			named[name] = append(named[name], f)
			if denied[s.Namespace] {
				excepted[policy.Source{Kind: policy.FromMesh, Mesh: s.Namespace}] = true
			}
			if denied[name] || identity != "" && denied[s.Namespace] {
				excepted[f] = true
			}
		}
	}
	gained := map[policy.Source]bool{}
	for s, b := range is {
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

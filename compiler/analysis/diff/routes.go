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
// something that was opened, who then gained it too: so only what those gained is looked at, from behind.
func (d *differ) routes() error {
	was, err := d.before.CallGraph()
	if err != nil {
		return err
	}
	is, err := d.after.CallGraph()
	if err != nil {
		return err
	}
	nodes := nodesOf(was, is)
	old, now := nodes.web(was), nodes.web(is)
	steps := 0
	gained := map[int32]bool{}
	starts := gains(was, is)
	for _, s := range slices.Concat(starts, excepted(starts, was, is)) {
		at := nodes.of(s)
		before, n := walk(old.to, at)
		after, m := walk(now.to, at)
		steps += n + m
		for i := range nodes.list {
			if after[i] > 0 && before[i] < 0 {
				gained[int32(i)] = true
			}
		}
	}
	type group struct {
		hops int32
		from string
	}
	routes := map[group]*Route{}
	targets := slices.Sorted(maps.Keys(gained))
	for i, target := range targets {
		if nodes.list[target].Kind != policy.FromService {
			continue
		}
		if steps > maxSteps {
			d.diff.Unfollowed = len(targets) - i
			break
		}
		before, n := walk(old.from, target)
		after, m := walk(now.from, target)
		steps += n + m
		byHops := map[int32][]string{}
		for i, s := range nodes.list {
			if hops := after[i]; hops >= 2 && before[i] < 0 && int32(i) != target && !nodes.within(s, before, after) {
				byHops[hops] = append(byHops[hops], s.String()+nodes.left(s, after))
			}
		}
		for hops, from := range byHops {
			slices.Sort(from)
			key := group{hops, strings.Join(from, "\n")}
			if routes[key] == nil {
				routes[key] = &Route{From: from, Hops: int(hops)}
			}
			routes[key].To = append(routes[key].To, nodes.list[target].String())
		}
	}
	for _, r := range routes {
		slices.Sort(r.To)
		if len(r.From) == 1 && len(r.To) == 1 {
			from, _, _ := strings.Cut(r.From[0], without)
			r.Chain = nodes.chain(now, from, r.To[0])
		}
		d.diff.Reachable = append(d.diff.Reachable, *r)
	}
	slices.SortFunc(d.diff.Reachable, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Hops, b.Hops), slices.Compare(a.From, b.From), slices.Compare(a.To, b.To))
	})
	return nil
}

// nodes is the services of both models, and the wide doors: `NS/*`, any and world. Who is in one goes through it
// without a hop.
type nodes struct {
	list []policy.Source // those of the after model where both have one
	at   map[string]int32
}

func nodesOf(was, is *model.CallGraph) *nodes {
	n := &nodes{at: map[string]int32{}}
	add := func(s policy.Source) {
		if _, there := n.at[s.String()]; !there {
			n.at[s.String()] = int32(len(n.list))
			n.list = append(n.list, s)
		}
	}
	add(policy.Source{Kind: policy.FromWorld})
	add(policy.Source{Kind: policy.FromAny})
	for _, h := range []*model.CallGraph{is, was} {
		for _, s := range h.Services {
			add(policy.Source{Service: s})
			add(policy.Source{Kind: policy.FromMesh, Mesh: s.Namespace})
		}
		for _, s := range h.Services {
			for _, namespace := range slices.Sorted(maps.Keys(h.Callers(s).Namespaces)) {
				add(policy.Source{Kind: policy.FromMesh, Mesh: namespace})
			}
		}
	}
	return n
}

// of is the node of a caller; -1 where there is none.
func (n *nodes) of(s policy.Source) int32 {
	if i, ok := n.at[s.String()]; ok {
		return i
	}
	return -1
}

// doors is the doors that a caller is in.
func (n *nodes) doors(s policy.Source) []int32 {
	world := n.at[policy.Source{Kind: policy.FromWorld}.String()]
	anyone := n.at[policy.Source{Kind: policy.FromAny}.String()]
	switch {
	case s.Kind == policy.FromWorld:
		return nil
	case s.Kind == policy.FromAny, s.Kind == policy.FromService && (!s.Service.Proxied() || s.Service.Account == ""):
		return []int32{world}
	case s.Kind == policy.FromMesh:
		return []int32{anyone, world}
	}
	return []int32{n.at[policy.Source{Kind: policy.FromMesh, Mesh: s.Service.Namespace}.String()], anyone, world}
}

// within tells that what is said of a caller is said of a door that it is in.
func (n *nodes) within(s policy.Source, before, after []int32) bool {
	for _, door := range n.doors(s) {
		if after[door] >= 2 && before[door] < 0 {
			return true
		}
	}
	return false
}

const without = " except "

// left is words for those in a door that do not get to where the others do.
func (n *nodes) left(door policy.Source, far []int32) string {
	if door.Kind == policy.FromService {
		return ""
	}
	at := n.of(door)
	var names []string
	for i, s := range n.list {
		if far[i] >= 0 {
			continue
		}
		doors := n.doors(s)
		if in := slices.Index(doors, at); in == 0 || in > 0 && far[doors[0]] >= 0 { // the others are in one that is left
			names = append(names, s.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return without + strings.ReplaceAll(some(names), ", ", model.And)
}

// gains is who may call something that they could not, those that nothing names among them.
func gains(was, is *model.CallGraph) []policy.Source {
	before := map[string]*model.Callers{}
	for _, s := range was.Services {
		before[s.ID()] = was.Callers(s)
	}
	byPrincipal, outside := map[string][]*policy.Service{}, map[string]*policy.Service{}
	for _, h := range []*model.CallGraph{was, is} {
		for _, s := range h.Services {
			if p := h.Model.Principal(s); p != "" {
				byPrincipal[p] = append(byPrincipal[p], s)
			} else {
				outside[s.ID()] = s
			}
		}
	}
	gained := map[policy.Source]bool{}
	for _, s := range is.Services {
		a, b := cmp.Or(before[s.ID()], &model.Callers{}), is.Callers(s)
		look := func(f policy.Source) {
			if b.AdmitsSource(is.Model, f) && !a.AdmitsSource(was.Model, f) {
				gained[f] = true
			}
		}
		look(policy.Source{Kind: policy.FromAny})
		look(policy.Source{Kind: policy.FromWorld})
		for _, c := range []*model.Callers{a, b} {
			for n := range c.Namespaces {
				look(policy.Source{Kind: policy.FromMesh, Mesh: n})
			}
			for o := range c.Outside {
				look(policy.Source{Service: outside[o]})
			}
			for p := range c.Services {
				for _, s := range byPrincipal[p] {
					look(policy.Source{Service: s})
				}
			}
		}
	}
	return slices.Collect(maps.Keys(gained))
}

// excepted is those in the doors of a search that some rule names to leave them out: they may have had less than the
// others, and gain more.
func excepted(starts []policy.Source, webs ...*model.CallGraph) (all []policy.Source) {
	named := map[policy.Source]bool{}
	for _, h := range webs {
		principals, namespaces, outside := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, c := range h.AllCallers() {
			for o, may := range c.Outside {
				outside[o] = outside[o] || !may
			}
			for p, may := range c.Services {
				principals[p] = principals[p] || !may
			}
			for n, may := range c.Namespaces {
				namespaces[n] = namespaces[n] || !may
			}
		}
		for _, s := range h.Services {
			if namespaces[s.Namespace] {
				named[policy.Source{Kind: policy.FromMesh, Mesh: s.Namespace}] = true
			}
			if p := h.Model.Principal(s); p != "" && (namespaces[s.Namespace] || principals[p]) || outside[s.ID()] {
				named[policy.Source{Service: s}] = true
			}
		}
	}
	for s := range named {
		if slices.ContainsFunc(starts, func(door policy.Source) bool { return door != s && policy.Includes([]policy.Source{door}, s) }) {
			all = append(all, s)
		}
	}
	return all
}

// web is who may call whom, both ways. A step through a door is no hop.
type web struct{ to, from [][]step }

type step struct {
	node int32
	hops int32
}

// web is the calls of one side. Behind a door is whoever is in it. It is not the node of the door, which stands for those
// in it that nothing names: what lets in a crowd of them and not the others has that for its door.
func (n *nodes) web(h *model.CallGraph) *web {
	w := &web{make([][]step, len(n.list)), make([][]step, len(n.list))}
	link := func(a, b, hops int32) {
		w.to[a] = append(w.to[a], step{b, hops})
		w.from[b] = append(w.from[b], step{a, hops})
	}
	node := func() int32 {
		w.to, w.from = append(w.to, nil), append(w.from, nil)
		return int32(len(w.to) - 1)
	}
	behind := map[int32]int32{}
	for i, s := range n.list {
		if s.Kind != policy.FromService {
			behind[int32(i)] = node()
			link(int32(i), behind[int32(i)], 0)
		}
	}
	for i, s := range n.list {
		for _, door := range n.doors(s) {
			link(int32(i), behind[door], 0)
		}
	}
	within := func(s policy.Source) int32 { return behind[n.at[s.String()]] }
	byPrincipal := map[string][]int32{}
	for _, s := range h.Services {
		if p := h.Model.Principal(s); p != "" {
			byPrincipal[p] = append(byPrincipal[p], n.at[s.ID()])
		}
	}
	crowds := map[string]int32{}
	for _, s := range h.Services {
		if !s.Proxied() {
			continue // anybody may call it, and no change of policies is what lets them: a chain begins there
		}
		c, to := h.Callers(s), n.at[s.ID()]
		for p, may := range c.Services {
			for _, from := range byPrincipal[p] {
				if may {
					link(from, to, 1)
				}
			}
		}
		switch {
		case !c.AdmitsWildcard():
		case c.HasExceptions():
			key := c.Key()
			crowd, ok := crowds[key]
			if !ok {
				crowd = node()
				crowds[key] = crowd
				for i, f := range n.list {
					if c.Includes(h.Model, f) {
						link(int32(i), crowd, 0)
					}
				}
			}
			link(crowd, to, 1)
		case c.World:
			link(within(policy.Source{Kind: policy.FromWorld}), to, 1)
		default:
			for namespace := range c.Namespaces {
				link(within(policy.Source{Kind: policy.FromMesh, Mesh: namespace}), to, 1)
			}
			if c.Any {
				link(within(policy.Source{Kind: policy.FromAny}), to, 1)
			}
		}
		for o, may := range c.Outside {
			if may {
				link(n.at[o], to, 1)
			}
		}
	}
	return w
}

// walk is how many hops away each node is, -1 where no chain leads, and how much was looked at.
func walk(edges [][]step, start int32) (far []int32, steps int) {
	far = make([]int32, len(edges))
	for i := range far {
		far[i] = -1
	}
	if start < 0 {
		return far, 0
	}
	far[start] = 0
	level, next := []int32{start}, []int32(nil)
	for len(level) > 0 {
		for i := 0; i < len(level); i++ {
			at := level[i]
			for _, e := range edges[at] {
				steps++
				switch {
				case far[e.node] >= 0 && far[e.node] <= far[at]+e.hops:
				case e.hops == 0:
					far[e.node] = far[at]
					level = append(level, e.node)
				default:
					if far[e.node] < 0 {
						far[e.node] = far[at] + 1
						next = append(next, e.node)
					}
				}
			}
		}
		level, next = next, level[:0]
	}
	return far, steps
}

// chain is a shortest chain in words. Doors are no part of it, but where it starts.
func (n *nodes) chain(w *web, from, to string) string {
	far, _ := walk(w.from, n.at[to])
	words := []string{from}
	for at := n.at[from]; far[at] > 0; {
		i := slices.IndexFunc(w.to[at], func(e step) bool { return far[e.node] >= 0 && far[e.node]+e.hops == far[at] })
		if i < 0 {
			return ""
		}
		if at = w.to[at][i].node; int(at) < len(n.list) && n.list[at].Kind == policy.FromService {
			words = append(words, n.list[at].String())
		}
	}
	return strings.Join(words, " -> ")
}

package reach

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	was, err := d.before.Hops()
	if err != nil {
		return err
	}
	is, err := d.after.Hops()
	if err != nil {
		return err
	}
	nodes := nodesOf(was, is)
	old, now := nodes.web(was), nodes.web(is)
	steps := 0
	gained := map[int32]bool{}
	for _, s := range d.starts {
		at := nodes.of(s)
		before, n := walk(old.to, at)
		after, m := walk(now.to, at)
		steps += n + m
		for i := range after {
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
				byHops[hops] = append(byHops[hops], s.String())
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
			r.Chain = nodes.chain(now, r.From[0], r.To[0])
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

func nodesOf(was, is *Hops) *nodes {
	n := &nodes{at: map[string]int32{}}
	add := func(s policy.Source) {
		if _, there := n.at[s.String()]; !there {
			n.at[s.String()] = int32(len(n.list))
			n.list = append(n.list, s)
		}
	}
	add(policy.Source{Kind: policy.FromWorld})
	add(policy.Source{Kind: policy.FromAny})
	for _, h := range []*Hops{is, was} {
		for _, s := range h.all {
			add(policy.Source{Service: s})
			add(policy.Source{Kind: policy.FromMesh, Mesh: s.Namespace})
		}
		for _, s := range h.all {
			for _, namespace := range slices.Sorted(maps.Keys(h.callers[s].Namespaces)) {
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
	case s.Kind == policy.FromAny, s.Kind == policy.FromService && (s.Service.Outside || s.Service.Account == ""):
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

// web is who may call whom, both ways. A step through a door is no hop.
type web struct{ to, from [][]step }

type step struct {
	node int32
	hops int32
}

func (n *nodes) web(h *Hops) *web {
	w := &web{make([][]step, len(n.list)), make([][]step, len(n.list))}
	link := func(a, b, hops int32) {
		w.to[a] = append(w.to[a], step{b, hops})
		w.from[b] = append(w.from[b], step{a, hops})
	}
	for i, s := range n.list {
		for _, door := range n.doors(s) {
			link(int32(i), door, 0)
		}
	}
	byPrincipal := map[string][]int32{}
	var outside []*policy.Service
	for _, s := range h.all {
		if p := h.model.Principal(s); p != "" {
			byPrincipal[p] = append(byPrincipal[p], n.at[s.ID()])
		}
		if s.Outside {
			outside = append(outside, s)
		}
	}
	for _, s := range h.all {
		c, to := h.callers[s], n.at[s.ID()]
		for p := range c.Services {
			for _, from := range byPrincipal[p] {
				link(from, to, 1)
			}
		}
		for namespace := range c.Namespaces {
			link(n.of(policy.Source{Kind: policy.FromMesh, Mesh: namespace}), to, 1)
		}
		if c.Any {
			link(n.of(policy.Source{Kind: policy.FromAny}), to, 1)
		}
		if c.World {
			link(n.of(policy.Source{Kind: policy.FromWorld}), to, 1)
		}
		if c.addressed {
			for _, o := range outside {
				if c.blocks(o) {
					link(n.at[o.ID()], to, 1)
				}
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
		if at = w.to[at][i].node; n.list[at].Kind == policy.FromService {
			words = append(words, n.list[at].String())
		}
	}
	return strings.Join(words, " -> ")
}

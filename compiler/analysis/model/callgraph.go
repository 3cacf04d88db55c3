package model

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/source"
)

// CallGraph is who may call whom by the manifests. Its nodes are sources: every service, and for each wildcard (any,
// world, NS/*) those members that no rule names. What a wildcard may call hangs on a virtual node that its members
// feed, so that the edges grow with the rules and not with pairs of services.
type CallGraph struct {
	Sources []policy.Source // the nodes; virtual ones are numbered after them

	model    *Model
	at       map[string]int32 // by the text of a source
	to, from [][]int32
	network  int32 // the virtual node of everyone who reaches a workload without a proxy
}

// CallGraph is the call graph of a model. It is made at the first call.
func (m *Model) CallGraph() (*CallGraph, error) { return m.graph() }

// Callers is who may call each service. It is worked out at the first call.
func (m *Model) Callers() (map[*policy.Service]*Callers, error) { return m.callers() }

func (m *Model) allCallers() (map[*policy.Service]*Callers, error) {
	all := map[*policy.Service]*Callers{}
	var classifier enforce.Classifier
	var same map[string]*Callers
	if m.elsewhere != nil {
		services, err := m.elsewhere.callers()
		if err != nil {
			return nil, err
		}
		same = make(map[string]*Callers, len(services))
		for s, c := range services {
			if !m.scope.Has(s.Namespace) {
				same[s.ID()] = c
			}
		}
	}
	for _, s := range m.Policy.Services() {
		if c := same[s.ID()]; c != nil {
			all[s] = c
			continue
		}
		callers, err := m.callersOf(&classifier, s, &policy.Requests{})
		if err != nil {
			return nil, err
		}
		all[s] = callers
	}
	return all, nil
}

// CallGraphs is the call graphs of models over the sources of all of them, so that nodes can be compared by number.
func CallGraphs(models ...*Model) ([]*CallGraph, error) { return callGraphs(nil, models...) }

func callGraphs(extra []policy.Source, models ...*Model) ([]*CallGraph, error) {
	var sources []policy.Source
	at := map[string]int32{}
	add := func(s policy.Source) {
		text := s.String()
		if _, ok := at[text]; !ok {
			at[text] = int32(len(sources))
			sources = append(sources, s)
		}
	}
	namespaces := map[string]bool{}
	for _, m := range models {
		for _, mesh := range m.Policy.Meshes {
			add(policy.Source{Kind: policy.FromMesh, Mesh: mesh.Name})
			for _, s := range mesh.Services {
				add(policy.Source{Service: s})
			}
		}
		all, err := m.callers()
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			for n := range c.Namespaces {
				namespaces[n] = true
			}
		}
	}
	for _, s := range extra {
		if add(s); s.Kind == policy.FromService && s.Service.Namespace != "" {
			namespaces[s.Service.Namespace] = true
		}
	}
	for _, n := range slices.Sorted(maps.Keys(namespaces)) {
		add(policy.Source{Kind: policy.FromMesh, Mesh: n})
	}
	add(policy.Source{Kind: policy.FromAny})
	add(policy.Source{Kind: policy.FromWorld})
	graphs := make([]*CallGraph, len(models))
	for i, m := range models {
		graphs[i] = &CallGraph{model: m, Sources: slices.Clone(sources), at: at}
		graphs[i].link()
	}
	return graphs, nil
}

// Node is the number of a source; -1 where it has no node.
func (g *CallGraph) Node(s policy.Source) int32 {
	if i, ok := g.at[s.String()]; ok {
		return i
	}
	return -1
}

// nodes is the nodes of all sources that some include.
func (g *CallGraph) nodes(sources ...policy.Source) (all []int32) {
	for _, s := range sources {
		if s.Kind == policy.FromService {
			all = append(all, g.Node(s))
			continue
		}
		for i, f := range g.Sources {
			if s.Includes(f) {
				all = append(all, int32(i))
			}
		}
	}
	return all
}

func (g *CallGraph) connect(from, to int32) {
	g.to[from] = append(g.to[from], to)
	g.from[to] = append(g.from[to], from)
}

func (g *CallGraph) virtual() int32 {
	g.to, g.from = append(g.to, nil), append(g.from, nil)
	return int32(len(g.to) - 1)
}

func (g *CallGraph) link() {
	n := len(g.Sources)
	g.to, g.from = make([][]int32, n, 2*n), make([][]int32, n, 2*n)
	services := g.model.Policy.Services()
	for _, s := range services {
		g.Sources[g.at[s.ID()]].Service = s
	}
	members := make([]int32, n) // of a wildcard: the virtual node that its members feed
	byPrincipal := map[string][]int32{}
	for i, s := range g.Sources {
		if s.Kind != policy.FromService {
			members[i] = g.virtual()
			continue
		}
		for _, p := range g.model.Principals(s.Service) {
			byPrincipal[p] = append(byPrincipal[p], int32(i))
		}
	}
	g.network = g.virtual()
	all, _ := g.model.callers()
	excepting := map[string]int32{} // virtual nodes of wildcards with the same exceptions
	for _, s := range services {
		c, to := all[s], g.at[s.ID()]
		if !s.Proxied() {
			g.connect(g.network, to)
			continue
		}
		for p, may := range c.Identities {
			for _, from := range byPrincipal[p] {
				if may && !routed(g.Sources[from]) {
					g.connect(from, to)
				}
			}
		}
		for o, may := range c.Outside {
			if may {
				g.connect(g.at[o], to)
			}
		}
		wildcards, exceptions := c.wildcards()
		if exceptions == "" {
			for _, w := range wildcards {
				g.connect(members[g.Node(w)], to)
			}
			continue
		}
		node, ok := excepting[exceptions]
		if !ok {
			node = g.virtual()
			excepting[exceptions] = node
			for i, f := range g.Sources {
				if !routed(f) && c.includes(g.model, f) {
					g.connect(int32(i), node)
				}
			}
		}
		g.connect(node, to)
	}
	// Last, so that of two chains of one length that by name is found first.
	for i, s := range g.Sources {
		in := g.Wildcards(s)
		switch {
		case routed(s):
			g.route(int32(i), all)
		case s.Kind == policy.FromService:
			g.connect(int32(i), members[in[0]])
		case len(in) > 0:
			g.connect(members[i], members[in[0]])
			fallthrough
		default:
			g.connect(int32(i), members[i])
		}
	}
	g.connect(members[g.Node(policy.Source{Kind: policy.FromWorld})], g.network)
}

// routed reports whether a source is a gateway that passes calls on along known routes only.
func routed(s policy.Source) bool { return s.Kind == policy.FromService && s.Service.Routed }

// route connects a gateway to what its routes lead to and lets it in.
func (g *CallGraph) route(gateway int32, callers map[*policy.Service]*Callers) {
	seen := map[*policy.Service]bool{}
	for _, r := range g.Sources[gateway].Service.Routes {
		if to := r.To; !seen[to] && callers[to] != nil && callers[to].Admits(g.model, g.Sources[gateway]) {
			seen[to] = true
			g.connect(gateway, g.at[to.ID()])
		}
	}
}

// Wildcards is the nodes of the wildcards that a source is in, the narrowest first.
func (g *CallGraph) Wildcards(s policy.Source) []int32 {
	world, anyone := g.Node(policy.Source{Kind: policy.FromWorld}), g.Node(policy.Source{Kind: policy.FromAny})
	switch {
	case s.Kind == policy.FromWorld:
		return nil
	case s.Kind == policy.FromAny, s.Kind == policy.FromService && (!s.Service.Proxied() || s.Service.Account == ""):
		return []int32{world}
	case s.Kind == policy.FromMesh:
		return []int32{anyone, world}
	}
	return []int32{g.Node(policy.Source{Kind: policy.FromMesh, Mesh: s.Service.Namespace}), anyone, world}
}

// Walk is a breadth-first search of a call graph.
type Walk struct {
	Hops  []int32 // by node: how many calls away it is; negative where no chain leads
	Steps int     // how many edges were looked at

	graph *CallGraph
	by    []int32 // by source: the one before it; -1 where the walk begins
	found int32   // where the walk ended; -1 where it went as far as it could
}

const (
	unreached = -1
	barred    = -2
)

// Forward is a walk to what a source may call over others, and Backward one to those that may call it. Both leave out
// calls to workloads without a proxy: no policy decides about them.
func (g *CallGraph) Forward(from int32) *Walk {
	return g.walk(g.to, []int32{from}, []int32{g.network}, nil)
}

// Backward is described at Forward.
func (g *CallGraph) Backward(to int32) *Walk {
	return g.walk(g.from, []int32{to}, []int32{g.network}, nil)
}

// walk goes from some nodes until one is found. Between two sources there may be virtual nodes, which are no call.
func (g *CallGraph) walk(edges [][]int32, starts, bar []int32, found func(node, hops int32) bool) *Walk {
	w := &Walk{graph: g, Hops: make([]int32, len(edges)), by: make([]int32, len(g.Sources)), found: -1}
	for i := range w.Hops {
		w.Hops[i] = unreached
	}
	for _, i := range bar {
		w.Hops[i] = barred
	}
	var queue []int32
	for _, i := range starts {
		if w.Hops[i] == unreached {
			w.Hops[i], w.by[i] = 0, -1
			queue = append(queue, i)
		}
	}
	var follow func(node, source int32)
	follow = func(node, source int32) {
		w.Steps += len(edges[node])
		for _, next := range edges[node] {
			switch {
			case w.Hops[next] != unreached:
			case int(next) < len(g.Sources):
				w.Hops[next], w.by[next] = w.Hops[source]+1, source
				queue = append(queue, next)
			default:
				w.Hops[next] = w.Hops[source]
				follow(next, source)
			}
		}
	}
	for n := 0; n < len(queue); n++ {
		if found != nil && found(queue[n], w.Hops[queue[n]]) {
			w.found = queue[n]
			break
		}
		follow(queue[n], queue[n])
	}
	return w
}

// Chain is calls that lead from a caller to a service.
type Chain struct {
	From     policy.Source
	Services []*policy.Service // in their order, the destination last
	Edges    []source.Span     // the statement of each call; zero where there is none
	Routes   []*policy.Route   // of each call of a gateway; nil where none is known
}

func (c *Chain) String() string {
	var b strings.Builder
	b.WriteString(c.From.String())
	for _, s := range c.Services {
		b.WriteString(" -> ")
		b.WriteString(s.ID())
	}
	return b.String()
}

// Chain is the chain of a forward walk to a node that it reaches, and on from there to some services.
func (w *Walk) Chain(node int32, on ...*policy.Service) *Chain {
	for ; w.by[node] >= 0; node = w.by[node] {
		on = slices.Insert(on, 0, w.graph.Sources[node].Service)
	}
	c := &Chain{From: w.graph.Sources[node], Services: on}
	from := c.From
	for _, s := range on {
		c.Edges = append(c.Edges, w.graph.model.edgeAt(from, s))
		c.Routes = append(c.Routes, routeOf(from, s, &policy.Requests{}))
		from = policy.Source{Service: s}
	}
	return c
}

func routeOf(from policy.Source, to *policy.Service, q *policy.Requests) *policy.Route {
	if from.Kind != policy.FromService {
		return nil
	}
	return from.Service.RouteTo(to, q)
}

// Chain is a shortest chain of calls from a source to a service; nil where there is none. Last is who may make the last
// call, which does some requests; nil: the callers of the service. No chain begins at a source in except, or leads over
// one. A gateway from which it is asked makes the first call by itself, and any other passes calls on along its routes.
func (g *CallGraph) Chain(from policy.Source, to *policy.Service, q *policy.Requests, last *Callers, except []policy.Source) *Chain {
	if g.Node(from) < 0 { // it is neither in the policy nor in a rule
		if graphs, err := callGraphs([]policy.Source{from}, g.model); err == nil {
			g = graphs[0]
		}
	}
	if last == nil {
		all, _ := g.model.callers()
		last = all[to]
	}
	bar := g.nodes(except...)
	if node := g.Node(policy.Source{Service: to}); node >= 0 {
		bar = append(bar, node)
	}
	starts := append([]int32{g.Node(from)}, g.nodes(from)...)
	w := g.walk(g.to, starts, bar, func(i, hops int32) bool {
		s := g.Sources[i]
		return last.Admits(g.model, s) && (hops == 0 && from.Kind == policy.FromService || !routed(s) || routeOf(s, to, q) != nil)
	})
	if w.found < 0 {
		return nil
	}
	c := w.Chain(w.found, to)
	c.Routes[len(c.Routes)-1] = routeOf(w.graph.Sources[w.found], to, q)
	return c
}

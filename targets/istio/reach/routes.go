package reach

import (
	"cmp"
	"fmt"
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

// What is looked at is bounded: a hub that opens lets everyone in front of it reach everyone behind it.
const (
	maxStarts = 2000
	maxSteps  = 4_000_000
)

// routes finds who reaches what over two hops or more, and did not. Only callers in front of what was opened can.
func (d *differ) routes() error {
	was, err := d.before.Hops()
	if err != nil {
		return err
	}
	is, err := d.after.Hops()
	if err != nil {
		return err
	}
	starts := is.inFront(d.starts)
	old := map[string]*policy.Service{}
	for _, s := range allServices(d.before.Policy) {
		old[s.ID()] = s
	}
	type group struct {
		route Route
		from  policy.Source
		to    *policy.Service
	}
	groups := map[string]*group{}
	var order []string
	steps := 0
	wide := map[string]bool{} // what a wide caller reaches is not said again of each in it
	for i, start := range starts {
		if i >= maxStarts || steps > maxSteps {
			d.diff.Unfollowed = len(starts) - i
			break
		}
		now, n := is.distances(start)
		steps += n
		before := map[string]bool{}
		from := start
		if start.Kind == policy.FromService {
			from.Service = old[start.Service.ID()]
		}
		if start.Kind != policy.FromService || from.Service != nil {
			reached, n := was.distances(from)
			steps += n
			for s := range reached {
				before[s.ID()] = true
			}
		}
		gained := map[int][]*policy.Service{}
		for s, hops := range now {
			if hops >= 2 && !before[s.ID()] && s != start.Service && !wide[s.ID()] {
				gained[hops] = append(gained[hops], s)
			}
		}
		if start.Kind != policy.FromService {
			for _, list := range gained {
				for _, s := range list {
					wide[s.ID()] = true
				}
			}
		}
		for hops, list := range gained {
			names := make([]string, len(list))
			for i, s := range list {
				names[i] = s.ID()
			}
			slices.Sort(names)
			key := fmt.Sprint(hops, names)
			if groups[key] == nil {
				groups[key] = &group{Route{To: names, Hops: hops}, start, list[0]}
				order = append(order, key)
			}
			groups[key].route.From = append(groups[key].route.From, start.String())
		}
	}
	for _, key := range order {
		g := groups[key]
		slices.Sort(g.route.From)
		if len(g.route.From) == 1 && len(g.route.To) == 1 {
			if chain := is.Chain(g.from, g.to, nil, nil); chain != nil {
				g.route.Chain = chain.String()
			}
		}
		d.diff.Reachable = append(d.diff.Reachable, g.route)
	}
	slices.SortFunc(d.diff.Reachable, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Hops, b.Hops), slices.Compare(a.From, b.From), slices.Compare(a.To, b.To))
	})
	return nil
}

// inFront is callers and all services from which a chain leads to one of them, the widest first.
func (h *Hops) inFront(callers []policy.Source) []policy.Source {
	seen := map[policy.Source]bool{}
	var all []policy.Source
	visit := func(s policy.Source) {
		if !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	for _, c := range callers {
		visit(c)
	}
	byPrincipal := map[string][]*policy.Service{}
	byNamespace := map[string][]*policy.Service{}
	for _, s := range h.all {
		if p := h.model.Principal(s); p != "" {
			byPrincipal[p] = append(byPrincipal[p], s)
			byNamespace[s.Namespace] = append(byNamespace[s.Namespace], s)
		}
	}
	for i := 0; i < len(all); i++ {
		if all[i].Kind != policy.FromService || h.callers[all[i].Service] == nil {
			continue
		}
		c := h.callers[all[i].Service]
		lists := [][]*policy.Service{}
		for p := range c.Services {
			lists = append(lists, byPrincipal[p])
		}
		for n := range c.Namespaces {
			lists = append(lists, byNamespace[n])
		}
		if c.Any || c.World {
			wide := policy.Source{Kind: policy.FromAny} // what it reaches is said of all of them
			if c.World {
				wide.Kind = policy.FromWorld
			}
			visit(wide)
		}
		for _, list := range lists {
			for _, s := range list {
				visit(policy.Source{Service: s})
			}
		}
	}
	slices.SortFunc(all, func(a, b policy.Source) int {
		if a.Kind != b.Kind {
			return cmp.Compare(b.Kind, a.Kind)
		}
		return a.Compare(b)
	})
	return all
}

// distances is how many hops away each service is that a caller reaches, and how much was looked at.
func (h *Hops) distances(from policy.Source) (map[*policy.Service]int, int) {
	far := map[*policy.Service]int{}
	steps := 0
	opened := opened{namespaces: map[string]bool{}}
	level := h.callees(from, &opened)
	for hops := 1; len(level) > 0; hops++ {
		var next []*policy.Service
		for _, s := range level {
			steps++
			if _, seen := far[s]; seen {
				continue
			}
			far[s] = hops
			next = append(next, h.callees(policy.Source{Service: s}, &opened)...)
		}
		level = next
	}
	return far, steps
}

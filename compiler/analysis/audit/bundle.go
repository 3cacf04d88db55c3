package audit

import (
	"cmp"
	"iter"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/model"
	"github.com/meshc/meshc/compiler/policy"
)

// bundles is edges as sets of callers. Where everybody may call everybody there are as many edges as pairs of services,
// but few bundles.
type bundles struct {
	callers []model.Caller // by number
	numbers map[callerKey]int32
	all     []bundle
}

// bundle is edges that only their callers distinguish.
type bundle struct {
	Edge    // without From
	callers []int32
}

// callerKey identifies a caller: by its source, or by its words where these say more.
type callerKey struct {
	policy.Source
	words string
}

// number returns the number of a caller.
func (b *bundles) number(c model.Caller) int32 {
	key := callerKey{Source: c.Source}
	if !c.Plain() {
		key.words = c.String()
	}
	n, ok := b.numbers[key]
	if !ok {
		if b.numbers == nil {
			b.numbers = map[callerKey]int32{}
		}
		n = int32(len(b.callers))
		b.numbers[key] = n
		b.callers = append(b.callers, c)
	}
	return n
}

// add adds an edge from each of some sources.
func (b *bundles) add(e Edge, from []policy.Source) {
	if len(from) == 0 {
		return
	}
	callers := make([]int32, len(from))
	for i, f := range from {
		callers[i] = b.number(model.Caller{Source: f})
	}
	b.all = append(b.all, bundle{e, callers})
}

// bundler bundles the edges to one service.
type bundler struct {
	*bundles
	service string
	first   int
	at      map[kind]int
}

// kind is what edges of one bundle have in common.
type kind struct {
	port           uint16 // 0: those that nothing names
	client, result Transport
	server, why    string
}

func (b *bundles) to(service string) *bundler {
	return &bundler{b, service, len(b.all), map[kind]int{}}
}

// add adds an edge of which the ends are not set.
func (b *bundler) add(caller int32, port uint16, e Edge) {
	k := kind{port, e.Client, e.Result, e.Server, e.Why}
	i, ok := b.at[k]
	if !ok {
		if e.To = b.service; port == 0 {
			e.Other = true
		} else {
			e.Ports = []uint16{port}
		}
		i = len(b.all)
		b.at[k] = i
		b.all = append(b.all, bundle{Edge: e})
	}
	b.all[i].callers = append(b.all[i].callers, caller)
}

// close orders the bundles by port; that of the ports that nothing names comes last.
func (b *bundler) close() {
	port := func(e *bundle) uint16 {
		if e.Other {
			return 0
		}
		return e.Ports[0]
	}
	slices.SortStableFunc(b.all[b.first:], func(x, y bundle) int { return cmp.Compare(port(&x)-1, port(&y)-1) }) // 0 wraps
}

// Edges visits every edge, by caller and callee.
func (r *Report) Edges() iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		callers := make([]int32, len(r.bundles.callers))
		names := make([]string, len(callers))
		for i := range callers {
			callers[i], names[i] = int32(i), r.bundles.callers[i].String()
		}
		slices.SortStableFunc(callers, func(a, b int32) int { return cmp.Compare(names[a], names[b]) })
		order := make([]int32, len(r.bundles.all))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(r.bundles.all[a].To, r.bundles.all[b].To) })
		to := make([][]int32, len(callers))
		for _, i := range order {
			for _, c := range r.bundles.all[i].callers {
				to[c] = append(to[c], i)
			}
		}
		for _, c := range callers {
			for _, i := range to[c] {
				e := r.bundles.all[i].Edge
				e.From = r.bundles.callers[c]
				if !yield(e) {
					return
				}
			}
		}
	}
}

// Transports returns how many edges have each result.
func (r *Report) Transports() map[Transport]int {
	n := map[Transport]int{}
	for i := range r.bundles.all {
		n[r.bundles.all[i].Result] += len(r.bundles.all[i].callers)
	}
	return n
}

package enforce

import (
	"slices"
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// whenAsked is for which requests a clause counts at a point where a provider may be asked. The filter that asks comes
// before that of the other policies, so that these see what the provider wrote, which may be any header
// (buildHTTPConnectionManager in istio.io/istio/pilot/pkg/networking/core/listener_builder.go). A token is that with
// which a request comes to the policies, whether its caller or the provider brought it. That a provider writes another
// method, path or host is not considered.
type whenAsked uint8

const (
	alike     whenAsked = iota // for all: it looks at nothing that a provider writes
	original                   // for those about which none is asked
	rewritten                  // for those about which one is asked: what it looks at is not known
)

// ask prepares for clauses that look at what a provider may have written.
func (d *decider) ask(hits []hit) {
	d.asked = nil
	if !slices.ContainsFunc(hits, func(h hit) bool { return h.asked != alike }) {
		return
	}
	for _, h := range hits {
		if h.effect != Custom {
			continue
		}
		if d.asked == nil {
			d.asked = make(space.Set, len(d.all))
		}
		d.asked.AddAll(h.yes)
		if h.more != nil {
			d.asked.AddAll(h.more)
		}
	}
}

// seeing is the sources for whose requests a clause counts: a word of the set.
func (d *decider) seeing(when whenAsked, word int) uint64 {
	switch {
	case when == alike || when == original && d.asked == nil:
		return ^uint64(0)
	case d.asked == nil:
		return 0
	case when == original:
		return ^d.asked[word]
	}
	return d.asked[word]
}

// Writable reports whether a provider that is asked about a request may write what a dimension is about.
func Writable(t space.Table, d space.Dimension) bool {
	_, ok := t[d].Kind.(space.Headers)
	return ok
}

// writable reports whether a clause looks at what a provider may write.
func (r *Clause) writable(t space.Table) bool {
	return slices.ContainsFunc(r.To, func(b space.Box) bool {
		return slices.ContainsFunc(b, func(c space.Condition) bool { return Writable(t, c.Dimension) })
	})
}

// afterAsking is an object of which one clause does not know what it looks at, as far as a provider may have written
// it.
func (c *Point) afterAsking(o *Object, rule int) *Object {
	after := o.As(slices.Clone(o.Clauses))
	after.Clauses[rule] = after.Clauses[rule].hiding(func(condition *space.Condition) bool { return Writable(c.layer.Table, condition.Dimension) })
	after.Provider = strings.Join(c.providers(), " ") // what it writes depends on it
	return after
}

// hiding is a clause of which some conditions on what callers do are not known.
func (r Clause) hiding(some func(*space.Condition) bool) Clause {
	r.To = slices.Clone(r.To)
	for i := range r.To {
		r.To[i] = slices.Clone(r.To[i])
		for k := range r.To[i] {
			if some(&r.To[i][k]) {
				r.To[i][k].Dimension = space.HiddenHTTP
			}
		}
	}
	return r
}

// providers is those that may be asked, and the objects of which that is not known.
func (c *Point) providers() (all []string) {
	for _, o := range c.Policies {
		switch {
		case !o.does(Custom):
		case c.knows(o):
			all = append(all, o.Provider)
		default:
			all = append(all, o.ID()+o.Content)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

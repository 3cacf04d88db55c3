package check

import (
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// repeats finds edges, denies and asks that are stated twice.
type repeats struct {
	narrow map[edgeKey]source.Span // of few callers
	wide   map[ruleKey][]*rule     // of many, such as `* -> *`: one for each callee, with the same list of callers
	lists  map[callers]map[policy.Source]bool
}

// callers identifies the list of the callers of a rule.
type callers struct {
	first *policy.Source
	n     int
}

func callersOf(r *rule) callers { return callers{&r.From[0], len(r.From)} }

// many is how many callers make a rule wide.
const many = 64

// ruleKey identifies a callee, and the ports and operations of a rule.
type ruleKey struct {
	callee *service
	kind   kind
	key    string
}

type edgeKey struct {
	ruleKey
	caller policy.Source
}

func newRepeats() repeats {
	return repeats{map[edgeKey]source.Span{}, map[ruleKey][]*rule{}, map[callers]map[policy.Source]bool{}}
}

// first is the rule before that has a caller; zero where none does.
func (rs *repeats) first(k ruleKey, caller policy.Source) source.Span {
	if at, ok := rs.narrow[edgeKey{k, caller}]; ok {
		return at
	}
	for _, r := range rs.wide[k] {
		if rs.lists[callersOf(r)][caller] {
			return r.At
		}
	}
	return source.Span{}
}

// enter adds a rule. It returns the rule before that has its last caller, if rules before have all of its callers.
func (rs *repeats) enter(r *rule) (first source.Span, repeated bool) {
	k := ruleKey{r.callee, r.kind, r.key}
	wide := len(r.From) >= many
	repeated = true
	for _, f := range r.From {
		if at := rs.first(k, f); !at.IsZero() {
			first = at
			continue
		}
		if repeated = false; !wide {
			rs.narrow[edgeKey{k, f}] = r.At
		}
	}
	if repeated || !wide {
		return first, repeated
	}
	rs.wide[k] = append(rs.wide[k], r)
	if list := callersOf(r); rs.lists[list] == nil {
		rs.lists[list] = make(map[policy.Source]bool, len(r.From))
		for _, f := range r.From {
			rs.lists[list][f] = true
		}
	}
	return source.Span{}, false
}

// repeats reports a rule of which every caller has the same rule already.
func (c *checker) repeats(r *rule) {
	first, repeated := c.seen.enter(r)
	if !repeated {
		return
	}
	c.list.Add(diag.DuplicateEdge, r.ToAt, "this %s is already stated", r.kind).
		WithRelated(first, "first stated here").
		WithHelp("delete one of the two")
}

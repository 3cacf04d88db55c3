package check

import (
	"github.com/meshc/meshc/compiler/policy"
	"github.com/meshc/meshc/lang/diag"
	"github.com/meshc/meshc/lang/source"
)

// repeats finds edges, denies and asks that are stated twice.
type repeats struct {
	narrow map[edgeKey]*rule   // of few callers
	wide   map[ruleKey][]*rule // of many, such as `* -> *`: one for each callee, with the same list of callers
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

// edgeKey identifies one caller of such a rule.
type edgeKey struct {
	ruleKey
	service *policy.Service // the caller; nil if it is of another kind
	other   string          // that caller then, as it is written
}

func newRepeats(statements int) repeats {
	return repeats{make(map[edgeKey]*rule, statements), map[ruleKey][]*rule{}, map[callers]map[policy.Source]bool{}}
}

func (k ruleKey) of(caller policy.Source) edgeKey {
	if caller.Kind == policy.FromService {
		return edgeKey{k, caller.Service, ""}
	}
	return edgeKey{k, nil, caller.String()}
}

// first is the rule before that has a caller; nil if none does.
func (rs *repeats) first(k ruleKey, caller policy.Source) *rule {
	if r := rs.narrow[k.of(caller)]; r != nil || len(rs.wide) == 0 {
		return r
	}
	for _, r := range rs.wide[k] {
		if rs.lists[callersOf(r)][caller] {
			return r
		}
	}
	return nil
}

// enter adds a rule. It returns the rule before that has its last caller, if rules before have all of its callers.
func (rs *repeats) enter(r *rule) (first source.Span, repeated bool) {
	k := ruleKey{r.callee, r.kind, r.key}
	wide := len(r.From) >= many
	repeated = true
	for _, f := range r.From {
		if before := rs.first(k, f); before != nil {
			first = before.At
			continue
		}
		if repeated = false; !wide {
			rs.narrow[k.of(f)] = r
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

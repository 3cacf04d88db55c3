package model

import (
	"iter"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// RuleFor is the first of some rules of a service that a request matches; nil where it matches none. The rules are its
// Allow, Deny or Ask, and do not change.
func (m *Model) RuleFor(to *policy.Service, rules []policy.Rule, caller space.Source, r *space.Request) *policy.Rule {
	if len(rules) == 0 {
		return nil
	}
	index, ok := m.indices.Load(&rules[0])
	if !ok {
		index, _ = m.indices.LoadOrStore(&rules[0], m.indexOf(rules))
	}
	return index.(*ruleIndex).first(m, to, rules, caller, r)
}

// ruleIndex is where rules are in their list, in its order, so that of the thousands of a hub only those are looked at
// that may match.
type ruleIndex struct {
	rules map[ruleKey][]int
	heads
}

// ruleKey is a caller of a rule and a head of its paths.
type ruleKey struct {
	principal string // of a service; empty: every other source
	head      string
}

var anySource = []string{""}

func (m *Model) indexOf(rules []policy.Rule) *ruleIndex {
	index := &ruleIndex{rules: map[ruleKey][]int{}}
	for i := range rules {
		for _, head := range index.add(&rules[i]) {
			for _, f := range rules[i].From {
				principals := anySource
				if f.Kind == policy.FromService && f.Service.Proxied() {
					principals = m.Principals(f.Service) // none: nobody is known to be this caller
				}
				for _, principal := range principals {
					k := ruleKey{principal, head}
					if at := index.rules[k]; len(at) == 0 || at[len(at)-1] != i {
						index.rules[k] = append(at, i)
					}
				}
			}
		}
	}
	return index
}

// holds reports whether a request is one of those that a rule is about.
func (m *Model) holds(rule *policy.Rule, caller space.Source, r *space.Request) bool {
	if !Matches(r, &rule.Requests) {
		return false
	}
	if len(rule.Where) == 0 {
		return true
	}
	if r.Preflight() {
		without := caller.Request.With(space.Token, nil)
		caller.Request = &without
	}
	s := m.Subject(&rule.Requests)
	return s.Does(r) && s.From(caller, r.HTTP)
}

func (index *ruleIndex) first(m *Model, to *policy.Service, rules []policy.Rule, caller space.Source, r *space.Request) *policy.Rule {
	found := len(rules)
	look := func(k ruleKey) {
		for _, i := range index.rules[k] {
			if i >= found {
				return
			}
			rule := &rules[i]
			if (k.principal != "" || m.MatchesAnySource(to, caller, rule.From)) && !m.MatchesAnySource(to, caller, rule.Except) && m.holds(rule, caller, r) {
				found = i
				return
			}
		}
	}
	for head := range index.of(r.Text(space.Path)) {
		look(ruleKey{"", head})
		if caller.Identity() != "" {
			look(ruleKey{caller.Identity(), head})
		}
	}
	if found == len(rules) {
		return nil
	}
	return &rules[found]
}

// heads is how long the literal beginnings of the paths of some rules are, sorted: a rule can match a path only if the
// path has one of its heads.
type heads []int

// add enters a rule and returns its heads. That of a rule about every path is empty.
func (h *heads) add(rule *policy.Rule) []string {
	all := make([]string, 0, max(len(rule.Ops), 1))
	for _, o := range rule.Ops {
		all = append(all, policy.LiteralPrefix(o.Path))
	}
	if len(all) == 0 || rule.Widened {
		all = append(all, "")
	}
	for _, head := range all {
		if i, ok := slices.BinarySearch(*h, len(head)); !ok {
			*h = slices.Insert(*h, i, len(head))
		}
	}
	return all
}

// of is the beginnings of a path that heads may be.
func (h heads) of(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, n := range h {
			if n > len(path) || !yield(path[:n]) {
				return
			}
		}
	}
}

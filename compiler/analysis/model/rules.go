package model

import (
	"strings"

	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// RuleFor is the first of some rules of the language that a request matches; nil where it matches none. The rules are the Allow
// or the Deny of a service, and do not change.
func (m *Model) RuleFor(rules []policy.Rule, caller space.Source, r *space.Request) *policy.Rule {
	if len(rules) == 0 {
		return nil
	}
	index, ok := m.indices.Load(&rules[0])
	if !ok {
		index, _ = m.indices.LoadOrStore(&rules[0], m.indexOf(rules))
	}
	return index.(ruleIndex).first(m, rules, caller, r)
}

// ruleIndex is where rules are in their list, in its order, so that of the thousands of a hub only those are looked at that
// may match.
type ruleIndex map[ruleKey][]int

// ruleKey is one caller and one path of a rule.
type ruleKey struct {
	principal string // of a service; empty: every other source
	path      string // where it is the only one, without a wildcard; empty: every other list of operations
}

func (m *Model) indexOf(rules []policy.Rule) ruleIndex {
	index := ruleIndex{}
	for i := range rules {
		k := ruleKey{path: onlyPath(&rules[i])}
		for _, f := range rules[i].From {
			k.principal = ""
			if f.Kind == policy.FromService && f.Service.Proxied() {
				if k.principal = m.Principal(f.Service); k.principal == "" {
					continue // nobody is known to be this caller
				}
			}
			if at := index[k]; len(at) == 0 || at[len(at)-1] != i {
				index[k] = append(at, i)
			}
		}
	}
	return index
}

// onlyPath is the one exact path of a rule; empty where it has none or more.
func onlyPath(rule *policy.Rule) string {
	if len(rule.Ops) != 1 || strings.ContainsAny(rule.Ops[0].Path, "*{") {
		return ""
	}
	return rule.Ops[0].Path
}

// holds reports whether a request is one of those that a rule is about.
func (m *Model) holds(rule *policy.Rule, caller space.Source, r *space.Request) bool {
	if !Matches(r, &rule.Requests) {
		return false
	}
	if len(rule.Where) == 0 {
		return true
	}
	s := m.Subject(&rule.Requests)
	return s.Does(r) && s.From(caller, r.HTTP)
}

func (index ruleIndex) first(m *Model, rules []policy.Rule, caller space.Source, r *space.Request) *policy.Rule {
	found := len(rules)
	look := func(k ruleKey) {
		for _, i := range index[k] {
			if i >= found {
				return
			}
			rule := &rules[i]
			if (k.principal != "" || m.MatchesAnySource(caller, rule.From)) && !m.MatchesAnySource(caller, rule.Except) && m.holds(rule, caller, r) {
				found = i
				return
			}
		}
	}
	principals, paths := []string{"", caller.Identity()}, []string{"", r.Text(space.Path)}
	if principals[1] == "" {
		principals = principals[:1]
	}
	if paths[1] == "" {
		paths = paths[:1]
	}
	for _, principal := range principals {
		for _, path := range paths {
			look(ruleKey{principal, path})
		}
	}
	if found == len(rules) {
		return nil
	}
	return &rules[found]
}

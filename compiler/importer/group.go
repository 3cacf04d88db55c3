package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/print"
)

// shared is callers that several rules of a section have, and that get a name of their own.
type shared struct {
	name  string
	who   []caller
	rules []*rule
}

// Names get a group where that saves as many words of the text at least. A rule about one of them, which has all
// others, leaves it out of the group only where they are many: who calls is easier to read in a short list.
const (
	savedByGroup = 6
	manyCallers  = 8
)

// group finds the callers that several rules share.
func (s *section) group() {
	s.groups, s.grouped = nil, map[*rule]*shared{}
	byWho := map[string]*shared{}
	add := func(who []caller, r *rule) {
		key := fmt.Sprint(who)
		if byWho[key] == nil {
			byWho[key] = &shared{who: who}
		}
		byWho[key].rules = append(byWho[key].rules, r)
	}
	for _, r := range s.rules {
		if len(r.who) < 3 || len(r.except) > 0 || len(severalOf(r.who)) > 0 {
			continue
		}
		add(r.who, r)
		if self, ok := r.self(); ok && len(r.who) >= manyCallers && !slices.Contains(r.who, self) {
			at, _ := slices.BinarySearchFunc(r.who, self, compareCallers)
			add(slices.Insert(slices.Clone(r.who), at, self), r)
		}
	}
	var all []*shared
	for _, g := range byWho {
		if len(g.rules) > 1 {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *shared) int {
		return cmp.Or(cmp.Compare(b.saves(), a.saves()), slices.CompareFunc(a.who, b.who, compareCallers))
	})
	for _, g := range all {
		g.rules = slices.DeleteFunc(g.rules, func(r *rule) bool { return s.grouped[r] != nil })
		if g.saves() < savedByGroup {
			continue
		}
		for _, r := range g.rules {
			s.grouped[r] = g
		}
		g.name = s.called(g)
		s.groups = append(s.groups, g)
	}
	slices.SortFunc(s.groups, func(a, b *shared) int { return cmp.Compare(a.name, b.name) })
}

// self is the pods that a rule is about, as a caller.
func (r *rule) self() (self caller, ok bool) {
	if r.to == nil || r.to.account == "" {
		return self, false
	}
	return caller{in: r.to.namespace, account: r.to.account}, true
}

// saves is how many words a text has less with the group.
func (g *shared) saves() int {
	saved := -len(g.who) - 2
	for _, r := range g.rules {
		saved += len(r.who) - 1
		if len(r.who) < len(g.who) {
			saved -= 2 // except, and whom
		}
	}
	return saved
}

// called is a name for a group: what the names of its members begin with, the namespace that all are in, or whose
// callers they are.
func (s *section) called(g *shared) string {
	members := s.targets(g.who)
	prefix, in, elsewhere := strings.Split(members[0].Name.Text, "-"), members[0].Namespace.Text, members[0].Namespace.Text != ""
	for _, m := range members {
		words := strings.Split(m.Name.Text, "-")
		n := 0
		for n < min(len(words), len(prefix)) && words[n] == prefix[n] {
			n++
		}
		prefix, elsewhere = prefix[:n], elsewhere && m.Namespace.Text == in
	}
	var names []string
	if name := strings.Join(prefix, "-"); len(name) > 1 && name[0] >= 'a' {
		names = append(names, name)
	}
	if elsewhere {
		names = append(names, in)
	}
	if to := g.rules[0].to; to != nil && !slices.ContainsFunc(g.rules, func(r *rule) bool { return r.to != to }) {
		names = append(names, to.name+"-callers")
	}
	names = append(names, "callers")
	for k := 2; ; k++ {
		for _, name := range names {
			if s.in(s.name).free(name) == name && !s.names(name) {
				return name
			}
		}
		names = []string{fmt.Sprintf("callers-%d", k)}
	}
}

// names reports whether something in the namespace that is no service of the project has a name.
func (s *section) names(name string) bool {
	for _, w := range s.known.Workloads {
		if w.Namespace == s.name && w.Service == name {
			return true
		}
	}
	return slices.ContainsFunc(s.issuers, func(x *issuer) bool { return x.name == name }) ||
		slices.ContainsFunc(s.groups, func(g *shared) bool { return g.name == name })
}

// callers are those of a rule, as they are written.
func (s *section) callers(r *rule) lang.Hop {
	who, except := r.who, r.except
	g := s.grouped[r]
	if g != nil {
		who = nil
		if self, _ := r.self(); len(r.who) < len(g.who) {
			except = []caller{self}
		}
	}
	hop := lang.Hop{Targets: s.targets(who)}
	if g != nil {
		hop.Targets = []lang.Target{{Ref: lang.Ref{Name: name(g.name)}}}
	}
	for _, t := range s.targets(except) {
		hop.Except = append(hop.Except, t.Ref)
	}
	return hop
}

// declaration is the statement of the group.
func (g *shared) declaration(s *section) line {
	stmt := &lang.Group{Name: name(g.name)}
	for _, t := range s.targets(g.who) {
		stmt.Members = append(stmt.Members, t.Ref)
	}
	l := line{print.Line{Stmt: stmt}, nil}
	for _, r := range g.rules {
		for _, o := range r.of {
			if !slices.Contains(l.of, o) {
				l.of = append(l.of, o)
			}
		}
	}
	return l
}

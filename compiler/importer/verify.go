package importer

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/lang"
	"github.com/meshc/meshc/lang/print"
)

// verification is that pods verify the tokens of an issuer, whether their rules ask for them or not.
type verification struct {
	issuer *issuer
	to     *service // nil: every pod of the namespace
	of     *object
}

// verify adds what an object verifies.
func (s *section) verify(o *object) {
	to := []*service{o.about}
	if len(o.through) > 0 {
		to = nil
		for _, p := range o.through {
			to = append(to, p.service)
		}
	}
	for _, x := range s.issuers {
		if x.why != "" || !slices.Contains(x.of, o) {
			continue
		}
		for _, t := range to {
			s.tokens = append(s.tokens, verification{x, t, o})
		}
	}
	for _, t := range to {
		if t != nil {
			s.use(t, []*object{o})
		}
	}
}

// asks reports whether a rule asks for the tokens that are verified, so that it need not be said, or whether that is
// said of every pod.
func (s *section) asks(v verification) bool {
	for _, r := range s.rules {
		if (r.to == v.to || r.to == nil) && r.token != nil && slices.Contains(r.token.issuers, v.issuer) {
			return true
		}
	}
	return v.to != nil && slices.ContainsFunc(s.tokens, func(w verification) bool { return w.to == nil && w.issuer == v.issuer })
}

// verifications are the statements of what is verified, those of the same issuers together.
func (s *section) verifications() (all []line) {
	type group struct {
		issuers []*issuer
		to      []*service
		of      []*object
	}
	var groups []*group
	byName := func(t *service) string {
		if t == nil {
			return "" // pods
		}
		return t.name
	}
	slices.SortStableFunc(s.tokens, func(a, b verification) int {
		return cmp.Or(cmp.Compare(byName(a.to), byName(b.to)), cmp.Compare(a.issuer.name, b.issuer.name))
	})
	for k, v := range s.tokens {
		if k == 0 || v.to != s.tokens[k-1].to {
			groups = append(groups, &group{to: []*service{v.to}})
		}
		g := groups[len(groups)-1]
		if !slices.Contains(g.issuers, v.issuer) {
			g.issuers = append(g.issuers, v.issuer)
		}
		g.of = append(g.of, v.of)
	}
	for n := 0; n < len(groups); n++ {
		g := groups[n]
		groups = append(groups[:n+1], slices.DeleteFunc(groups[n+1:], func(other *group) bool {
			same := slices.Equal(other.issuers, g.issuers)
			if same {
				g.to, g.of = append(g.to, other.to...), append(g.of, other.of...)
			}
			return same
		})...)
		stmt := &lang.Verify{}
		for _, x := range g.issuers {
			stmt.Issuers = append(stmt.Issuers, name(x.name))
		}
		for _, t := range g.to {
			target := lang.Target{Ref: lang.Ref{Name: name("pods")}}
			if t != nil {
				target.Name = name(t.name)
			}
			stmt.Targets = append(stmt.Targets, target)
		}
		all = append(all, line{print.Line{Stmt: stmt}, g.of})
	}
	return all
}

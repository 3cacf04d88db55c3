package enforce

import "github.com/meshc/meshc/compiler/analysis/space"

// judge is Decide for all sources at once.
func (s *Classifier) judge(point int, r *space.Request, in []int32) Outcome {
	n := len(s.classes.Sources)
	c := s.points[point]
	var sure, perhaps [Custom + 1]space.Set
	for a := range sure {
		sure[a], perhaps[a] = s.NewSet(), s.NewSet()
	}
	matched := func(clause int32, certain bool) {
		r := &s.clauses[clause]
		if r.point != point {
			return
		}
		if certain {
			sure[r.action].AddAll(r.yes)
		} else {
			perhaps[r.action].AddAll(r.yes)
		}
		perhaps[r.action].AddAll(r.more)
	}
	for _, clause := range s.always {
		matched(clause, true)
	}
	for _, i := range in {
		if b := s.Box(i); b.Owner >= 0 {
			matched(b.Owner, b.Sure)
		}
	}
	guarded := false
	for _, p := range c.Policies {
		guarded = guarded || p.does(Allow) && !p.Broken
		if !p.Broken {
			continue
		}
		for _, a := range []Action{Allow, Deny, Custom} {
			if p.does(a) {
				perhaps[a].Fill(n)
			}
		}
	}
	o := Outcome{Allowed: s.NewSet(), Undecided: s.NewSet()}
	everyone := s.NewSet()
	everyone.Fill(n)
	for i := range o.Allowed {
		pass, open := sure[Allow][i], perhaps[Allow][i]&^sure[Allow][i]
		if !guarded {
			pass = everyone[i] &^ open
		}
		denied := sure[Deny][i]
		unsure := perhaps[Deny][i] | perhaps[Custom][i] | sure[Custom][i]
		o.Allowed[i] = pass &^ denied &^ unsure
		o.Undecided[i] = (open | pass&unsure) &^ denied
	}
	o.Mode, _ = c.Mode(r.Port)
	s.connect(&o)
	return o
}

// connect takes the mode of the port into account.
func (s *Classifier) connect(o *Outcome) {
	block := s.classes.Anonymous() // sources of one identity; the first has none
	total := len(s.classes.Sources)
	switch o.Mode {
	case Strict:
		for i := range block {
			o.Allowed.Remove(i)
			o.Undecided.Remove(i)
		}
	case Disable:
		for i := block; i < total; i++ {
			copyBit(o.Allowed, i, i%block)
			copyBit(o.Undecided, i, i%block)
		}
	case Unknown:
		for i := total - 1; i >= 0; i-- {
			plain := i % block
			switch {
			case i < block && (o.Allowed.Has(i) || o.Undecided.Has(i)):
				o.Allowed.Remove(i)
				o.Undecided.Add(i)
			case i >= block && (o.Allowed.Has(i) != o.Allowed.Has(plain) || o.Undecided.Has(i) != o.Undecided.Has(plain)):
				o.Allowed.Remove(i)
				o.Undecided.Add(i)
			}
		}
	}
}

func copyBit(s space.Set, to, from int) {
	if s.Has(from) {
		s.Add(to)
	} else {
		s.Remove(to)
	}
}

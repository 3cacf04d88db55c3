package eval

// judge is Decide for all sources at once.
func (s *Splitter) judge(callee int, live []int32) Outcome {
	n := len(s.split.Sources)
	c := s.callees[callee]
	var sure, perhaps [Custom + 1]Set
	size := words(n)
	next := func() Set { return s.sets.take(size) }
	for a := range sure {
		sure[a], perhaps[a] = next(), next()
	}
	matched := func(rule int32, certain bool) {
		r := &s.rules[rule]
		if r.callee != callee {
			return
		}
		if certain {
			sure[r.action].AddAll(r.yes)
		} else {
			perhaps[r.action].AddAll(r.yes)
		}
		perhaps[r.action].AddAll(r.more)
	}
	for _, rule := range s.always {
		matched(rule, true)
	}
	for _, i := range live {
		if rule := s.boxes[i].rule; rule >= 0 {
			matched(rule, s.boxes[i].sure)
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
	o := Outcome{Allowed: next(), Undecided: next()}
	everyone := next()
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
	o.Mode, _ = c.Mode(s.request.Port)
	s.connect(&o)
	return o
}

// connect takes the mode of the port into account.
func (s *Splitter) connect(o *Outcome) {
	block := s.cells[sourceDim].count * s.cells[remoteDim].count // sources of one identity; the first has none
	total := len(s.split.Sources)
	switch o.Mode {
	case Strict:
		for i := range block {
			o.Allowed.remove(i)
			o.Undecided.remove(i)
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
				o.Allowed.remove(i)
				o.Undecided.Add(i)
			case i >= block && (o.Allowed.Has(i) != o.Allowed.Has(plain) || o.Undecided.Has(i) != o.Undecided.Has(plain)):
				o.Allowed.remove(i)
				o.Undecided.Add(i)
			}
		}
	}
}

func copyBit(s Set, to, from int) {
	if s.Has(from) {
		s.Add(to)
	} else {
		s.remove(to)
	}
}

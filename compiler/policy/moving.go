package policy

import "slices"

// Before is the services whose pods must all be in ambient mode before the first pod of a service is: the callers, moving with
// it, that may call it and about whose requests its rules ask something. A sidecar connects to the pod itself, where nothing reads requests once it
// is in ambient mode.
func (p *Policy) Before(s *Service) (all []*Service) {
	if !s.Moving || len(s.Through()) == 0 {
		return nil
	}
	i := slices.IndexFunc(p.Meshes, func(m *Mesh) bool { return m.Name == s.Namespace })
	open := i >= 0 && !p.Meshes[i].Closes(s)
	may := func(c *Service) bool {
		return open || slices.ContainsFunc(s.Allow, func(r Rule) bool { return r.Includes(Source{Service: c}) })
	}
	seen := map[*Service]bool{}
	add := func(r *Rule) {
		for _, f := range r.From {
			candidates := []*Service{f.Service}
			if f.Kind != FromService {
				candidates = p.Services()
			}
			for _, c := range candidates {
				if c.Moving && !c.Unnamed && !seen[c] && r.Includes(Source{Service: c}) && may(c) {
					seen[c], all = true, append(all, c)
				}
			}
		}
	}
	for i, rules := range s.Rules() {
		for n := range rules {
			if r := &rules[n]; r.OfHTTP() || i == 0 && len(s.Issuers) > 0 {
				add(r)
			}
		}
	}
	return all
}

// Restarts is the order in which the pods of services that move change over, callers before what they call as far as Before says
// so: each wave once those before it are done. The last is a cycle that has no order; empty where there is none.
func (p *Policy) Restarts() (waves [][]*Service, cycle []*Service) {
	var left []*Service
	before := map[*Service][]*Service{}
	for _, s := range p.Services() {
		if s.Moving && !s.Unnamed {
			left = append(left, s)
			before[s] = p.Before(s)
		}
	}
	for len(left) > 0 {
		waits := func(s *Service) bool {
			return slices.ContainsFunc(before[s], func(c *Service) bool { return slices.Contains(left, c) })
		}
		wave := slices.DeleteFunc(slices.Clone(left), waits)
		if len(wave) == 0 {
			return waves, circle(left, before)
		}
		left = slices.DeleteFunc(left, func(s *Service) bool { return slices.Contains(wave, s) })
		waves = append(waves, wave)
	}
	return waves, nil
}

// circle is services of which each waits for the next, and the last for the first. Each of those given waits for another.
func circle(among []*Service, before map[*Service][]*Service) (all []*Service) {
	at := among[0]
	for !slices.Contains(all, at) {
		all = append(all, at)
		i := slices.IndexFunc(before[at], func(c *Service) bool { return slices.Contains(among, c) })
		at = before[at][i]
	}
	return all[slices.Index(all, at):]
}

package policy

import (
	"cmp"
	"slices"

	"github.com/meshc/meshc/lang/source"
)

// Wait is a caller whose pods must all be in ambient mode before the first pod of a service is, and the rule because of
// which.
type Wait struct {
	For *Service
	At  source.Span
}

// Waits is the callers, moving with a service, that may call it and about whose requests its rules ask something: a
// sidecar connects to the pods themselves, where nothing reads requests once they are in ambient mode.
func (p *Policy) Waits(s *Service) (all []Wait) {
	if !s.Moving || len(s.Through()) == 0 {
		return nil
	}
	i, found := slices.BinarySearchFunc(p.Meshes, s.Namespace, func(m *Mesh, name string) int { return cmp.Compare(m.Name, name) })
	open := found && !p.Meshes[i].Closes(s)
	may := func(c *Service) bool {
		return open || slices.ContainsFunc(s.Allow, func(r Rule) bool { return r.Includes(Source{Service: c}) })
	}
	seen := map[*Service]bool{}
	for i, rules := range s.Rules() {
		for n := range rules {
			r := &rules[n]
			if !r.OfHTTP() && (i > 0 || !s.RequestsAsked()) {
				continue
			}
			for _, f := range r.From {
				candidates := []*Service{f.Service}
				if f.Kind != FromService {
					candidates = p.Services()
				}
				for _, c := range candidates {
					if c.Moving && !c.Unnamed && !seen[c] && r.Includes(Source{Service: c}) && may(c) {
						seen[c], all = true, append(all, Wait{c, r.At})
					}
				}
			}
		}
	}
	return all
}

// RequestsAsked reports whether requests are denied by what they ask for at a service, a provider is asked about them,
// or their tokens are verified, whoever may call it.
func (s *Service) RequestsAsked() bool {
	return len(s.Issuers)+len(s.Ask) > 0 || slices.ContainsFunc(s.Deny, func(r Rule) bool { return r.OfHTTP() })
}

// Restarts is the order in which the pods of services that move change over: each wave once those before it are done.
// If some wait for each other, they come in no wave, and a cycle of them is returned: each waits for the next, and the
// last for the first.
func (p *Policy) Restarts() (waves [][]*Service, cycle []Wait) {
	var left []*Service
	waits := map[*Service][]Wait{}
	for _, s := range p.Services() {
		if s.Moving && !s.Unnamed {
			left = append(left, s)
			waits[s] = p.Waits(s)
		}
	}
	for len(left) > 0 {
		waiting := func(s *Service) bool {
			return slices.ContainsFunc(waits[s], func(w Wait) bool { return slices.Contains(left, w.For) })
		}
		wave := slices.DeleteFunc(slices.Clone(left), waiting)
		if len(wave) == 0 {
			return waves, circle(left, waits)
		}
		left = slices.DeleteFunc(left, func(s *Service) bool { return slices.Contains(wave, s) })
		waves = append(waves, wave)
	}
	return waves, nil
}

// circle is a cycle among services of which each waits for another.
func circle(among []*Service, waits map[*Service][]Wait) (all []Wait) {
	for at := among[0]; ; {
		i := slices.IndexFunc(waits[at], func(w Wait) bool { return slices.Contains(among, w.For) })
		next := waits[at][i]
		if n := slices.IndexFunc(all, func(w Wait) bool { return w.For == next.For }); n >= 0 {
			return append(all[n+1:], next)
		}
		all, at = append(all, next), next.For
	}
}

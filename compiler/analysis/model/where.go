package model

import (
	"fmt"
	"slices"

	"github.com/meshc/meshc/compiler/analysis/enforce"
	"github.com/meshc/meshc/compiler/analysis/space"
	"github.com/meshc/meshc/compiler/policy"
)

// dimension finds a dimension of the table by its name; negative where the table has none.
func (m *Model) dimension(name string) int {
	return slices.IndexFunc(m.Manifests.Table, func(info space.Info) bool { return info.Name == name && info.Kind != nil })
}

// known returns an error where a rule of a service has a condition in a dimension that the table does not have.
func (m *Model) known(s *policy.Service) error {
	for _, rules := range s.Rules() {
		for i := range rules {
			if err := m.knownDimensions(&rules[i].Requests); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Model) knownDimensions(q *policy.Requests) error {
	for _, c := range q.Where {
		if m.dimension(c.Dimension) < 0 {
			return fmt.Errorf("unknown dimension %q", c.Dimension)
		}
	}
	return nil
}

// Subject is what a statement is about: the ports and operations of some requests, and their conditions as those on
// callers and those on what callers do.
type Subject struct {
	*policy.Requests
	table               space.Table
	callers, operations space.Box
	http                bool // one of the conditions is on what is HTTP's
}

// Subject makes the subject of requests whose dimensions are all known.
func (m *Model) Subject(q *policy.Requests) Subject {
	s := Subject{Requests: q, table: m.Manifests.Table}
	for _, w := range q.Where {
		c := space.Condition{Dimension: space.Dimension(m.dimension(w.Dimension))}
		patterns := s.table.KeyPatterns(c.Dimension, w.Key, w.Values...)
		if w.Every {
			patterns = s.table.EveryPatterns(c.Dimension, w.Values...)
		}
		if w.Not {
			c.Not = patterns
		} else {
			c.Is = patterns
		}
		if s.table[c.Dimension].Caller {
			s.callers = append(s.callers, c)
		} else {
			s.operations = append(s.operations, c)
		}
	}
	s.http = len(q.Where) > 0 && s.table.HTTP([]space.Box{s.callers, s.operations})
	return s
}

// Does reports whether a request does one of the things that the subject is about. A condition on what is HTTP's is met
// by HTTP alone.
func (s *Subject) Does(r *space.Request) bool {
	return Matches(r, s.Requests) && (r.HTTP || !s.http || s.Widened) && (len(s.operations) == 0 || s.in(s.operations, r))
}

func (s *Subject) in(b space.Box, r *space.Request) bool {
	if s.Widened && !r.HTTP {
		return s.table.Match(b, r) == space.Yes
	}
	return s.table.In(b, r)
}

// From reports whether a caller meets the conditions on callers.
func (s *Subject) From(caller space.Source, http bool) bool {
	if len(s.callers) == 0 {
		return true
	}
	r := *caller.Request
	r.HTTP = http
	return s.in(s.callers, &r)
}

// AddRequests has requests distinguished from others.
func (m *Model) AddRequests(a *space.Distinctions, q *policy.Requests) {
	on := space.Box{}.And(space.Port, space.PortPatterns(q.Ports)...)
	if len(q.Ops)+len(q.Without) == 0 && len(q.Ports) > 0 {
		a.Operations = append(a.Operations, on)
	}
	for _, ops := range [...][]policy.Operation{q.Ops, q.Without} {
		for _, o := range ops {
			b := append(make(space.Box, 0, len(on)+2), on...).And(space.Method, space.Standard.Patterns(space.Method, o.Methods...)...)
			switch {
			case o.Path == "":
			case o.Every && policy.IsTemplate(o.Path):
				b = b.And(space.Path, space.EveryPattern(o.Path))
			default:
				b = b.And(space.Path, space.Standard.Pattern(space.Path, o.Path))
			}
			a.Operations = append(a.Operations, b)
		}
	}
	if len(q.Where) == 0 {
		return
	}
	s := m.Subject(q)
	if len(s.callers) > 0 {
		a.From = append(a.From, s.callers)
	}
	if len(s.operations) > 0 {
		a.Operations = append(a.Operations, s.operations)
	}
}

// asks reports whether the subject has a condition on a dimension of callers.
func (s *Subject) asks(d space.Dimension) bool {
	return slices.ContainsFunc(s.callers, func(c space.Condition) bool { return c.Dimension == d })
}

// afterAsking is rules as they are about requests about which a provider was asked, which may have written what some
// conditions look at: without these conditions, or without the rules that have them.
func (m *Model) afterAsking(all []policy.Rule, loose bool) (after []policy.Rule) {
	writable := func(c policy.Condition) bool {
		return enforce.Writable(m.Manifests.Table, space.Dimension(m.dimension(c.Dimension)))
	}
	for _, r := range all {
		if slices.ContainsFunc(r.Where, writable) {
			if !loose {
				continue
			}
			r.Where = slices.DeleteFunc(slices.Clone(r.Where), writable)
		}
		after = append(after, r)
	}
	return after
}

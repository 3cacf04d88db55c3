package eval

import (
	"iter"
	"slices"
	"sync"
)

// rulesByPath is the rules of a policy by the only paths that they can match, and those that are not of this kind. A hub
// has a rule for each of thousands of callers, and a request has one path.
type rulesByPath struct {
	once  sync.Once
	exact map[string][]int
	rest  []int
}

// candidates is the rules, in their order, that may match.
func (p *Policy) candidates(f *facts) iter.Seq[int] {
	return func(yield func(int) bool) {
		if !f.HTTP {
			for i := range p.rules {
				if !yield(i) {
					return
				}
			}
			return
		}
		p.byPath.once.Do(func() { p.byPath.fill(p.rules) })
		exact, rest := p.byPath.exact[f.Path], p.byPath.rest
		for len(exact)+len(rest) > 0 {
			next := &rest
			if len(rest) == 0 || len(exact) > 0 && exact[0] < rest[0] {
				next = &exact
			}
			if !yield((*next)[0]) {
				return
			}
			*next = (*next)[1:]
		}
	}
}

func (x *rulesByPath) fill(rules []rule) {
	x.exact = map[string][]int{}
	for i := range rules {
		paths, only := rules[i].paths()
		if !only {
			x.rest = append(x.rest, i)
		}
		for _, path := range paths {
			x.exact[path] = append(x.exact[path], i)
		}
	}
}

// paths is the paths of the requests of HTTP that a rule can match, sorted; only is false where there are others.
func (r *rule) paths() (paths []string, only bool) {
	for _, b := range r.to {
		i := slices.IndexFunc(b, func(c condition) bool {
			return c.dimension == pathDim && len(c.is) > 0 && !slices.ContainsFunc(c.is, func(p pattern) bool { return p.kind != exact })
		})
		if i < 0 {
			return nil, false
		}
		for _, p := range b[i].is {
			paths = append(paths, p.text)
		}
	}
	return once(paths), len(paths) > 0
}

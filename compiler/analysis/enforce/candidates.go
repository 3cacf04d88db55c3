package enforce

import (
	"iter"
	"sync"

	"github.com/meshc/meshc/compiler/analysis/space"
)

// clausesByPath is the rules of a policy by the only paths that they can match, and those that are not of this kind. A hub
// has a rule for each of thousands of callers, and a request has one path.
type clausesByPath struct {
	once  sync.Once
	exact map[string][]int
	rest  []int
}

// candidates is the rules, in their order, that may match.
func (p *Object) candidates(f *space.Facts) iter.Seq[int] {
	return func(yield func(int) bool) {
		if !f.HTTP {
			for i := range p.Clauses {
				if !yield(i) {
					return
				}
			}
			return
		}
		p.byPath.once.Do(func() { p.byPath.fill(p.Clauses) })
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

func (x *clausesByPath) fill(clauses []Clause) {
	x.exact = map[string][]int{}
	for i := range clauses {
		paths, only := space.ExactPaths(clauses[i].To)
		if !only {
			x.rest = append(x.rest, i)
		}
		for _, path := range paths {
			x.exact[path] = append(x.exact[path], i)
		}
	}
}
